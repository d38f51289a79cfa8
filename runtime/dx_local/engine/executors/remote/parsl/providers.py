"""Make Parsl's provider for a scheduler, which asks it often, and learns why requests wait."""

from __future__ import annotations

import inspect
import math
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from parsl.launchers import SimpleLauncher
from parsl.providers import (
    CondorProvider,
    GridEngineProvider,
    LocalProvider,
    LSFProvider,
    PBSProProvider,
    SlurmProvider,
)

from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dx_local.engine.cluster.settings import ClusterSettings

POLL_SECONDS = 10
"""Time between two questions for the state of nodes; Parsl's 60 s would delay replacements of lost ones."""

_GIB = 1 << 30
_QUERY_SECONDS = 10


class PolledSlurmProvider(SlurmProvider):
    """A provider for Slurm that also knows why requests wait in the queue."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.reasons: dict[str, str] = {}
        """The state and Slurm's reason, such as `PENDING, Resources`, by the ID of a waiting request."""

    @property
    def status_polling_interval(self) -> int:
        """Return the time between two questions in seconds."""
        return POLL_SECONDS

    def _status(self) -> None:
        super()._status()  # type: ignore[no-untyped-call]
        pending = [job for job, found in self.resources.items() if found["status"].status_name == "PENDING"]
        self.reasons = _reasons(pending) if pending else {}


class PolledPbsProvider(PBSProProvider):
    """A provider for PBS Pro that asks often."""

    status_polling_interval = POLL_SECONDS


class PolledLsfProvider(LSFProvider):
    """A provider for LSF that asks often."""

    status_polling_interval = POLL_SECONDS


class PolledGridEngineProvider(GridEngineProvider):
    """A provider for SGE that asks often."""

    status_polling_interval = POLL_SECONDS


class PolledCondorProvider(CondorProvider):
    """A provider for HTCondor that asks often."""

    status_polling_interval = POLL_SECONDS


_PROVIDERS: Mapping[str, tuple[type[Any], str]] = {
    "slurm": (PolledSlurmProvider, "sbatch"),
    "pbs": (PolledPbsProvider, "qsub"),
    "lsf": (PolledLsfProvider, "bsub"),
    "sge": (PolledGridEngineProvider, "qsub"),
    "htcondor": (PolledCondorProvider, "condor_submit"),
    "local": (LocalProvider, "bash"),
}
"""The provider of each scheduler, and the program that must be on PATH."""

_OWN = frozenset(
    {
        "nodes_per_block",
        "init_blocks",
        "min_blocks",
        "max_blocks",
        "parallelism",
        "walltime",
        "worker_init",
        "launcher",
        "cores_per_node",
        "mem_per_node",
    }
)
"""Arguments that dx-local sets itself, from the other keys of [executor]."""


def make_provider(settings: ClusterSettings, cores: int | None = None, least_cores: int = 1) -> Any:
    """Return the provider for the settings; `cores` are those of a node, of which it has `least_cores`.

    Raises UsageError if its scheduler is not installed here, or for an argument that it does not have.
    """
    kind, program = _PROVIDERS[settings.on]
    if shutil.which(program) is None:
        raise UsageError(
            f"jobs cannot be sent to {settings.on}: the program {program} is not on PATH",
            "Run dx-local on a machine from which you submit batch jobs.",
        )
    names = _names(kind)
    own = {
        "nodes_per_block": 1,
        "init_blocks": 0,
        "min_blocks": 0,
        "max_blocks": settings.nodes,
        "worker_init": _setup(settings, cores),
        "launcher": SimpleLauncher(),
        "walltime": settings.walltime,
        **_resources(settings, cores),
    }
    given = dict(settings.provider)
    _check_names(given, names, settings.on)
    if settings.on == "slurm" and cores is None and least_cores > 1:
        # The nodes of a partition may differ in size.
        own_options = f"#SBATCH --mincpus={least_cores}"
        given["scheduler_options"] = f"{given.get('scheduler_options', '')}\n{own_options}".lstrip()
    try:
        return kind(**{name: value for name, value in own.items() if name in names}, **given)
    except Exception as error:  # noqa: BLE001 - typeguard's own, and those of each provider
        raise UsageError(f"[executor.provider]: {' '.join(str(error).split())}") from None


def _setup(settings: ClusterSettings, cores: int | None) -> str:
    """Return the shell lines before the worker pool, which reads the number of its cores from PARSL_CORES."""
    return settings.setup + (f"\nexport PARSL_CORES={cores}" if cores is not None else "")


def _resources(settings: ClusterSettings, cores: int | None) -> dict[str, Any]:
    """Return the size of a node under each of the names that Parsl's providers have for it."""
    found: dict[str, Any] = {}
    if cores is not None:
        found |= {"cores_per_node": cores, "cpus_per_node": cores, "cores_per_slot": cores}
        if settings.on == "slurm":
            # A part of a node must not keep its other cores from other users.
            found["exclusive"] = False
    if settings.memory_per_node is not None:
        gib = max(1, math.floor(settings.memory_per_node / _GIB))
        found |= {"mem_per_node": gib, "mem_per_slot": gib}
    given = dict(settings.provider)
    return {name: value for name, value in found.items() if name not in given}


def _names(kind: type[Any]) -> frozenset[str]:
    """Return the names of the arguments of a provider of Parsl."""
    # The classes of this module without a constructor of their own pass everything on.
    return frozenset(inspect.signature(kind if kind is not PolledSlurmProvider else SlurmProvider).parameters)


def _check_names(given: Mapping[str, Any], names: frozenset[str], scheduler: str) -> None:
    for name in given:
        if name in _OWN:
            raise UsageError(
                f"[executor.provider]: {name} is set by dx-local",
                "Use nodes, cores_per_node, memory_per_node, walltime and setup of [executor].",
            )
        if name not in names:
            known = ", ".join(sorted(names - _OWN))
            raise UsageError(
                f"[executor.provider]: Parsl's provider for {scheduler} has no argument {name!r}",
                f"Its arguments are {known}." if known else "It has none.",
            )


def _reasons(jobs: Sequence[Any]) -> dict[str, str]:
    """Return the states and reasons of Slurm for jobs in its queue; {} if it does not answer."""
    try:
        answer = subprocess.run(
            ["squeue", "--noheader", "--jobs", ",".join(map(str, jobs)), "--format", "%i|%T, %r"],
            capture_output=True,
            text=True,
            timeout=_QUERY_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    lines = (line.partition("|") for line in answer.stdout.splitlines())
    return {job.strip(): reason.strip() for job, _, reason in lines}
