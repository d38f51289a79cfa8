"""Regions and their instance types, from `instances.json`, which names its sources."""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_REGION = "aws:us-east-1"

_MOST_EDITS = 2
_NEARLY = 0.9
"""Share of the memory that a substitute needs: clouds round differently, so 3.8 GiB replace 4 GiB."""


@dataclass(frozen=True)
class InstanceType:
    """A type of worker: memory in GiB, storage in GB; `accelerator` names its GPUs or FPGAs.

    `retired` is the time of its retirement, None if it is current. `restricted` names the organisations that
    may use it, None if all may. `regions` is empty if the regions that offer it are not known.
    """

    name: str
    cores: int
    memory_gib: float
    storage_gb: int
    accelerator: str | None = None
    legacy: bool = False
    retired: str | None = None
    restricted: str | None = None
    regions: tuple[str, ...] = ()

    @property
    def cloud(self) -> str:
        """The cloud that offers it; only the names of AWS types have no prefix."""
        return self.name.rpartition(":")[0] or "aws"

    @property
    def usable(self) -> tuple[int, int]:
        """Total memory in MB and ephemeral storage in GB of a worker: as observed, or else nominal."""
        memory, storage = _table()["usable"].get(self.name, (int(self.memory_gib * 1024), self.storage_gb))
        return memory, storage

    @property
    def memory_bytes(self) -> int:
        """The memory in bytes."""
        return int(self.memory_gib * (1 << 30))

    @property
    def storage_bytes(self) -> int:
        """The storage in bytes."""
        return self.storage_gb * 1_000_000_000


def known_regions() -> tuple[str, ...]:
    """Return the known regions; the platform may have more."""
    return tuple(_table()["regions"])


def place_of(region: str) -> str:
    """Return the location of a region, such as a city, or an empty string if it is unknown."""
    return str(_table()["regions"].get(region, ""))


def find_regions(text: str) -> tuple[str, ...]:
    """Return the known regions that a text may mean: the only one at this place, else all that it fits.

    It fits any part of a region, and the beginning of a word of its place. An empty text fits none.
    """
    wanted = " ".join(text.lower().split())
    places = {region: place_of(region).lower() for region in known_regions()}
    exact = tuple(region for region, place in places.items() if wanted in (region, place))
    if len(exact) == 1 or not wanted:
        return exact if wanted else ()
    return tuple(
        region for region, place in places.items() if wanted in region or f" {wanted}" in f" {place}"
    )


def list_regions(regions: Iterable[str]) -> str:
    """Return regions and their places as text: `aws:us-east-1 (N. Virginia), azure:westus (US West)`."""
    places = {region: place_of(region) for region in regions}
    return ", ".join(f"{region} ({place})" if place else region for region, place in places.items())


def clouds() -> tuple[str, ...]:
    """Return the prefixes of regions: `aws`, `azure`, `oci`."""
    return tuple(_table()["clouds"])


def instance_types(region: str) -> tuple[InstanceType, ...]:
    """Return the instance types that an app may choose in a region, the current generation first.

    `aws:` without a location stands for the whole cloud. An unknown cloud has no instance types.
    """
    return tuple(
        instance
        for instance in _of_cloud(_cloud(region))
        if not instance.retired and not instance.restricted and _is_offered(instance, region)
    )


def find_instance_type(name: str, region: str) -> InstanceType | None:
    """Return the instance type called name in a region, even if retired or restricted; None if unknown."""
    return next(
        (each for each in _of_cloud(_cloud(region)) if each.name == name and _is_offered(each, region)), None
    )


def find_anywhere(name: str) -> InstanceType | None:
    """Return the instance type called name in any region, even if retired; None if unknown."""
    return next((each for cloud in clouds() for each in _of_cloud(cloud) if each.name == name), None)


def substitute(name: str, region: str) -> str:
    """Return the instance type to use in a region instead of one that it does not offer.

    That is the correct spelling of a misspelt name, else the smallest type with as many cores and as much
    memory, else the region's default.
    """
    meant = misspelt(name, region)
    if meant in [each.name for each in instance_types(region)]:
        return str(meant)
    wanted = find_anywhere(name)
    fitting = [
        each
        for each in instance_types(region)
        if wanted
        and each.cores >= wanted.cores
        and each.memory_gib >= wanted.memory_gib * _NEARLY
        and bool(each.accelerator) == bool(wanted.accelerator)
        and not each.legacy
    ]
    smallest = min(fitting, key=lambda each: (each.cores, each.memory_gib, each.storage_gb), default=None)
    return smallest.name if smallest else default_instance_type(region)


