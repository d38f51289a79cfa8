"""Regions and the instance types that they offer; the table and its source stand in `instances.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

DEFAULT_REGION = "aws:us-east-1"


@dataclass(frozen=True)
class InstanceType:
    """A kind of worker: memory in GiB, storage in GB; `accelerator` names its GPUs or FPGAs."""

    name: str
    cores: int
    memory_gib: float
    storage_gb: int
    accelerator: str | None = None
    legacy: bool = False

    @property
    def memory_bytes(self) -> int:
        """The memory in bytes."""
        return int(self.memory_gib * (1 << 30))

    @property
    def storage_bytes(self) -> int:
        """The storage in bytes."""
        return self.storage_gb * 1_000_000_000


def known_regions() -> tuple[str, ...]:
    """Return the regions that are known by name; there may be more."""
    return tuple(_table()["regions"])


def place_of(region: str) -> str:
    """Return where a region lies, or nothing when that is not known."""
    return str(_table()["regions"].get(region, ""))


def clouds() -> tuple[str, ...]:
    """Return the clouds that regions begin with: `aws`, `azure`, `oci`."""
    return tuple(_table()["clouds"])


def instance_types(region: str) -> tuple[InstanceType, ...]:
    """Return the instance types of a region's cloud, the current ones first; none for an unknown cloud."""
    rows = _table()["clouds"].get(_cloud(region), ())
    return tuple(
        InstanceType(
            name=row["name"],
            cores=row["cores"],
            memory_gib=row["memory_gib"],
            storage_gb=row["storage_gb"],
            accelerator=row.get("gpu") or (f"{row['fpga']} FPGA" if "fpga" in row else None),
            legacy=row.get("legacy", False),
        )
        for row in rows
    )


def find_instance_type(name: str, region: str) -> InstanceType | None:
    """Return the instance type of that name in a region's cloud, or None where none is known."""
    return next((instance for instance in instance_types(region) if instance.name == name), None)


def common_instance_types(region: str) -> tuple[InstanceType, ...]:
    """Return the few instance types of a region's cloud that suit most apps."""
    common = _table()["common"].get(_cloud(region), ())
    return tuple(instance for instance in instance_types(region) if instance.name in common)


def default_instance_type(region: str) -> str:
    """Return the instance type to start with in a region: four cores."""
    default: str = _table()["default"].get(_cloud(region), _table()["default"]["aws"])
    return default


def region_problem(region: str) -> str | None:
    """Return None for a region of a known cloud, else what is wrong with it."""
    cloud, colon, place = region.partition(":")
    if not colon or not place or cloud not in clouds():
        near = get_close_matches(region, known_regions(), n=1, cutoff=0.5)
        suggestion = f"; did you mean {near[0]}?" if near else ""
        return f"{region!r} is no region such as {DEFAULT_REGION}{suggestion}"
    return None


def instance_type_problem(name: str, region: str) -> str | None:
    """Return None for an instance type of the region's cloud, else what is wrong, with the nearest one."""
    names = [instance.name for instance in instance_types(region)]
    if name in names:
        return None
    near = get_close_matches(name if ":" in name else _prefixed(name, region), names, n=1, cutoff=0.5)
    suggestion = f"; did you mean {near[0]}?" if near else ""
    return f"{name!r} is no instance type of {_cloud(region)}{suggestion}"


def _prefixed(name: str, region: str) -> str:
    cloud = _cloud(region)
    return name if cloud == "aws" else f"{cloud}:{name}"


def _cloud(region: str) -> str:
    return region.partition(":")[0]


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads((Path(__file__).parent / "instances.json").read_text(encoding="utf-8"))
    return table
