"""The plan of a resumed run, printed before it begins: which jobs are expected to run again, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dx_app_wizard.dxapp.links import references_in
from dx_local.engine.resume.carried_objects import ids_in
from dx_local.engine.resume.comparison import reason_of_state
from dx_local.engine.resume.reasons import Reason, ReasonKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dx_local.engine.resume.earlier_run import EarlierJob, EarlierRun

_TITLES = {"taken": "taken over", "again": "again", "maybe": "if needed"}
_GAP = "  "


class Judge(Protocol):
    """The part of a resumption that predicts."""

    def change_of(self, job: EarlierJob) -> Reason | None:
        """Return why a job must run again even if its input is the same, or None."""

    def is_lost(self, job: EarlierJob) -> bool:
        """Return whether the output of a done job is evidently not there any more."""


@dataclass(frozen=True)
class Prediction:
    """A job of the earlier run, and the reason why it runs again, if any."""

    job: EarlierJob
    reason: Reason | None = None
    upstream: str | None = None
    """The names of jobs that run again: if they put out something else, this one runs too."""


def predicted(earlier: EarlierRun, judge: Judge, root: Reason | None) -> list[Prediction]:
    """Return the predictions for all jobs; `root` is why the first one runs, None if it is taken over."""
    if root is None:
        return [Prediction(job) for job in earlier.jobs]
    reasons = {job.id: _reason(earlier, judge, job) for job in earlier.jobs}
    reasons[earlier.root.id] = root
    # A job that started others runs again if one of them does; children come after their parents.
    for job in reversed(earlier.jobs):
        children = earlier.children.get(job.id, ())
        if reasons[job.id] is None and any(reasons[child.id] for child in children):
            reasons[job.id] = Reason(ReasonKind.STARTS_OTHERS)
    makers = _makers(earlier, root)
    return [
        Prediction(job, reason, None if reason else _upstream(earlier, job, makers, reasons))
        for job, reason in zip(earlier.jobs, reasons.values(), strict=True)
    ]


def text(earlier: EarlierRun, predictions: list[Prediction]) -> str:
    """Return the plan as lines of text."""
    done = sum(job.is_done for job in earlier.jobs)
    state = earlier.root.row["state"] if earlier.has_ended() else "interrupted"
    head = f"resume of {earlier.name} ({state}; {done} of {len(earlier.jobs)} jobs done)"
    totals = Counter(map(_name, earlier.jobs))
    taken = [each.job for each in predictions if each.reason is None and each.upstream is None]
    lines = [head]
    if taken:
        saved = sum(job.seconds for job in taken if job.id not in earlier.children)
        gain = f"{_GAP}saves {_seconds(saved)}" if saved else ""
        lines.append(_line("taken", f"{', '.join(_counted(taken, totals))}{gain}"))
    again = [(each.job, str(each.reason)) for each in predictions if each.reason]
    lines += _grouped("again", again)
    maybe = [
        (each.job, f"if {each.upstream} puts out something else") for each in predictions if each.upstream
    ]
    lines += _grouped("maybe", maybe)
    return "\n".join(lines)


def _reason(earlier: EarlierRun, judge: Judge, job: EarlierJob) -> Reason | None:
    if reason := reason_of_state(job, has_children=job.id in earlier.children):
        return reason
    return judge.change_of(job) or (Reason(ReasonKind.OUTPUT, "is gone") if judge.is_lost(job) else None)


def _makers(earlier: EarlierRun, root: Reason) -> dict[str, EarlierJob]:
    """Return the job that made each object; the first job counts as the maker of its own changed input."""
    makers = {object_id: job for job in earlier.jobs for object_id in earlier.made_by(job)}
    if root.kind is ReasonKind.INPUT:
        inputs = ids_in(earlier.value(earlier.root, "input"))
        makers |= dict.fromkeys(inputs, earlier.root)
    return makers


def _upstream(
    earlier: EarlierRun, job: EarlierJob, makers: dict[str, EarlierJob], reasons: dict[str, Reason | None]
) -> str | None:
    """Return the names of the jobs that run again and on whose output a job depends, or None."""
    given = earlier.value(job, "original_input")
    executions = {reference.execution for reference in references_in(given)} | set(job.row["depends_on"])
    executions |= {makers[each].id for each in ids_in([given, earlier.value(job, "input")]) if each in makers}
    names = {_name(earlier.job(each)) for each in executions if reasons.get(each)}
    return ", ".join(sorted(names)) or None


def _grouped(kind: str, found: list[tuple[EarlierJob, str]]) -> Iterator[str]:
    """Yield a line for each entry point and reason; the jobs of one are counted."""
    groups: dict[tuple[str, str], list[EarlierJob]] = {}
    for job, reason in found:
        groups.setdefault((_name(job), reason), []).append(job)
    named = [(_label(jobs), reason) for (_, reason), jobs in groups.items()]
    width = max((len(label) for label, _ in named), default=0)
    for number, (label, reason) in enumerate(named):
        yield _line(kind if number == 0 else None, f"{label:{width}}{_GAP}{reason}")


def _counted(jobs: Iterable[EarlierJob], totals: Counter[str]) -> Iterator[str]:
    for name, count in Counter(map(_name, jobs)).items():
        total = totals[name]
        yield name if total == 1 else f"{count} {name}" if count == total else f"{count} of {total} {name}"


def _label(jobs: list[EarlierJob]) -> str:
    return jobs[0].label if len(jobs) == 1 else f"{len(jobs)} {_name(jobs[0])}"


def _name(job: EarlierJob) -> str:
    return job.label.partition("[")[0]


def _line(kind: str | None, content: str) -> str:
    width = max(map(len, _TITLES.values()))
    return f"{_GAP}{_TITLES[kind] if kind else '':{width}}{_GAP}{content}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
