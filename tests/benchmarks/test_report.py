"""Tests of medians, ratios, targets and reports."""

from __future__ import annotations

import pytest
from benchmarks import report
from benchmarks.plan import TINY
from benchmarks.probes import Probe, Results, Spread, measure
from benchmarks.process import CommandError
from benchmarks.targets import TARGETS, Target, verdict

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


def test_a_probe_that_fails_is_reported_and_not_run_again() -> None:
    def fail(_: object) -> dict[str, float]:
        raise CommandError("ends with 3: no such thing")

    found, said = Results(), list[str]()
    measure([Probe("broken", fail), Probe("sound", lambda _: {"n": 1})], 2, found, said.append)
    assert found.values == {("sound", "n"): [1, 1]}
    assert "broken: ends with 3: no such thing" in report.write(found, TINY, WHEN)
    assert sum("broken" in line for line in said) == 1


def test_without_figures_every_target_is_not_measured() -> None:
    text = report.write(Results(), TINY, WHEN)
    assert text.count("not measured") == len(TARGETS)
    assert "**Waiting.**" not in text
    assert verdict(Results()) == f"0 of 0 targets met, {len(TARGETS)} not measured"
