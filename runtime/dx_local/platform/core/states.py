"""The states of jobs and analyses, the transitions between them, and failures.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-lifecycle
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple


class State(str, Enum):
    """The states of jobs and analyses, as the platform names them."""

    IDLE = "idle"
    WAITING_ON_INPUT = "waiting_on_input"
    RUNNABLE = "runnable"
    RUNNING = "running"
    WAITING_ON_OUTPUT = "waiting_on_output"
    RESTARTABLE = "restartable"
    DONE = "done"
    FAILED = "failed"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    IN_PROGRESS = "in_progress"
    PARTIALLY_FAILED = "partially_failed"
    RESTARTED = "restarted"
    """The state of an earlier try of a job, in descriptions only; no job is ever in it."""


FINAL = frozenset({State.DONE, State.FAILED, State.TERMINATED})

# The states that may follow each state. A job is done without having run if it reuses an output, or if it is
# taken over from an earlier run.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.IDLE: frozenset(
        {State.WAITING_ON_INPUT, State.RUNNABLE, State.DONE, State.FAILED, State.TERMINATED}
    ),
    State.WAITING_ON_INPUT: frozenset({State.RUNNABLE, State.DONE, State.FAILED, State.TERMINATED}),
    State.RUNNABLE: frozenset({State.RUNNING, State.DONE, State.FAILED, State.TERMINATED}),
    State.RUNNING: frozenset({State.WAITING_ON_OUTPUT, State.RESTARTABLE, State.FAILED, State.TERMINATING}),
    State.WAITING_ON_OUTPUT: frozenset({State.DONE, State.RESTARTABLE, State.FAILED, State.TERMINATED}),
    State.RESTARTABLE: frozenset({State.RUNNABLE, State.FAILED, State.TERMINATING, State.TERMINATED}),
    State.TERMINATING: frozenset({State.TERMINATED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.TERMINATED: frozenset(),
}

# The states that may follow each state of an analysis.
ANALYSIS_TRANSITIONS: dict[State, frozenset[State]] = {
    State.IDLE: frozenset({State.IN_PROGRESS}),
    State.IN_PROGRESS: frozenset(
        {State.PARTIALLY_FAILED, State.DONE, State.FAILED, State.TERMINATING, State.TERMINATED}
    ),
    State.PARTIALLY_FAILED: frozenset({State.FAILED, State.TERMINATING, State.TERMINATED}),
    State.TERMINATING: frozenset({State.TERMINATED}),
    **{state: frozenset() for state in FINAL},
}


class Transition(NamedTuple):
    """A change of the state of a job or analysis."""

    job: str
    before: State
    after: State


class Failure(NamedTuple):
    """The failure of a job: one of the platform's reasons, and a message for people.

    `origin` describes the job whose failure caused this one (`failureFrom`), if it is another job. After a
    failure that `is_final`, no policy restarts the job, because another try would fail in the same way.
    """

    reason: str
    message: str
    origin: dict[str, Any] | None = None
    is_final: bool = False
