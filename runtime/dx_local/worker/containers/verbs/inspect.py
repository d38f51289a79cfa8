"""`docker inspect`, `version`, `info` and `login`."""

from __future__ import annotations

import base64
import getpass
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images import job_images
from dx_local.worker.containers.images.json_files import changing
from dx_local.worker.containers.images.platforms import ARCHITECTURE
from dx_local.worker.containers.options import parse, table
from dx_local.worker.containers.running.state import RUNNING, all_containers, find_container
from dx_local.worker.containers.verbs.tables import filled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.containers.images.job_images import Image
    from dx_local.worker.containers.running.state import Container

    JSON = dict[str, Any]

VERSION = "20.10.0"
"""The version of docker whose behaviour this follows; apps compare it."""

_OPTIONS = table("s,size", "f,format type")
_LOGIN_OPTIONS = table("password-stdin", "u,username p,password")
_HUB_ADDRESS = "https://index.docker.io/v1/"


def inspect(words: Sequence[str]) -> int:
    """Print facts about containers and images as JSON, or by --format."""
    parsed = parse(words, _OPTIONS)
    found = [_facts(name, parsed.last("type")) for name in parsed.words]
    if template := parsed.last("format"):
        for each in found:
            print(filled(template, each))
    else:
        print(json.dumps(found, indent=4))
    return 0


def _facts(name: str, kind: str) -> JSON:
    if kind in ("", "container"):
        try:
            return container_facts(find_container(name))
        except DockerError:
            if kind:
                raise
    image = job_images.find_image(name)
    if image is None:
        raise DockerError(f"No such {kind or 'object'}: {name}")
    return image_facts(image)


def container_facts(container: Container) -> JSON:
    """Return the facts about a container under docker's names."""
    spec, content, state = container.spec, container.content, container.state
    is_running = state == RUNNING
    return {
        "Id": container.container_id,
        "Created": _time_text(content["created"]),
        "Path": spec.command[0],
        "Args": list(spec.command[1:]),
        "State": {
            "Status": state,
            "Running": is_running,
            "Paused": False,
            "Pid": content.get("pid") if is_running else 0,
            "ExitCode": content.get("exit_code") or 0,
            "StartedAt": _time_text(content.get("started") or 0),
            "FinishedAt": _time_text(content.get("finished") or 0),
        },
        "Image": f"sha256:{spec.image_id}",
        "Name": f"/{container.name}",
        "LogPath": container.log,
        "Mounts": [
            {"Type": "bind", "Source": each.source, "Destination": each.target, "RW": not each.is_read_only}
            for each in spec.mounts
        ],
        "Config": {
            "Hostname": spec.hostname,
            "User": spec.user,
            "Env": [f"{name}={value}" for name, value in spec.variables.items()],
            "Cmd": list(spec.command),
            "Image": spec.image,
            "WorkingDir": spec.working_folder,
            "Labels": spec.labels,
        },
    }


def image_facts(image: Image) -> JSON:
    """Return the facts about an image under docker's names."""
    return {
        "Id": f"sha256:{image.image_id}",
        "RepoTags": job_images.names_of(image.image_id),
        "RepoDigests": [],
        "Created": image.config.get("created", ""),
        "Architecture": image.config.get("architecture", ""),
        "Os": image.config.get("os", ""),
        "Config": image.defaults,
        "RootFS": {"Type": "layers", "Layers": (image.config.get("rootfs") or {}).get("diff_ids", [])},
    }


def _time_text(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def version(words: Sequence[str]) -> int:
    """Print the version of docker that this imitates."""
    facts = {"Version": VERSION, "Os": "linux", "Arch": ARCHITECTURE}
    parsed = parse(words, table("", "f,format"))
    if template := parsed.last("format"):
        print(filled(template, {"Client": facts, "Server": facts}))
    else:
        for part in ("Client", "Server"):
            print(f"{part}: dx-local\n Version:  {VERSION}\n OS/Arch:  linux/{ARCHITECTURE}")
    return 0


def print_version() -> int:
    """Print the version in one line."""
    print(f"Docker version {VERSION}, dx-local")
    return 0


def info(words: Sequence[str]) -> int:
    """Print the number of containers and images."""
    containers = all_containers()
    running = sum(each.is_running() for each in containers)
    facts = {
        "Containers": len(containers),
        "ContainersRunning": running,
        "ContainersStopped": len(containers) - running,
        "Images": len(job_images.all_images()),
        "ServerVersion": VERSION,
        "Driver": "overlay2",
        "OSType": "linux",
        "Architecture": os.uname().machine,
        "NCPU": os.cpu_count(),
    }
    if template := parse(words, table("", "f,format")).last("format"):
        print(filled(template, facts))
    else:
        for name, value in facts.items():
            print(f"{name}: {value}")
    return 0


def login(words: Sequence[str]) -> int:
    """Keep credentials for a registry, as docker does, in the job's home."""
    parsed = parse(words, _LOGIN_OPTIONS)
    user, password = parsed.last("username"), parsed.last("password")
    if "password-stdin" in parsed.flags:
        password = sys.stdin.read().rstrip("\r\n")
    if not password and sys.stdin.isatty():
        password = getpass.getpass("Password: ")
    if not (user and password):
        raise DockerError("log in with --username, and --password or --password-stdin")
    address = parsed.words[0] if parsed.words else _HUB_ADDRESS
    folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    os.makedirs(folder, 0o700, exist_ok=True)
    with changing(f"{folder}/config.json") as content:
        secret = base64.b64encode(f"{user}:{password}".encode()).decode()
        content.setdefault("auths", {})[address] = {"auth": secret}
    print("Login Succeeded")
    return 0


def logout(_words: Sequence[str]) -> int:
    """Accept the command; the job's home does not outlive the job."""
    return 0
