"""Run a test case, and compare the run with what the case expects.

A run that is as expected is removed. Any other stays among the kept runs of the app, so that the verbs over
kept runs work on it.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dx_local.engine.cases.differences import Difference, NewValue, shown
from dx_local.engine.cases.updates import apply_fixes
from dx_local.engine.cases.values import Output, output_differences
from dx_local.engine.history.cleaning import remove_run
from dx_local.engine.history.kept_jobs import kept_jobs
from dx_local.engine.history.kept_runs import choose_run
from dx_local.engine.run_folder import reading
from dx_local.engine.runs.inputs import SAMPLES
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.cases.case_files import Case
    from dx_local.engine.reports.failure_report import FailureReport
    from dx_local.engine.runs.result import RunResult
    from dx_local.engine.session import Observer
    from dx_local.engine.settings import JobSettings


@dataclass(frozen=True)
class CaseOutcome:
    """The outcome of a test case.

    `differences` are those that remain after an update; `written` has the files that the update wrote.
    `folder` holds the run if it was kept; `failure` is that of the job if it was not expected.
    """

    case: Case
    seconds: float
    differences: tuple[Difference, ...]
    written: tuple[Path, ...] = ()
    folder: Path | None = None
    failure: FailureReport | None = None

    @property
    def has_passed(self) -> bool:
        """True if the run is as expected."""
        return not self.differences

    def lines(self) -> list[str]:
        """Return all differences as lines of text."""
        return [line for difference in self.differences for line in difference.lines()]

    def explanation(self) -> str | None:
        """Return the report on the failure of the job, or None if it has none that is a surprise."""
        return self.failure.text() if self.failure else None


async def run_case(case: Case, settings: JobSettings, observer: Observer, *, updates: bool) -> CaseOutcome:
    """Run a case; with `updates`, change its expectations to what the run has output.

    A run that has failed, or should have, but not both, changes nothing. Raises DxLocalError if the app
    cannot be run at all. An input that cannot be used is a difference.
    """
    began = time.monotonic()
    try:
        request = RunRequest(app=case.app, given=case.given(), function=case.function, settings=settings)
        result = await run_once(request, observer)
    except UsageError as error:
        return CaseOutcome(case, time.monotonic() - began, (_unusable_input(case, error),))
    differences = tuple(case_differences(case, result))
    outcome = CaseOutcome(case, time.monotonic() - began, differences)
    is_comparable = (result.failure is None) is (case.failure is None)
    if updates and differences and is_comparable:
        written = apply_fixes(case, differences)
        outcome = replace(
            outcome, written=written, differences=tuple(each for each in differences if each.fix is None)
        )
    if outcome.has_passed:
        remove_run(choose_run(case.app, result.folder.name))
        return outcome
    return replace(outcome, folder=result.folder, failure=None if case.failure else result.failure)


def _unusable_input(case: Case, error: UsageError) -> Difference:
    hint = error.hint
    if "input" not in case.document.value and not (case.app / SAMPLES).exists():
        hint = f"Write the input into {case.path}, or the samples of the app into {SAMPLES}."
    return Difference(("input",), error.message, (f"hint: {hint}",) if hint else ())


def case_differences(case: Case, result: RunResult) -> Iterator[Difference]:
    """Yield the differences of a run from what a case expects."""
    yield from _state_differences(case, result)
    if result.failure is None and case.failure is None:
        for name, expected in case.expect.items():
            path = ("expect", name)
            if name in result.output:
                output = Output(result.output[name], result.job["output"][name])
                yield from output_differences(expected, output, path, case.golden_folder)
            elif expected is not None:
                yield Difference(path, f"expected {shown(expected)}, but there is no such output")
    if case.jobs:
        yield from _job_differences(case, result.folder)


def _state_differences(case: Case, result: RunResult) -> Iterator[Difference]:
    state, failure = result.job["state"], result.failure
    if case.failure is None:
        if failure is not None:
            cause = f"{failure.job_path}: {failure.reason}: {failure.summary}"
            yield Difference((), f"the run {state}: {cause}")
        return
    if failure is None:
        yield Difference(("failure",), f"expected a failure, but the run is {state}")
        return
    reason, message = case.failure.get("reason", failure.reason), case.failure.get("message", "")
    if failure.reason != reason:
        got = f"{failure.reason}: {failure.message.strip()}"
        yield Difference(("failure", "reason"), f"expected {reason}, got {got}")
    if message not in failure.message:
        yield Difference(("failure", "message"), f"{shown(message)} is not part of {shown(failure.message)}")


def _job_differences(case: Case, folder: Path) -> Iterator[Difference]:
    states: dict[str, Counter[str]] = defaultdict(Counter)
    with reading(folder) as platform:
        for job in kept_jobs(platform):
            states[job.function][job.state] += 1
    for name, expected in case.jobs.items():
        found, path = states[name], ("jobs", name)
        if isinstance(expected, int):
            if found.total() != expected:
                fix = NewValue(path, found.total())
                yield Difference(path, f"expected {expected} jobs, got {found.total()}", fix=fix)
        elif set(found) != {expected}:
            got = ", ".join(f"{count} {state}" for state, count in found.items()) or "no job"
            yield Difference(path, f"expected all jobs to be {expected}, got {got}")
