"""Probes, and the rounds in which they take turns, so that other load on the machine affects all alike."""

from __future__ import annotations

import statistics
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.process import Command, CommandError, run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

Key = tuple[str, str]
"""The name of a probe, and the name of one of its figures."""


@dataclass(frozen=True)
class Probe:
    """A measurement: `run` is called with an empty folder, and returns figures by name.

    It may raise CommandError.
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
        return Spread(statistics.median(values), min(values), max(values)) if values else None

    def ratio(self, over: Key, under: Key) -> float | None:
        """Return the ratio of two medians, or None if one was not measured or is not positive."""
        above, below = self.spread(over), self.spread(under)
        if above is None or below is None or min(above.median, below.median) <= 0:
            return None
        return above.median / below.median


def measure(probes: Sequence[Probe], rounds: int, results: Results, log: Callable[[str], None]) -> None:
    """Run each probe in each round and add its figures to results; a probe that fails is not run again."""
    for number in range(1, rounds + 1):
        for probe in probes:
            if probe.name in results.failures or number > (probe.most_rounds or rounds):
                continue
            log(f"round {number} of {rounds}: {probe.name}")
            try:
                with tempfile.TemporaryDirectory(prefix="dx-bench-") as folder:
                    figures = probe.run(Path(folder))
            except CommandError as failure:
                results.failures[probe.name] = str(failure)
                log(f"  {failure}")
                continue
            for name, value in figures.items():
                results.values[probe.name, name].append(value)


def timed(name: str, command: Callable[[Path], Command], *, is_ours: bool = True) -> Probe:
    """Return a probe that measures the duration of one command in seconds."""
    return Probe(name, lambda folder: {"seconds": run(command(folder)).seconds}, is_ours=is_ours)
