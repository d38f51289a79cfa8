"""The options of `docker run` and `docker create`, and the container that they describe.

Source: https://docs.docker.com/reference/cli/docker/container/run/
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.options import Parsed, parse, table
from dx_local.worker.containers.running.root_folder import Mount
from dx_local.worker.containers.running.state import ContainerSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.containers.images.job_images import Image

# Options without effect are accepted: a container has the network, the devices and the limits of its job.
OPTIONS = table(
    "d,detach i,interactive t,tty rm"
    " init privileged read-only no-healthcheck oom-kill-disable q,quiet sig-proxy disable-content-trust"
    " P,publish-all use-api-socket",
    "v,volume mount tmpfs w,workdir e,env env-file u,user entrypoint name h,hostname l,label cidfile"
    " net,network m,memory memory-swap memory-reservation memory-swappiness kernel-memory c,cpu-shares cpus"
    " cpuset-cpus cpuset-mems cpu-period cpu-quota cpu-rt-period cpu-rt-runtime shm-size ulimit pids-limit"
    " blkio-weight device device-cgroup-rule gpus cap-add cap-drop security-opt group-add userns pid ipc uts"
    " cgroupns cgroup-parent runtime restart log-driver log-opt label-file link network-alias ip ip6"
    " mac-address add-host dns dns-option dns-search domainname p,publish expose stop-signal stop-timeout"
    " sysctl oom-score-adj platform pull isolation a,attach health-cmd health-interval health-retries"
    " health-start-period health-timeout detach-keys annotation storage-opt",
    may_follow=False,
)
_UNSUPPORTED = ("volumes-from", "volume-driver")
_READ_ONLY = ("ro", "readonly")


def parse_options(words: Sequence[str]) -> Parsed:
    """Return the options of `docker run`; the other words are the image and its arguments."""
    for word in words:
        if word.lstrip("-").partition("=")[0] in _UNSUPPORTED and word.startswith("--"):
            raise DockerError(f"{word.partition('=')[0]} is not supported without a Docker daemon")
    parsed = parse(words, OPTIONS)
    if not parsed.words:
        raise DockerError('"docker run" requires at least 1 argument: the name of an image')
    return parsed


def container_spec(image: Image, parsed: Parsed) -> ContainerSpec:
    """Return the container that options ask for. Raises DockerError."""
    defaults = image.defaults
    entrypoint = list(defaults.get("Entrypoint") or ())
    arguments = parsed.words[1:] or list(defaults.get("Cmd") or ())
    if "entrypoint" in parsed.values:
        text = parsed.last("entrypoint")
        entrypoint, arguments = [text] if text else [], parsed.words[1:]
    command = (*entrypoint, *arguments)
    if not command:
        raise DockerError("no command specified, and the image has none")
    folder = parsed.last("workdir") or defaults.get("WorkingDir") or "/"
    if not folder.startswith("/"):
        raise DockerError(f"the working directory {folder!r} is invalid: it must be an absolute path")
    return ContainerSpec(
        image=parsed.words[0],
        image_id=image.image_id,
        layers=image.layers,
        command=command,
        variables=_variables(image, parsed),
        working_folder=folder,
        user=parsed.last("user") or defaults.get("User") or "",
        hostname=parsed.last("hostname"),
        mounts=tuple(_mounts(parsed)),
        labels={**(defaults.get("Labels") or {}), **dict(map(_pair, parsed.all("label")))},
        has_input="interactive" in parsed.flags,
        has_terminal="tty" in parsed.flags,
        is_removed="rm" in parsed.flags,
    )


def given_variables(parsed: Parsed) -> dict[str, str]:
    """Return the environment of --env-file and --env. Raises DockerError."""
    lines = [line.strip("\r\n").lstrip() for path in parsed.all("env-file") for line in _lines_of(path)]
    texts = [line for line in lines if line and not line.startswith("#")] + parsed.all("env")
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name:
            raise DockerError(f"invalid environment variable: {text!r}")
        if equals:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
    return found


def _lines_of(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readlines()
    except OSError as error:
        raise DockerError(f"--env-file {path}: {error.strerror}") from error


def _variables(image: Image, parsed: Parsed) -> dict[str, str]:
    terminal = {"TERM": "xterm"} if "tty" in parsed.flags else {}
    return {**image.variables, **terminal, **given_variables(parsed)}


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _mounts(parsed: Parsed) -> list[Mount]:
    found = [_volume(text) for text in parsed.all("volume")]
    found += [_mount(text) for text in parsed.all("mount")]
    found += [Mount(text.partition(":")[0], "") for text in parsed.all("tmpfs")]
    for each in found:
        if not each.target.startswith("/") or os.path.normpath(each.target).strip("/") == "":
            raise DockerError(
                f"invalid mount path: {each.target!r} must be absolute, and not the root folder"
            )
    return found


def _volume(text: str) -> Mount:
    """Return the mount of SOURCE:TARGET[:OPTIONS]; the source is made if it is missing, as docker does."""
    source, _, rest = text.partition(":")
    target, _, options = rest.partition(":")
    if not target:
        raise DockerError(f"-v {text}: volumes without a folder are not supported without a Docker daemon")
    if not source.startswith(("/", ".", "~")):
        raise DockerError(
            f"-v {text}: named volumes are not supported without a Docker daemon; name a folder"
        )
    source = os.path.abspath(source)
    if not os.path.exists(source):
        os.makedirs(source, exist_ok=True)
    return Mount(target, source, any(word in options.split(",") for word in _READ_ONLY))


def _mount(text: str) -> Mount:
    """Return the mount of type=bind,source=SOURCE,target=TARGET[,readonly]."""
    fields = dict(map(_pair, text.split(",")))
    source = fields.get("source", fields.get("src", ""))
    target = fields.get("target", fields.get("destination", fields.get("dst", "")))
    kind = fields.get("type", "volume")
    if kind not in ("bind", "tmpfs") or not target or (kind == "bind" and not source):
        raise DockerError(
            f"--mount {text}: only type=bind,source=…,target=… and type=tmpfs,target=… are supported"
        )
    is_read_only = any(fields.get(name, "false") in ("", "true", "1") for name in _READ_ONLY)
    if kind == "tmpfs":
        return Mount(target, "")
    if not os.path.exists(source):
        raise DockerError(f"invalid mount config for type bind: source path does not exist: {source}")
    return Mount(target, os.path.abspath(source), is_read_only)
