"""The size of the nodes that may be requested, without having one: from the settings, or from Slurm."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.errors import UsageError
from dx_local.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.engine.cluster.settings import ClusterSettings

_QUERY_SECONDS = 30
_MIB = 1 << 20
_UNCONFIGURED_MIB = 1
"""RealMemory of a node for which Slurm's configuration states none (slurm.conf(5))."""

# Without --exact, `+` marks the smallest of several numbers, and a wrapper of sinfo may drop that option.
_LINE = re.compile(r"[^|]*?(?P<is_default>\*?)\|(?P<cores>[1-9]\d*)\+?\|(?P<memory>\d+)\+?", re.ASCII)

_HINT = "Choose a partition in [executor.provider], or set cores_per_node and memory_per_node in [executor]."


@dataclass(frozen=True)
class NodeSize:
    """The cores of a node, and its memory in bytes if that is known."""

    cores: int
    memory: int | None = None


def machine_size() -> NodeSize:
    """Return the size of this machine."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        memory = 0
    return NodeSize(os.cpu_count() or 1, memory if memory > 0 else None)


def check_nodes_of_machine(settings: ClusterSettings) -> None:
    """Raise UsageError if a node that is a process of this machine would have more than the machine has."""
    if settings.on != "local":
        return
    machine, cores, memory = machine_size(), settings.cores_per_node, settings.memory_per_node
    if cores is not None and cores > machine.cores:
        raise UsageError(
            f"cores_per_node is {cores}, but this machine has {machine.cores} cores",
            "With --on local, nodes are processes of this machine. Choose fewer, or omit cores_per_node.",
        )
    if memory is not None and machine.memory is not None and memory > machine.memory:
        raise UsageError(
            f"memory_per_node is {size_text(memory)}, but this machine has {size_text(machine.memory)}",
            "With --on local, nodes are processes of this machine. Choose less, or omit memory_per_node.",
        )


def cores_per_node(settings: ClusterSettings) -> int | None:
    """Return the cores of a node if the settings determine them."""
    if settings.cores_per_node is None and settings.on == "local":
        return max(1, (os.cpu_count() or 1) // settings.nodes)
    return settings.cores_per_node


def largest_node(settings: ClusterSettings) -> NodeSize:
    """Return the size of the largest node that may be requested.

    Slurm is asked for what the settings leave open. Raises UsageError if it does not answer, and for another
    scheduler if the settings leave anything open.
    """
    cores, memory = cores_per_node(settings), settings.memory_per_node
    if cores is not None and (memory is not None or settings.on == "local"):
        return NodeSize(cores, memory)
    if settings.on != "slurm":
        missing = [
            name for name, value in (("cores_per_node", cores), ("memory_per_node", memory)) if value is None
        ]
        raise UsageError(
            f"--sizes instance needs the size of a node, which {settings.on} does not report",
            f"Set {' and '.join(missing)} in [executor].",
        )
    found = _largest_of_slurm(settings)
    if cores is None:
        return NodeSize(found.cores, memory or found.memory)
    # A part of a node has that part of its memory.
    part = found.memory and found.memory * min(cores, found.cores) // found.cores
    return NodeSize(cores, memory or part)


def _largest_of_slurm(settings: ClusterSettings) -> NodeSize:
    partition = dict(settings.provider).get("partition")
    place = f"in the partition {partition!r}" if partition else "in its default partition"
    command = ["sinfo", "--noheader", "--exact", "--format", "%P|%c|%m"]
    command += [f"--partition={partition}"] if partition else []
    try:
        answer = subprocess.run(command, capture_output=True, timeout=_QUERY_SECONDS, check=True)
    except FileNotFoundError:
        raise UsageError(
            "jobs cannot be sent to slurm: the program sinfo is not on PATH",
            "Run dx-local on a machine from which you submit batch jobs.",
        ) from None
    except subprocess.TimeoutExpired:
        raise _unknown(f"it has not answered for {_QUERY_SECONDS} seconds") from None
    except subprocess.CalledProcessError as error:
        raise _unknown(error.stderr.decode(errors="replace").strip() or str(error)) from None
    except OSError as error:
        raise _unknown(str(error)) from None
    sizes = list(_sizes(answer.stdout.decode(errors="replace"), is_any=partition is not None))
    if not sizes:
        raise UsageError(f"Slurm has no nodes {place}", _HINT)
    return max(sizes, key=lambda size: (size.cores, size.memory or 0))


def _unknown(reason: str) -> UsageError:
    return UsageError(f"the size of Slurm's nodes is unknown: sinfo: {reason}", _HINT)


def _sizes(text: str, *, is_any: bool) -> Iterator[NodeSize]:
    """Yield the sizes in lines such as `short*|32|128000`, of the default partition unless `is_any`.

    Raises UsageError for another line.
    """
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise _unknown(f"it printed {line!r}, not the name, cores and memory of a partition")
        if is_any or match["is_default"]:
            mib = int(match["memory"])
            yield NodeSize(int(match["cores"]), mib * _MIB if mib > _UNCONFIGURED_MIB else None)
