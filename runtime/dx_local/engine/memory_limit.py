"""How much memory a job may use, on request: as much as its instance type has, or a given size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.instances import find_instance_type
from dx_local.errors import UsageError
from dx_local.sizes import parse_size

if TYPE_CHECKING:
    from dx_local.platform.core.store import Row

OF_INSTANCE = "instance"
"""What a user gives for the memory of the instance type."""


@dataclass(frozen=True)
class MemoryLimit:
    """What a user allows jobs: so many bytes, or None for the memory of their instance types."""

    size: int | None

    def of(self, job: Row) -> int | None:
        """Return how many bytes a job may use; None where nothing is known of its instance type."""
        if self.size is not None:
            return self.size
        worker = find_instance_type(job["instance_type"], job["region"])
        return worker.memory_bytes if worker else None


def parse_limit(text: str) -> MemoryLimit:
    """Return the limit that a user gives as text. Raises UsageError."""
    if text == OF_INSTANCE:
        return MemoryLimit(None)
    size = parse_size(text)
    if not size:
        raise UsageError(
            f"{text!r} is not a memory limit", f"Give a size such as 512MiB or 2GiB, or {OF_INSTANCE!r}."
        )
    return MemoryLimit(size)
