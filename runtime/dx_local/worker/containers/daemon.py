"""Become the client of this machine's Docker daemon, if there is one.

The daemon runs outside, where folders of a sandboxed job have other paths. These are in the environment, and
folders in --volume and --mount are translated; everything else is passed on unchanged to the next docker in
PATH.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HOST_PATHS = "DX_LOCAL_HOST_PATHS"
_SOCKET = "/var/run/docker.sock"
_PATIENCE_SECONDS = 2.0
_SAME = ("/dev", "/etc", "/proc", "/run", "/sys")  # hardly ever changed by a job

# The options of `docker run` and `docker create` that take no value.
# Source: https://docs.docker.com/reference/cli/docker/container/run/
_SHORT_FLAGS = "Pdiqt"
_FLAGS = {
    "--detach",
    "--disable-content-trust",
    "--help",
    "--init",
    "--interactive",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--privileged",
    "--publish-all",
    "--quiet",
    "--read-only",
    "--rm",
    "--sig-proxy",
    "--tty",
    "--use-api-socket",
}


def _on_host(path: str) -> str:
    """Return the host's path of a folder of the job; another folder unchanged."""
    host_paths: dict[str, str] = json.loads(os.environ[_HOST_PATHS])
    whole = os.path.realpath(path)
    for inside, outside in host_paths.items():
        if (whole + "/").startswith(inside + "/"):
            return outside + whole[len(inside) :]
    if not (whole + "/").startswith(tuple(f"{folder}/" for folder in _SAME)):
        shared = ", ".join(host_paths)
        message = (
            f"docker: the container gets {whole} of this machine, not of the job; only {shared} are shared"
        )
        print(message, file=sys.stderr)
    return path


def _volume(value: str) -> str:
    """Translate the value of --volume: SOURCE:TARGET, in which SOURCE may be the name of a volume instead."""
    source, colon, rest = value.partition(":")
    return f"{_on_host(source)}:{rest}" if colon and source.startswith(("/", ".")) else value


def _mount(value: str) -> str:
    """Translate the value of --mount: type=bind,source=SOURCE,target=TARGET."""
    fields = [field.partition("=") for field in value.split(",")]
    if ("type", "=", "bind") not in fields:
        return value
    return ",".join(
        f"{name}={_on_host(text)}" if name in ("source", "src") else name + equals + text
        for name, equals, text in fields
    )


def _long_option(word: str, rest: Iterator[str]) -> list[str]:
    """Translate a long option; take its value from the following words if it requires one."""
    name, equals, value = word.partition("=")
    if name in _FLAGS:
        return [word]
    if not equals:
        following = next(rest, None)
        if following is None:
            return [word]
        value = following
    translate = {"--volume": _volume, "--mount": _mount}.get(name, str)
    return [name, translate(value)]


def _short_options(word: str, rest: Iterator[str]) -> list[str]:
    """Translate combined short options; take the value of the last one from the following words."""
    flags = len(word[1:]) - len(word[1:].lstrip(_SHORT_FLAGS))
    options, value = word[: flags + 2], word[flags + 2 :]
    if flags == len(word) - 1:
        return [word]
    if not value:
        following = next(rest, None)
        if following is None:
            return [word]
        value = following
    elif value.startswith("="):
        value = value[1:]
    return [options, _volume(value) if options.endswith("v") else value]


def _translated(words: Sequence[str]) -> list[str]:
    """Translate the words after `docker run`; those from the image on belong to the container."""
    done: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word in ("-", "--"):
            return [*done, word, *rest]
        done += _long_option(word, rest) if word.startswith("--") else _short_options(word, rest)
    return done


def become_client(own_path: str, words: Sequence[str]) -> None:
    """Become the real docker if there is one, and a daemon for it; return otherwise."""
    program = _next("docker", own_path) if _answers() else None
    if program is None:
        return
    words = list(words)
    commands = words[1:2] if words[:1] == ["container"] else words[:1]
    # A script is podman's docker, which runs containers inside the sandbox.
    if commands in (["run"], ["create"]) and _HOST_PATHS in os.environ and not _is_script(program):
        start = words.index(commands[0]) + 1
        words = [*words[:start], *_translated(words[start:])]
    os.execv(program, ["docker", *words])  # noqa: S606  (the job asks for this program)


def become_daemonless(name: str, own_path: str, words: Sequence[str]) -> None:
    """Become the podman of this machine, which needs no daemon, or its docker if that is podman's.

    This is for jobs without a sandbox, which can use both. Returns if there is none.
    """
    program = _next(name, own_path)
    if program and (name == "podman" or _is_script(program)):
        os.execv(program, [name, *words])  # noqa: S606  (the job asks for this program)


def _answers() -> bool:
    """Return whether a daemon accepts connections."""
    address = urlsplit(os.environ.get("DOCKER_HOST") or f"unix://{_SOCKET}")
    with contextlib.suppress(OSError, ValueError):
        if address.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_PATIENCE_SECONDS)
                connection.connect(address.path)
            return True
        if address.scheme == "tcp":
            place = (address.hostname or "localhost", address.port or 2375)
            socket.create_connection(place, _PATIENCE_SECONDS).close()
            return True
        return bool(address.scheme)  # through ssh, for example
    return False


def _next(name: str, own_path: str) -> str | None:
    """Return the path of the first program of a name in PATH that is none of ours, or None."""
    own_folder = os.path.dirname(os.path.abspath(own_path))
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name)
        # The clients of the tool server are in a folder with `.plain` (dx_tools/client.py).
        is_own = os.path.abspath(folder) == own_folder or os.path.isdir(os.path.join(folder, ".plain"))
        if not is_own and os.access(path, os.X_OK):
            return path
    return None


def _is_script(program: str) -> bool:
    with open(program, "rb") as file:
        return file.read(2) == b"#!"
