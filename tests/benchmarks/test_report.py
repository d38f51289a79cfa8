"""Tests of medians, ratios, targets and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from benchmarks import jobs, report, tables
from benchmarks.comparison import pair
from benchmarks.plan import TINY
from benchmarks.probes import Probe, Results, Spread, measure
from benchmarks.process import CommandError
from benchmarks.targets import TARGETS, Target, verdict

if TYPE_CHECKING:
    from pathlib import Path

A, B = ("probe", "a"), ("probe", "b")
WHEN = report.Circumstances("2026-01-01", "0.1", "0.2")


def results(**figures: list[float]) -> Results:
    found = Results()
    for name, values in figures.items():
        found.values["probe", name] = values
    return found


def test_a_figure_is_the_median_with_its_spread() -> None:
    assert results(a=[3, 1, 2]).spread(("probe", "a")) == Spread(2, 1, 3)


@pytest.mark.parametrize(("above", "below"), [([1], []), ([], [1]), ([-1], [1]), ([1], [0])])
def test_no_ratio_without_two_figures(above: list[float], below: list[float]) -> None:
    assert results(a=above, b=below).ratio(("probe", "a"), ("probe", "b")) is None


@pytest.mark.parametrize(
    ("target", "is_met"),
    [
        (Target("words", A, B, at_least=2), True),
        (Target("words", A, B, at_least=2.1), False),
        (Target("words", A, B, at_most=2), True),
        (Target("words", A, B, at_most=1.9), False),
    ],
)
def test_a_target_is_met_within_its_bound(target: Target, is_met: bool) -> None:
    measured = target.measured(results(a=[4], b=[2]))
    assert measured == 2
    assert target.is_met(measured) is is_met


@pytest.mark.parametrize(
    ("above", "below", "ratio"),
    [
        ([2, 30, 5], [1, 10, 1], Spread(3, 2, 5)),
        ([2, 4], [1], Spread(3, 3, 3)),
        ([2, 2, 2], [-1, 1, 2], Spread(2, 2, 2)),
    ],
    ids=["of-each-round", "of-medians-if-rounds-differ", "of-medians-if-one-is-negative"],
)
def test_a_ratio_is_that_of_each_round(above: list[float], below: list[float], ratio: Spread) -> None:
    assert results(a=above, b=below).ratio(A, B) == ratio


def test_rows_are_compared_with_the_earlier_commit_and_their_bounds() -> None:
    found = Results()
    for figure, new, old in (("each", 2, 4), ("cpu", 1, 4)):
        for key, value in zip(pair(jobs.BASH, figure), (new, old), strict=True):
            found.values[key] = [value]
    for key, value in zip(pair(jobs.BASH_BY_HELPERS, "cpu"), (6, 4), strict=True):
        found.values[key] = [value]
    assert tables.against_before(found).splitlines()[2:] == [
        "| bash subjobs | 0.50 | 0.25 | ≤ 0.33x | met |",
        "| bash subjobs, started by helpers | - | 1.50 | ≤ 1.1x | **not met** |",
    ]


def test_every_other_round_goes_backwards(tmp_path: Path) -> None:
    order = list[str]()

    def probe(name: str) -> Probe:
        def run(folder: Path) -> dict[str, float]:
            order.append(f"{name} {folder.name}")
            return {}

        return Probe(name, run)

    measure([probe("a"), probe("b")], 2, Results(), print, tmp_path)
    assert order == ["a 1-0", "b 1-1", "b 2-1", "a 2-0"]


def test_a_probe_that_fails_is_reported_and_not_run_again(tmp_path: Path) -> None:
    def fail(_: object) -> dict[str, float]:
        raise CommandError("ends with 3: no such thing")

    found, said = Results(), list[str]()
    measure([Probe("broken", fail), Probe("sound", lambda _: {"n": 1})], 2, found, said.append, tmp_path)
    assert found.values == {("sound", "n"): [1, 1]}
    assert "broken: ends with 3: no such thing" in report.write(found, TINY, WHEN)
    assert sum("broken" in line for line in said) == 1


def test_without_figures_every_target_is_not_measured() -> None:
    text = report.write(Results(), TINY, WHEN)
    assert text.count("not measured") == len(TARGETS)
    assert "**Waiting.**" not in text
    assert verdict(Results()) == f"0 of 0 targets met, {len(TARGETS)} not measured"
