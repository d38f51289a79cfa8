"""A run in one sentence, and the command that runs its failed job again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON


def sentence(report: JSON) -> str:
    """Return the state of a run in one sentence with the numbers of its jobs."""
    states = report["jobs"]["state"]
    done, total = states.count("done"), len(states)
    jobs = f"{done:,} of {_count(total, 'job')} {'is' if total == 1 else 'are'} done"
    seconds = run_seconds(report)
    after = "" if seconds is None else f" after {duration(seconds)}"
    state, cause = report["state"], report["cause"]
    if state == "done":
        reused = sum(report["jobs"]["reused"])
        taken = f", {reused:,} of them taken over from an earlier run" if reused else ""
        return f"Done{after}: {_count(total, 'job')}{taken}."
    if cause and state == "failed":
        ended = sum(each["ended"] for each in report["entryPoints"])
        others = f", {_count(ended, 'job')} ended with it" if ended > 0 else ""
        return f"Failed{after}: {cause['path']} ended with {cause['reason']}; {jobs}{others}."
    if state == "running":
        return f"In progress: {jobs}."
    return f"{state.replace('_', ' ').capitalize()}{after}: {jobs}."


def run_seconds(report: JSON) -> float | None:
    """Return the time from the creation of the first job to the end of the last one, None if unknown."""
    ends = [end for end in report["jobs"]["stopped"] if end is not None]
    return (max(ends) - report["created"]) / 1000 if ends else None


def rerun_command(report: JSON) -> str | None:
    """Return the command that runs the failed job again, or the one that returned a wrong value to it.

    Return None if no job failed.
    """
    import shlex  # not needed for most runs

    cause, jobs = report["cause"], report["jobs"]
    if cause is None:
        return None
    job_id = (cause["producer"] or cause)["job"]
    if job_id not in jobs["id"]:
        return None
    label = jobs["label"][jobs["id"].index(job_id)]
    words = ["dx-local", "rerun", label if jobs["label"].count(label) == 1 else job_id]
    if report["run"]:
        words += ["--run", report["run"]]
    return shlex.join(words)


def duration(seconds: float) -> str:
    """Return a duration such as `0.42 s`, `13.1 s`, `2:05` or `1:02:05`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"
