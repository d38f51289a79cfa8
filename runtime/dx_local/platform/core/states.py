"""The states of jobs and analyses, which may follow which, and why a job failed.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-lifecycle
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple


class State(str, Enum):
    """The states of a job or an analysis, by the platform's names."""

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
    """What an earlier try of a job is described as; no job is in this state."""


FINAL = frozenset({State.DONE, State.FAILED, State.TERMINATED})

# From each state, the states that may come next. A job that has not run is done when it reuses an output.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.IDLE: frozenset(
        {State.WAITING_ON_INPUT, State.RUNNABLE, State.DONE, State.FAILED, State.TERMINATED}
    ),
    State.WAITING_ON_INPUT: frozenset({State.RUNNABLE, State.DONE, State.FAILED, State.TERMINATED}),
    State.RUNNABLE: frozenset({State.RUNNING, State.FAILED, State.TERMINATED}),
    State.RUNNING: frozenset({State.WAITING_ON_OUTPUT, State.RESTARTABLE, State.FAILED, State.TERMINATING}),
    State.WAITING_ON_OUTPUT: frozenset({State.DONE, State.RESTARTABLE, State.FAILED, State.TERMINATED}),
    State.RESTARTABLE: frozenset({State.RUNNABLE, State.FAILED, State.TERMINATING, State.TERMINATED}),
    State.TERMINATING: frozenset({State.TERMINATED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.TERMINATED: frozenset(),
}

# The same for analyses.
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
    """One job or analysis moved from one state to another."""

    job: str
    before: State
    after: State


class Failure(NamedTuple):
    """Why a job failed: one of the platform's reasons, and a message for people.

    `origin` is described where it is another job whose failure this one follows from (`failureFrom`).
    """

    reason: str
    message: str
    origin: dict[str, Any] | None = None
