"""The settings of a cluster on which jobs run, as plain data, and the checks of each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_local.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCHEDULERS = ("slurm", "pbs", "lsf", "sge", "htcondor", "local")
"""Batch schedulers for `--on`; `local` starts the nodes as processes on this machine."""

WORKERS_PER_CORE = 4
"""Worker processes for each core of a node; a job keeps its process while it waits for other jobs."""

_MOST_WORKERS = 64
_WALLTIME = re.compile(r"(\d+):([0-5]\d):([0-5]\d)", re.ASCII)
# These are put into batch scripts and command lines without quotes, by Parsl.
_PLAIN_PATH = re.compile(r"/[\w@%+=:,./-]+")


@dataclass(frozen=True)
class ClusterSettings:
    """A cluster: its scheduler, the nodes to request, and the way to reach this machine from them."""

    on: str
    """One of SCHEDULERS."""
    nodes: int = 1
    """Most nodes at a time."""
    cores_per_node: int | None = None
    """None for all cores of a node."""
    memory_per_node: int | None = None
    """Bytes; None to request no memory."""
    walltime: str = "04:00:00"
    """Time for which a node is requested, as HH:MM:SS."""
    worker_port: int | None = None
    """Port at which nodes reach Parsl; None for a free one."""
    setup: str = ""
    """Shell lines that nodes run before Python is started."""
    python: str | None = None
    """Python of the nodes with dx-app-wizard[parsl]; None for the one that runs dx-local, by its path."""
    run_dir: str | None = None
    """Folder on a file system that nodes share; None for one in the user's state folder."""
    workers_per_core: int = WORKERS_PER_CORE
    provider: tuple[tuple[str, str | int | float | bool], ...] = ()
    """Further arguments of Parsl's provider by name, such as the partition."""


def _choice(*values: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in values:
            raise ValueError(f"{value!r} is not one of {', '.join(values)}")
        return value

    return check


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{value!r} is not a positive integer")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")  # noqa: TRY004 - reported as the others
    return value


def _address(value: Any) -> str:
    text = _text(value)
    split_address(text)
    return text


def _few(value: Any) -> int:
    count = _count(value)
    if count > _MOST_WORKERS:
        raise ValueError(f"{count} is more than {_MOST_WORKERS}")
    return count


def _size(value: Any) -> int:
    size = parse_size(value) if isinstance(value, str) else None
    if not size:
        raise ValueError(f"{value!r} is not a size such as 120GiB")
    return size


def _walltime(value: Any) -> str:
    match = _WALLTIME.fullmatch(_text(value))
    if match is None or not int(match[1]) * 60 + int(match[2]):
        raise ValueError(f"{value!r} is not a time of a minute or more, written as HH:MM:SS")
    return match[0]


def split_address(text: str) -> tuple[str, int | None]:
    """Return the host and the port, if there is one, of `ADDRESS` or `ADDRESS:PORT`. Raises ValueError."""
    host, colon, port = text.partition(":")
    if not host or (colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16)):
        raise ValueError(f"{text!r} is not an address; write ADDRESS or ADDRESS:PORT, such as 10.0.0.1")
    return host, int(port) if port else None


def _port(value: Any) -> int:
    port = _count(value)
    if port >= 1 << 16:
        raise ValueError(f"{port} is not a port")
    return port


def _path(value: Any) -> str:
    text = _text(value)
    if not _PLAIN_PATH.fullmatch(text):
        raise ValueError(
            f"{text!r} is not an absolute path without spaces and characters that a shell interprets"
        )
    return text


def _provider(value: Any) -> tuple[tuple[str, str | int | float | bool], ...]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r} is not a table")  # noqa: TRY004 - reported as the others
    for name, argument in value.items():
        if not isinstance(argument, (str, int, float, bool)):
            raise ValueError(f"{name}: {argument!r} is not text, a number, true or false")  # noqa: TRY004
    return tuple(value.items())


CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "on": _choice(*SCHEDULERS),
    "nodes": _count,
    "cores_per_node": _count,
    "memory_per_node": _size,
    "walltime": _walltime,
    "listen": _address,
    "worker_port": _port,
    "setup": _text,
    "python": _path,
    "run_dir": _path,
    "workers_per_core": _few,
    "sizes": _choice("slot", "instance"),
    "provider": _provider,
}
"""The check of each key of [executor]: it returns the value for the settings, or raises ValueError.

`listen` and `sizes` are fields of JobSettings, the others of ClusterSettings.
"""
