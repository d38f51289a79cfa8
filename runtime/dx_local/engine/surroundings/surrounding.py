"""One surrounding of runs, as a check finds it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """The effect of a surrounding on runs."""

    GOOD = "good"
    LIMITED = "limited"
    """Runs succeed, but take longer or are less like those in the cloud."""
    BAD = "bad"
    """Runs fail."""


@dataclass(frozen=True)
class Surrounding:
    """The state of one surrounding, the finding behind it, and how to improve it."""

    name: str
    state: State
    finding: str
    remedy: str | None = None
    """None if the state is good."""


def good(name: str, finding: str) -> Surrounding:
    """Return a surrounding that suits runs."""
    return Surrounding(name, State.GOOD, finding)


def limited(name: str, finding: str, remedy: str) -> Surrounding:
    """Return a surrounding with which runs succeed, but take longer or are less like those in the cloud."""
    return Surrounding(name, State.LIMITED, finding, remedy)


def bad(name: str, finding: str, remedy: str) -> Surrounding:
    """Return a surrounding with which runs fail."""
    return Surrounding(name, State.BAD, finding, remedy)