def misspelt(name: str, region: str) -> str | None:
    """Return the instance type of a region's cloud within two edits of name; None if name is correct.

    A change of case is not an edit.
    """
    names = [instance.name for instance in _of_cloud(_cloud(region))]
    if name in names:
        return None
    near = {known: _edits(name.lower(), known) for known in names}
    nearest = min(near, key=lambda known: near[known], default=None)
    return nearest if nearest and near[nearest] <= _MOST_EDITS else None


def common_instance_types(region: str) -> tuple[InstanceType, ...]:
    """Return the most common instance types of a region's cloud."""
    common = _table()["common"].get(_cloud(region), ())
    return tuple(instance for instance in instance_types(region) if instance.name in common)


def default_instance_type(region: str) -> str:
    """Return the instance type that new apps get in a region: one with four cores."""
    default: str = _table()["default"].get(_cloud(region), _table()["default"]["aws"])
    return default


def region_problem(region: str) -> str | None:
    """Return why a text cannot be a region, None if it names a location in a known cloud."""
    cloud, colon, place = region.partition(":")
    if not colon or not place or cloud not in clouds():
        near = find_regions(region) or get_close_matches(region, known_regions(), n=1, cutoff=0.5)
        suggestion = f"; did you mean {near[0]}?" if near else ""
        return f"{region!r} is not a region such as {DEFAULT_REGION}{suggestion}"
    return None


def why_unusable(name: str, region: str) -> str | None:
    """Return why an app cannot use an instance type in a region, None if it can."""
    known = find_instance_type(name, region)
    if known:
        return f"{name!r} was retired ({known.retired})" if known.retired else None
    elsewhere = find_anywhere(name)
    if elsewhere and elsewhere.cloud == _cloud(region):
        return f"{name!r} is not available in {region}, only in {', '.join(elsewhere.regions)}"
    return f"{name!r} is not an instance type of {_cloud(region)}"


def instance_type_problem(name: str, region: str) -> str | None:
    """Return why an app cannot use an instance type in a region, with the nearest name; None if it can."""
    problem = why_unusable(name, region)
    if problem is None:
        return None
    names = [instance.name for instance in instance_types(region)]
    near = get_close_matches(name if ":" in name else _prefixed(name, region), names, n=1, cutoff=0.5)
    return f"{problem}; did you mean {near[0]}?" if near else problem


@cache
def _of_cloud(cloud: str) -> tuple[InstanceType, ...]:
    return tuple(
        InstanceType(
            name=row["name"],
            cores=row["cores"],
            memory_gib=row["memory_gib"],
            storage_gb=row["storage_gb"],
            accelerator=row.get("gpu") or (f"{row['fpga']} FPGA" if "fpga" in row else None),
            legacy=row.get("legacy", False),
            retired=row.get("retired"),
            restricted=row.get("restricted"),
            regions=tuple(row.get("regions", ())),
        )
        for row in _table()["clouds"].get(cloud, ())
    )


def _is_offered(instance: InstanceType, region: str) -> bool:
    """Return whether a region offers a type of its cloud; a region without a location offers all."""
    place = region.partition(":")[2]
    return not place or not instance.regions or region in instance.regions


def _edits(one: str, other: str) -> int:
    """Return the Levenshtein distance of two texts."""
    distances = list(range(len(other) + 1))
    for row, character in enumerate(one, start=1):
        diagonal, distances[0] = distances[0], row
        for column, its in enumerate(other, start=1):
            replaced = diagonal + (character != its)
            diagonal = distances[column]
            distances[column] = min(replaced, diagonal + 1, distances[column - 1] + 1)
    return distances[-1]


def _prefixed(name: str, region: str) -> str:
    cloud = _cloud(region)
    return name if cloud == "aws" else f"{cloud}:{name}"


def _cloud(region: str) -> str:
    return region.partition(":")[0]


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads((Path(__file__).parent / "instances.json").read_text(encoding="utf-8"))
    return table
