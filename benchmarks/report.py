"""Render all tables of a run as the generated part of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import calls, generated, inside, jobs, machine, resume, scatter, starts, tables
from benchmarks.ours import worker_python
from benchmarks.peers.engines import PEERS

if TYPE_CHECKING:
    from benchmarks.plan import Plan
    from benchmarks.probes import Results


@dataclass(frozen=True)
class Circumstances:
    """The date of a run, the load of the machine before and after it, and the commit to compare with."""

    date: str
    load_before: str
    load_after: str
    against: str | None = None
    """The full hash of that commit, if there is one."""


_AGAINST = """\
**Compared with commit {commit}**, installed with the same Python and measured in turns with this checkout.
Figures are the median ratio over the rounds, with the range in parentheses; less than 1 is less than before.
CPU time is that of all processes: the control process, the zygote, its jobs, and the tool server.
The bound applies to CPU time if it is measured; rows without a target may be slower by the usual noise."""

_JOBS = """\
**Trivial jobs.** The cost per job is that of a run of many jobs minus that of a run of one, divided by the
number of further jobs. Each job returns an int, and, except in bash, a final job adds them up. Jobs of other
engines are shell commands unless marked as Python. CPU time is that of all processes."""


def write(results: Results, plan: Plan, when: Circumstances) -> str:
    """Return the figures in Markdown: first the targets, then a section for each group of probes."""
    engines = [*jobs.DESCRIPTIONS, *(peer.name for peer in PEERS)]
    few, many = plan.scatter
    sections = [
        (
            engines,
            _JOBS,
            tables.trivial_jobs(results),
        ),
        (engines, "The measured commands:", _commands()),
        (
            [inside.WARM, inside.PLAIN],
            f"**Tools in jobs.** The time per call, over {plan.calls} calls in a bash job after a first one.",
            tables.tools(results),
        ),
        (
            [inside.WAITING],
            "**Waiting.** Time since the platform recorded the end of the other job.",
            tables.waiting(results),
        ),
        (
            [inside.TRANSFER],
            f"**A file of {plan.mebibytes} MiB**, a job's input, and transferred by `dx`. {_peak(results)}",
            tables.transfer(results),
        ),
        (
            [scatter.NAME],
            f"**Scatter of {few:,} and {many:,}** Python subjobs, run in the order few, many, few.",
            tables.large_scatter(results, plan),
        ),
        (
            list(calls.CALLS),
            f"**Calls in bash jobs**, by the cost of one more of {plan.small_calls}.",
            tables.small_calls(results),
        ),
        (
            [*starts.ALL, *generated.NAMES, resume.NAME],
            f"**Commands**, from the shell. The resumed run has {plan.resumed_jobs:,} jobs that are done.",
            tables.starting(results),
        ),
    ]
    included = [part for probes, *parts in sections if results.has_any(probes) for part in parts]
    begin = [_introduction(plan, when), tables.targets(results), _failures(results)]
    if when.against:
        begin += [_AGAINST.format(commit=when.against[:12]), tables.against_before(results)]
    return "\n\n".join(part.strip() for part in [*begin, *included] if part)


def _introduction(plan: Plan, when: Circumstances) -> str:
    return (
        f"Measured on {when.date} in one run of {plan.rounds} rounds, in which all measurements take turns, "
        f"on {machine.describe()}; our jobs run under Python {worker_python()}, everything else under the "
        f"first. The load of the machine was {when.load_before} before and {when.load_after} after the run. "
        "Figures are medians over the rounds, with the range in parentheses; ratios are medians of those of "
        "each round. The ratios also apply to other machines; the times do not."
    )


def _failures(results: Results) -> str:
    if not results.failures:
        return ""
    lines = [f"- {name}: {reason}" for name, reason in results.failures.items()]
    return "Measurements that failed:\n\n" + "\n".join(lines)


def _commands() -> str:
    lines = [f"- {name}: {words}" for name, words in jobs.DESCRIPTIONS.items()]
    lines += [f"- {peer.name} ({peer.requirements[0]}): {peer.how}" for peer in PEERS]
    return "\n".join(lines)


def _peak(results: Results) -> str:
    control, largest = (results.spread((inside.TRANSFER, name)) for name in ("control", "largest"))
    if control is None or largest is None:
        return ""
    return (
        f"The control process used at most {control.median:.0f} MiB of memory, and no process used more than "
        f"{largest.median:.0f} MiB."
    )
