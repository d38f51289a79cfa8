"""Probes, and the rounds in which they take turns, so that other load on the machine affects all alike."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.process import Command, CommandError, EndedCommand, run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

Key = tuple[str, str]
"""The name of a probe, and the name of one of its figures."""


@dataclass(frozen=True)
class Probe:
    """A measurement: `run` is called with an empty folder, and returns figures by name.

    It may raise CommandError. It leaves its folder as it is, because files that have just been deleted slow
    the creation of others on some file systems (ext4).
    """

    name: str
    run: Callable[[Path], Mapping[str, float]]
    is_ours: bool = True
    most_rounds: int | None = None
    """The most rounds in which it takes part; None for all."""


@dataclass(frozen=True)
class Spread:
    """The median, minimum and maximum over the rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Collection[float]) -> Spread:
        """Return the spread of some values, at least one."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass
class Results:
    """The figures of all rounds, and the probes that failed."""

    values: dict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, str] = field(default_factory=dict)
    """By name of a probe: the reason why it has no figures."""

    def has_any(self, probes: Collection[str]) -> bool:
        """Return whether one of these probes has figures."""
        return any(name in probes for name, _ in self.values)

    def spread(self, key: Key) -> Spread | None:
        """Return a figure's median and spread, or None if it was not measured."""
        values = self.values.get(key)
        return Spread.of(values) if values else None

    def ratio(self, over: Key, under: Key) -> Spread | None:
        """Return the ratio of two figures, or None if one was not measured or its median is not positive.

        It is that of the figures of each round, if both were measured and are positive in each. Load that
        lasts longer than a round then affects both alike. Otherwise, it is the ratio of the medians.
        """
        above, below = self.values.get(over, []), self.values.get(under, [])
        if not above or not below or min(statistics.median(above), statistics.median(below)) <= 0:
            return None
        if len(above) == len(below) and min(*above, *below) > 0:
            return Spread.of([one / other for one, other in zip(above, below, strict=True)])
        return Spread.of([statistics.median(above) / statistics.median(below)])


def measure(
    probes: Sequence[Probe], rounds: int, results: Results, log: Callable[[str], None], folder: Path
) -> None:
    """Run each probe in each round and add its figures to results; a probe that fails is not run again.

    Every other round goes backwards, so that of two neighbours each is the first as often as the other. The
    folders of the probes stay in `folder`.
    """
    for number in range(1, rounds + 1):
        for index, probe in sorted(enumerate(probes), reverse=number % 2 == 0):
            if probe.name in results.failures or number > (probe.most_rounds or rounds):
                continue
            log(f"round {number} of {rounds}: {probe.name}")
            own_folder = folder / f"{number}-{index}"
            own_folder.mkdir(parents=True)
            try:
                figures = probe.run(own_folder)
            except CommandError as failure:
                results.failures[probe.name] = str(failure)
                log(f"  {failure}")
                continue
            for name, value in figures.items():
                results.values[probe.name, name].append(value)


def timed(name: str, command: Callable[[Path], Command], *, is_ours: bool = True) -> Probe:
    """Return a probe that measures the time and the processor time of one command."""
    return Probe(name, lambda folder: times_of(run(command(folder))), is_ours=is_ours)


def times_of(ended: EndedCommand) -> Mapping[str, float]:
    """Return the time and the processor time of a command, in seconds."""
    return {"seconds": ended.seconds, "cpu": ended.cpu_seconds}
