"""The share of a node that a job takes: one slot, or the cores and memory of its instance type."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dx_local.engine.environments.job_environments import JobEnvironmentError
from dx_local.engine.settings import Sizes
from dx_local.sizes import size_text

if TYPE_CHECKING:
    from dx_local.engine.executors.protocol import JobDescription
    from dx_local.engine.executors.remote.engine import NodeSize
    from dx_local.engine.settings import JobSettings


class JobSize(NamedTuple):
    """The share of a job. Memory is in bytes, None if it is not limited."""

    cores: int = 1
    memory: int | None = None
    memory_limit: int | None = None
    job_class: str | None = None


def job_size(job: JobDescription, settings: JobSettings, largest: NodeSize | None) -> JobSize:
    """Return the share of a job. Raises JobEnvironmentError if it is larger than the largest known node."""
    if settings.sizes is Sizes.SLOT or job.instance is None:
        return JobSize(memory_limit=job.memory_limit)
    cores, memory = job.instance
    if largest and (cores > largest.cores or (largest.memory is not None and memory > largest.memory)):
        node = f"{largest.cores} cores" + (f" and {size_text(largest.memory)}" if largest.memory else "")
        raise JobEnvironmentError(
            f"The job needs {cores} cores and {size_text(memory)} of memory, but the largest node has {node}."
            " Request a smaller instance type, larger nodes, or omit --sizes instance."
        )
    limit = memory if job.memory_limit is None else min(job.memory_limit, memory)
    return JobSize(cores, memory, limit, f"{cores}-cores-{memory >> 20}-MiB")
