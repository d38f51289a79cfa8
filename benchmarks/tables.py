"""Render the figures as tables in Markdown, with the ratios first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import calls, comparison, generated, inside, jobs, resume, scatter, starts
from benchmarks.peers.engines import PEERS
from benchmarks.targets import AGAINST_BEFORE, TARGETS, UNCHANGED, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.comparison import Row
    from benchmarks.plan import Plan
    from benchmarks.probes import Key, Results, Spread

_NONE = "-"


def targets(results: Results) -> str:
    """Return the table of targets, measured figures and verdicts."""
    rows = []
    for target in TARGETS:
        measured = target.measured(results)
        if measured is None:
            rows.append([target.words, target.wanted, _NONE, "not measured"])
        else:
            rows.append([target.words, target.wanted, target.format(measured), _verdict(target, measured)])
    return _table(["target", "bound", "measured", ""], rows)


def against_before(results: Results) -> str:
    """Return the table of all figures relative to those of the earlier commit, and the verdicts."""
    heads = ["", "time, before = 1", "CPU time, before = 1", "bound", ""]
    measured = [row for row in comparison.ROWS if row.judged(results)]
    return _table(heads, [_compared(results, row) for row in measured])


def _compared(results: Results, row: Row) -> list[str]:
    time, cpu = row.ratio(results, row.time), row.ratio(results, row.cpu)
    target, judged = _target_of(row), row.judged(results)
    verdict = _verdict(target, judged.median) if judged else _NONE
    return [row.words, _range_of(time), _range_of(cpu), target.wanted, verdict]


def _target_of(row: Row) -> Target:
    """Return the target for a row: the one for its processor time if there is one, or no change."""
    figure = comparison.pair(row.probe, row.cpu or row.time)
    unchanged = Target(row.words, *figure, at_most=UNCHANGED)
    return next((target for target in AGAINST_BEFORE if (target.figure, target.below) == figure), unchanged)


def _verdict(target: Target, measured: float) -> str:
    return "met" if target.is_met(measured) else "**not met**"


def trivial_jobs(results: Results) -> str:
    """Return the table of the cost of a trivial job, and of a run with one job, by engine."""
    heads = ["engine", "cost relative to a Python subjob", "to a bash subjob", "jobs/s", "ms per job"]
    heads += ["CPU ms per job", "jobs in a run", "run of one job, s", "largest process, MiB"]
    rows = [_engine(results, name) for name in [*jobs.DESCRIPTIONS, *(peer.name for peer in PEERS)]]
    return _table(heads, rows)


def _engine(results: Results, name: str) -> list[str]:
    job = (name, "each")
    spread = results.spread(job)
    return [
        name,
        results.failures.get(name) or _ratio(results, job, (jobs.PYTHON, "each")),
        _ratio(results, job, (jobs.BASH, "each")),
        f"{1 / spread.median:.0f}" if spread and spread.median > 0 else _NONE,
        _figure(results, job, 1000),
        _figure(results, (name, "cpu"), 1000),
        _figure(results, (name, "units"), digits=0),
        _figure(results, (name, "start"), digits=2),
        _figure(results, (name, "memory"), digits=0),
    ]


def tools(results: Results) -> str:
    """Return the table of the time of one tool call in a job, by the tool server and as a plain process."""
    names = {
        "add_output": "`dx-jobutil-add-output`",
        "describe": "`dx describe FILE`",
        "nothing": "`/bin/true`",
    }
    rows = [
        [
            words,
            _ratio(results, (inside.PLAIN, name), (inside.WARM, name)),
            _figure(results, (inside.WARM, name), 1000),
            _figure(results, (inside.PLAIN, name), 1000),
        ]
        for name, words in names.items()
    ]
    return _table(["call", "speed-up", "ms", "as a plain process, ms"], rows)


def small_calls(results: Results) -> str:
    """Return the table of the cost of one more call of a command in a bash job."""
    rows = [
        [name, _figure(results, (name, "each"), 1000), _figure(results, (name, "cpu"), 1000)]
        for name in calls.CALLS
    ]
    return _table(["call", "ms", "CPU ms"], rows)


def waiting(results: Results) -> str:
    """Return the table of delays after the end of a job, by way of waiting."""
    names = {
        "woken": "`wait_on_done` returns",
        "waited": "`dx wait` returns",
        "started": "the code of a dependent job runs",
    }
    rows = [[words, _figure(results, (inside.WAITING, name), 1000)] for name, words in names.items()]
    return _table(["event", "ms after the end"], rows)


def transfer(results: Results) -> str:
    """Return the table of the transfers of a large file, compared with cp."""
    copy = (inside.TRANSFER, "copy")
    names = {
        "copy": "`cp` in the job",
        "inputs": "`dx-download-all-inputs`",
        "download": "`dx download`",
        "upload": "`dx upload`",
        "arrival": "input in the job's home (delay compared with one byte)",
        "linked": "the same with `--inputs link`",
    }
    rows = [
        [
            words,
            _ratio(results, copy, (inside.TRANSFER, name)),
            _figure(results, (inside.TRANSFER, name), digits=2),
        ]
        for name, words in names.items()
    ]
    return _table(["transfer", "rate relative to `cp`", "s"], rows)


def large_scatter(results: Results, plan: Plan) -> str:
    """Return the table of the two large runs."""
    small, large = plan.scatter

    def row(words: str, name: str, digits: int = 0) -> list[str]:
        return [words, _figure(results, (scatter.NAME, name), digits=digits)]

    rows = [
        row("ratio of time", "ratio", 2),
        row("ratio of CPU time", "cpu_ratio", 2),
        row(f"seconds of {small:,} jobs", "small", 2),
        row(f"seconds of {large:,} jobs", "large", 2),
        row(f"peak of the control process with {small:,}, MiB", "small_control"),
        row(f"peak of the control process with {large:,}, MiB", "control"),
        row("processes left", "processes"),
        row("growth of open descriptors during the run", "descriptors"),
        row("temporary files left", "files"),
    ]
    return _table(["figure", ""], rows)


def starting(results: Results) -> str:
    """Return the table of start-up times, relative to starting Python with dxpy."""
    rows = [
        [
            name,
            _ratio(results, (name, "seconds"), (starts.DXPY, "seconds")),
            _figure(results, (name, "seconds")),
            _figure(results, (name, "cpu")),
        ]
        for name in [*starts.ALL, *generated.NAMES, resume.NAME]
        if results.has_any([name]) or name in results.failures
    ]
    return _table(["command", "relative to starting dxpy", "s", "CPU s"], rows)


def _ratio(results: Results, over: Key, under: Key) -> str:
    ratio = results.ratio(over, under)
    return _NONE if ratio is None else f"{ratio.median:.{2 if abs(ratio.median) < 10 else 0}f}x"


def _range_of(ratio: Spread | None) -> str:
    """Return a ratio, and its range over the rounds if they differ."""
    if ratio is None:
        return _NONE
    median, low, high = (f"{value:.2f}" for value in (ratio.median, ratio.low, ratio.high))
    return median if low == high else f"{median} ({low} to {high})"


def _figure(results: Results, key: Key, scale: float = 1, *, digits: int | None = None) -> str:
    """Return the median, and the range if the rounds differ."""
    spread = results.spread(key)
    if spread is None:
        return "failed" if key[0] in results.failures else _NONE
    values = [value * scale for value in (spread.median, spread.low, spread.high)]
    decimals = 3 if digits is None and scale == 1 else 1 if digits is None else digits
    median, low, high = (f"{value:.{decimals}f}" for value in values)
    return median if low == high else f"{median} ({low} to {high})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
