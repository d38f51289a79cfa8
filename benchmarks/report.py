"""All tables of a run together, as they stand on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import inside, jobs, machine, scatter, starts, tables
from benchmarks.peers.engines import PEERS

if TYPE_CHECKING:
    from benchmarks.plan import Plan
    from benchmarks.probes import Results


@dataclass(frozen=True)
class Circumstances:
    """When a run was made, and how busy the machine was."""

    date: str
    load_before: str
    load_after: str


_JOBS = """\
**Trivial jobs.** A run of many less a run of one, by job. Each job yields an int, and one more adds these up,
but for bash. A job of a peer is a shell command unless it says Python. CPU time is that of all processes."""


def write(results: Results, plan: Plan, when: Circumstances) -> str:
    """Return the figures in Markdown: what was wanted first, then a section for all that was measured."""
    engines = [*jobs.DESCRIPTIONS, *(peer.name for peer in PEERS)]
    few, many = plan.scatter
    sections = [
        (
            engines,
            _JOBS,
            tables.trivial_jobs(results),
        ),
        (engines, "What was run:", _how()),
        (
            [inside.WARM, inside.PLAIN],
            f"**Tools in jobs.** One call, of {plan.calls} in one bash job after the first.",
            tables.tools(results),
        ),
        (
            [inside.WAITING],
            "**Waiting.** From the moment at which the platform has noted that the other job is done.",
            tables.waiting(results),
        ),
        (
            [inside.TRANSFER],
            f"**A file of {plan.mebibytes} MiB**, input of a job, and moved there by `dx`. {_peak(results)}",
            tables.transfer(results),
        ),
        (
            [scatter.NAME],
            f"**Scatter of {few:,} and {many:,}** Python subjobs, in the order few, many, few.",
            tables.large_scatter(results, plan),
        ),
        (starts.ALL, "**Starts.**", tables.starting(results)),
    ]
    shown = [part for probes, *parts in sections if results.has_any(probes) for part in parts]
    begin = [_introduction(plan, when), tables.targets(results), _failures(results)]
    return "\n\n".join(part.strip() for part in [*begin, *shown] if part)


def _introduction(plan: Plan, when: Circumstances) -> str:
    return (
        f"Measured on {when.date} in one run of {plan.rounds} rounds, in which all works take turns, on "
        f"{machine.describe()}; everything runs under this Python. The load of the machine was "
        f"{when.load_before} before and {when.load_after} at the end. Figures are medians of the rounds, and "
        "from where to where these go; the ratios carry to other machines, the seconds do not."
    )


def _failures(results: Results) -> str:
    if not results.failures:
        return ""
    lines = [f"- {name}: {reason}" for name, reason in results.failures.items()]
    return "What did not run:\n\n" + "\n".join(lines)


def _how() -> str:
    lines = [f"- {name}: {words}" for name, words in jobs.DESCRIPTIONS.items()]
    lines += [f"- {peer.name} ({peer.requirements[0]}): {peer.how}" for peer in PEERS]
    return "\n".join(lines)


def _peak(results: Results) -> str:
    control, largest = (results.spread((inside.TRANSFER, name)) for name in ("control", "largest"))
    if control is None or largest is None:
        return ""
    return f"The control process held {control.median:.0f} MiB, any process {largest.median:.0f} at most."
