"""Settings for running jobs: one frozen object from the command line or `run_app()` to every consumer.

To add an option, declare it here, add its flag in `cli/job_options.py`, and read it at its one consumer.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypedDict, TypeVar

from dx_local.engine.debugging import DebugServer, ShellPlace, parse_debug_reasons, parse_port
from dx_local.engine.faults import Fault, parse_fault
from dx_local.errors import UsageError
from dx_local.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

ISOLATION_VARIABLE = "DX_LOCAL_ISOLATION"
"""Environment variable with the default of `isolation`."""

NETWORK_VARIABLE = "DX_LOCAL_NETWORK"
"""Environment variable with the default of `network`."""

PYTHON_VARIABLE = "DX_LOCAL_PYTHON"
"""Environment variable with the default of `python`."""

EXECUTOR_VARIABLE = "DX_LOCAL_EXECUTOR"
"""Environment variable with the default of `executor`."""

OLDEST_PYTHON = (3, 8)
"""Oldest Python that can run jobs; dxpy supports none before it either."""

PYTHON_VERSION = re.compile(r"(\d+)\.(\d+)(\.\d+)?", re.ASCII)
_OF_INSTANCE: Literal["instance"] = "instance"


class Isolation(str, Enum):
    """Use of a sandbox for jobs: if the machine allows it, always (or fail), or never."""

    AUTO = "auto"
    NAMESPACE = "namespace"
    NONE = "none"


class NetworkAccess(str, Enum):
    """Jobs that get network access: only those of apps that request access.network, or all."""

    AUTO = "auto"
    ALLOW = "allow"


class InputDelivery(str, Enum):
    """Delivery of input files: a private copy, or a read-only link if the sandbox protects the original."""

    COPY = "copy"
    LINK = "link"


class Sizes(str, Enum):
    """The share of a node that a job takes: one slot, or the cores and memory of its instance type."""

    SLOT = "slot"
    INSTANCE = "instance"


class JobOptions(TypedDict, total=False):
    """Job settings as a user writes them; options that are missing or None have their default."""

    max_parallel: int | None
    xtrace: bool
    plain_bash: bool
    reuse: bool
    input_delivery: str
    python: str | None
    install_depends: bool
    isolation: str
    network: str
    memory_limit: str | None
    executor: str
    sizes: str
    listen: str | None
    objects: Sequence[str]
    apps: Sequence[str]
    inject: Sequence[str]
    debug_on: Sequence[str]
    debug_job: str | None
    debugpy: int | None


@dataclass(frozen=True)
class JobSettings:
    """Settings for all jobs of one platform, as plain data that JSON can hold."""

    max_parallel: int | None = None
    """Number of jobs to run in parallel; None for one per core, or as many as the nodes have slots for."""
    xtrace: bool = False
    """True to have bash print each command before it runs."""
    plain_bash: bool = False
    """True to set no ERR trap, by which a failed job names the line at which its bash code failed."""
    reuse: bool = False
    """True to reuse the output of an earlier job of the platform with the same code and input."""
    input_delivery: InputDelivery = InputDelivery.COPY
    python: str | None = field(default_factory=lambda: os.environ.get(PYTHON_VARIABLE) or None)
    """Python version for jobs; None for that of the app's release, if this machine has it."""
    install_depends: bool = False
    """True to unpack missing Debian packages of execDepends for jobs."""
    isolation: Isolation = Isolation.AUTO
    network: NetworkAccess = NetworkAccess.AUTO
    memory_limit: int | Literal["instance"] | None = None
    """Bytes of memory that each job may use, `instance` for those of its instance type, None for no limit."""
    executor: str = "local"
    """Name of an executor in `executors/registry.py`."""
    sizes: Sizes = Sizes.SLOT
    """The share of a node that a job takes."""
    listen: str | None = None
    """`ADDRESS` or `ADDRESS:PORT` by which nodes reach this machine; None if the engine finds it."""
    objects: tuple[str, ...] = ()
    """`ID=PATH` of objects of the cloud and the local data for them, beside those of the project file."""
    apps: tuple[str, ...] = ()
    """Folders of further apps in the project, beside those of the project file."""
    inject: tuple[Fault, ...] = ()
    """Faults that happen to jobs."""
    debug_on: tuple[str, ...] = ()
    """Reasons of failures at which jobs stop in a debugger, as `dx run --debug-on` names them."""
    shell: ShellPlace | None = None
    """Set to run a shell instead of the code of the job."""
    debug_job: str | None = None
    """Label of the one job for debuggers; None for every job, or for the first one with debugpy."""
    debugpy: DebugServer | None = None
    """Set to have one job wait for a client of debugpy."""

    @property
    def slots(self) -> int:
        """Number of jobs to run in parallel on this machine."""
        return self.max_parallel or os.cpu_count() or 1

    @classmethod
    def from_options(cls, options: JobOptions) -> JobSettings:
        """Return the settings for these options. Raises UsageError for an invalid value.

        Environment variables supply isolation, network, Python and executor if the options do not.
        """
        given: dict[str, Any] = {
            "python": os.environ.get(PYTHON_VARIABLE) or None,
            "isolation": os.environ.get(ISOLATION_VARIABLE) or None,
            "network": os.environ.get(NETWORK_VARIABLE) or None,
            "executor": os.environ.get(EXECUTOR_VARIABLE) or None,
            **{name: value for name, value in options.items() if value is not None},
        }
        parsed = {name: _parse(name, value) for name, value in given.items() if value is not None}
        return cls(**parsed)


def check_python(python: str) -> str:
    """Return a Python version unchanged. Raises UsageError if it is too old for jobs."""
    match = PYTHON_VERSION.fullmatch(python)
    if match and (int(match[1]), int(match[2])) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        raise UsageError(f"jobs cannot run under Python {python}", f"Choose version {oldest} or newer.")
    return python


def parse_memory_limit(text: str) -> int | Literal["instance"]:
    """Return the bytes of a limit such as `2GiB`, or `instance`. Raises UsageError."""
    if text == _OF_INSTANCE:
        return _OF_INSTANCE
    size = parse_size(text)
    if not size:
        raise UsageError(
            f"{text!r} is not a memory limit", f"Write a size such as 512MiB or 2GiB, or {_OF_INSTANCE!r}."
        )
    return size


_Choice = TypeVar("_Choice", Isolation, NetworkAccess, InputDelivery, Sizes)


def _choice(kind: type[_Choice]) -> Callable[[str], _Choice]:
    """Return a function that finds a member of an enumeration by its value, or raises UsageError."""

    def parse(text: str) -> _Choice:
        try:
            return kind(text)
        except ValueError:
            choices = ", ".join(member.value for member in kind)
            raise UsageError(f"{text!r} is not one of {choices}") from None

    return parse


_PARSERS: dict[str, Callable[[Any], object]] = {
    "max_parallel": lambda count: count or None,
    "input_delivery": _choice(InputDelivery),
    "python": check_python,
    "isolation": _choice(Isolation),
    "network": _choice(NetworkAccess),
    "sizes": _choice(Sizes),
    "memory_limit": parse_memory_limit,
    "debug_on": parse_debug_reasons,
    "debugpy": parse_port,
    "objects": tuple,
    "apps": tuple,
    "inject": lambda texts: tuple(map(parse_fault, texts)),
}


def _parse(name: str, value: Any) -> Any:  # Any: each option has its own type
    return _PARSERS[name](value) if name in _PARSERS else value
