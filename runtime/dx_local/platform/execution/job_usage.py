"""What jobs used of their workers, beside what the workers have; kept of every try.

The platform's describe has no such field, so these are not described: a run shows them at its end.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.instances import find_instance_type
from dx_local.platform.core.store import Row

if TYPE_CHECKING:
    from dx_app_wizard.dxapp.instances import InstanceType
    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.store import Store

_EACH_TRY = """
SELECT sequence, executable_name, function, instance_type, region, usage FROM job WHERE usage IS NOT NULL
UNION ALL
SELECT sequence, executable_name, function, instance_type, region, json_extract(row, '$.usage')
FROM past_try JOIN job ON job.id = past_try.job WHERE json_extract(row, '$.usage') IS NOT NULL
"""
_BY_ENTRY_POINT = f"""
SELECT executable_name, function, instance_type, MIN(region) AS region, COUNT(*) AS tries,
    MAX(json_extract(usage, '$.memory')) AS memory, MAX(json_extract(usage, '$.disk')) AS disk,
    SUM(json_extract(usage, '$.cpu_seconds')) AS cpu_seconds
FROM ({_EACH_TRY}) GROUP BY executable_name, function, instance_type ORDER BY MIN(sequence)
"""


@dataclass(frozen=True)
class JobUsage:
    """What a job used of its worker."""

    memory: int
    """The most memory that one of its processes held, in bytes."""
    cpu_seconds: float
    """The time of all its processes on processors."""
    disk: int
    """The size of what was in its home, and in its own /tmp, at its end, in bytes."""


@dataclass(frozen=True)
class EntryPointUsage:
    """What the jobs of one entry point used on workers of one instance type."""

    executable_name: str
    function: str
    instance_type: str
    region: str
    tries: int
    """How many jobs were run, each as often as it was tried."""
    memory: int
    """The largest of all, in bytes."""
    disk: int
    """The largest of all, in bytes."""
    cpu_seconds: float
    """All together."""

    @property
    def worker(self) -> InstanceType | None:
        """What the worker has, where its type is known."""
        return find_instance_type(self.instance_type, self.region)

    def to_json(self) -> JSON:
        """Return this for programs."""
        worker = self.worker
        return {
            "executableName": self.executable_name,
            "function": self.function,
            "tries": self.tries,
            "maxMemory": self.memory,
            "cpuSeconds": round(self.cpu_seconds, 3),
            "maxDisk": self.disk,
            "instanceType": self.instance_type,
            "instanceMemory": worker and worker.memory_bytes,
            "instanceStorage": worker and worker.storage_bytes,
        }


def record(store: Store, job_id: str, usage: JobUsage) -> None:
    """Keep what the try of a job used that has just ended."""
    store.update("job", job_id, usage=asdict(usage))


def by_entry_point(store: Store) -> list[EntryPointUsage]:
    """Return what all jobs used that have ended, in the order in which their entry points were first run."""
    return [EntryPointUsage(**row) for row in store.all(Row, _BY_ENTRY_POINT)]
