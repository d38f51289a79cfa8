"""Surroundings as a table for people, and as data for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.engine.surroundings.surrounding import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dx_local.engine.surroundings.surrounding import Surrounding


def lines(surroundings: Sequence[Surrounding]) -> Iterator[str]:
    """Yield the lines of the table; a remedy is on a line of its own."""
    names = max(len(each.name) for each in surroundings)
    states = max(len(state.value) for state in State)
    for each in surroundings:
        yield f"{each.name:{names}}  {each.state.value:{states}}  {each.finding}"
        if each.remedy:
            yield f"{'':{names}}  {'':{states}}  → {each.remedy}"


def as_json(surroundings: Sequence[Surrounding]) -> list[dict[str, Any]]:
    """Return the surroundings as plain data."""
    return [
        {"name": each.name, "state": each.state.value, "finding": each.finding, "remedy": each.remedy}
        for each in surroundings
    ]


def is_usable(surroundings: Sequence[Surrounding]) -> bool:
    """Return whether runs can succeed."""
    return all(each.state is not State.BAD for each in surroundings)
