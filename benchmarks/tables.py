"""The figures as tables in Markdown, ratios first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import inside, jobs, scatter, starts
from benchmarks.peers.engines import PEERS
from benchmarks.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.plan import Plan
    from benchmarks.probes import Key, Results

_NONE = "-"


def targets(results: Results) -> str:
    """Return what was wanted, what was measured, and whether the one meets the other."""
    rows = []
    for target in TARGETS:
        measured = target.measured(results)
        if measured is None:
            rows.append([target.words, target.wanted, _NONE, "not measured"])
        else:
            verdict = "met" if target.is_met(measured) else "**not met**"
            rows.append([target.words, target.wanted, target.shown(measured), verdict])
    return _table(["target", "wanted", "measured", ""], rows)


def trivial_jobs(results: Results) -> str:
    """Return what one more trivial job costs with each engine, and what a run of one costs."""
    heads = ["engine", "cost beside our Python subjob", "beside our bash subjob", "jobs/s", "ms per job"]
    heads += ["CPU ms per job", "jobs in a run", "run of one, s", "largest process, MiB"]
    rows = [_engine(results, name) for name in [*jobs.DESCRIPTIONS, *(peer.name for peer in PEERS)]]
    return _table(heads, rows)


def _engine(results: Results, name: str) -> list[str]:
    job = (name, "job")
    spread = results.spread(job)
    return [
        name,
        results.failures.get(name) or _ratio(results, job, (jobs.PYTHON, "job")),
        _ratio(results, job, (jobs.BASH, "job")),
        f"{1 / spread.median:.0f}" if spread and spread.median > 0 else _NONE,
        _figure(results, job, 1000),
        _figure(results, (name, "cpu"), 1000),
        _figure(results, (name, "jobs"), digits=0),
        _figure(results, (name, "start"), digits=2),
        _figure(results, (name, "memory"), digits=0),
    ]


def tools(results: Results) -> str:
    """Return what one call of a tool costs in a job, warm and started plainly."""
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
    return _table(["call", "times as quick as started plainly", "ms", "started plainly, ms"], rows)


def waiting(results: Results) -> str:
    """Return how long after the end of a job each way of waiting goes on."""
    names = {
        "woken": "`wait_on_done` returns",
        "waited": "`dx wait` has returned",
        "started": "the code of a job that depends on it runs",
    }
    rows = [[words, _figure(results, (inside.WAITING, name), 1000)] for name, words in names.items()]
    return _table(["what", "ms after the end"], rows)


def transfer(results: Results) -> str:
    """Return what the bytes of a large file cost by each way, beside cp."""
    copy = (inside.TRANSFER, "copy")
    names = {
        "copy": "`cp` in the job",
        "inputs": "`dx-download-all-inputs`",
        "download": "`dx download`",
        "upload": "`dx upload`",
        "arrival": "in the job's home, later than a byte",
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
    return _table(["what", "rate beside `cp`", "s"], rows)


def large_scatter(results: Results, plan: Plan) -> str:
    """Return what both large runs took and left."""
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
        row("descriptors open late, more than early on", "descriptors"),
        row("temporary files left", "files"),
    ]
    return _table(["what", ""], rows)


def starting(results: Results) -> str:
    """Return what starts and generations cost, in units of starting Python with dxpy."""
    rows = [
        [
            name,
            _ratio(results, (name, "seconds"), (starts.DXPY, "seconds")),
            _figure(results, (name, "seconds")),
        ]
        for name in starts.ALL
    ]
    return _table(["what", "ratio to starting dxpy", "s"], rows)


def _ratio(results: Results, over: Key, under: Key) -> str:
    ratio = results.ratio(over, under)
    return _NONE if ratio is None else f"{ratio:.{2 if abs(ratio) < 10 else 0}f}x"


def _figure(results: Results, key: Key, scale: float = 1, *, digits: int | None = None) -> str:
    """Return the median, and from where to where the rounds went if there were several."""
    spread = results.spread(key)
    if spread is None:
        return "failed" if key[0] in results.failures else _NONE
    values = [value * scale for value in (spread.median, spread.low, spread.high)]
    shown = 3 if digits is None and scale == 1 else 1 if digits is None else digits
    median, low, high = (f"{value:.{shown}f}" for value in values)
    return median if low == high else f"{median} ({low} to {high})"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
