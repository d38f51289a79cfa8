"""The share of a node that a job takes: one slot, or the cores and memory of its instance type."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dx_local.engine.environments.job_environments import JobEnvironmentError
from dx_local.engine.settings import Sizes
from dx_local.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.engine.cluster.node_sizes import NodeSize
    from dx_local.engine.executors.protocol import Instance, JobDescription
    from dx_local.engine.settings import JobSettings


class JobSize(NamedTuple):
    """The share of a job. Memory is in bytes, None if it is not limited."""

    cores: int = 1
    memory: int | None = None
    memory_limit: int | None = None
    job_class: str | None = None


def job_size(job: JobDescription, settings: JobSettings, largest: NodeSize | None) -> JobSize:
    """Return the share of a job.

    Raises JobEnvironmentError if the job is larger than the largest known node, or if one of its subjobs will
    be.
    """
    if settings.sizes is Sizes.SLOT:
        return JobSize(memory_limit=job.memory_limit)
    wanted = {**job.instances, **({job.function: job.instance} if job.instance else {})}
    if problem := size_problem(wanted, largest):
        raise JobEnvironmentError(" ".join(problem), is_final=True)
    if job.instance is None:
        return JobSize(memory_limit=job.memory_limit)
    _, cores, memory = job.instance
    limit = memory if job.memory_limit is None else min(job.memory_limit, memory)
    return JobSize(cores, memory, limit, f"{cores}-cores-{memory >> 20}-MiB")


def size_problem(wanted: Mapping[str, Instance], largest: NodeSize | None) -> tuple[str, str] | None:
    """Return a message and a hint if an instance type, by entry point, is larger than the largest node."""
    for function, instance in wanted.items():
        if largest is not None and not _fits(instance, largest):
            message = (
                f"A job at the entry point {function!r} needs {_text(instance.cores, instance.memory)}"
                f" ({instance.name}), but the largest node has {_text(largest.cores, largest.memory)}."
            )
            return message, "Request a smaller instance type or larger nodes, or omit --sizes instance."
    return None


def _fits(wanted: Instance, largest: NodeSize) -> bool:
    return wanted.cores <= largest.cores and (largest.memory is None or wanted.memory <= largest.memory)


def _text(cores: int, memory: int | None) -> str:
    count = "1 core" if cores == 1 else f"{cores} cores"
    return f"{count} and {size_text(memory)} of memory" if memory else count
