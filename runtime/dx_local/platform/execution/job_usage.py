"""The resources that jobs used, compared with those of their workers, for every try.

The platform does not describe these, so that only the summary of a run shows them.
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
    """The resources that a job used on its worker."""

    memory: int
    """The peak memory of its largest process, in bytes."""
    cpu_seconds: float
    """The CPU time of all its processes."""
    disk: int
    """The size of its home and its own /tmp at its end, in bytes."""


@dataclass(frozen=True)
class EntryPointUsage:
    """The resources that the jobs of one entry point used on workers of one instance type."""

    executable_name: str
    function: str
    instance_type: str
    region: str
    tries: int
    """The number of tries of all jobs."""
    memory: int
    """The maximum of all tries, in bytes."""
    disk: int
    """The maximum of all tries, in bytes."""
    cpu_seconds: float
    """The sum over all tries."""

    @property
    def worker(self) -> InstanceType | None:
        """The instance type of the worker, or None if it is unknown."""
        return find_instance_type(self.instance_type, self.region)

    def to_json(self) -> JSON:
        """Return the usage as JSON for programs."""
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
    """Record the resources that the last try of a job used."""
    store.update("job", job_id, usage=asdict(usage))


def by_entry_point(store: Store) -> list[EntryPointUsage]:
    """Return the resources that all finished jobs used, in the order in which entry points first ran."""
    return [EntryPointUsage(**row) for row in store.all(Row, _BY_ENTRY_POINT)]
