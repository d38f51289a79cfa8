"""Jobs that would wait for each other for ever, told before they begin to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.ids import EXECUTIONS, class_of
from dx_local.platform.lifecycle.states import Failure, State

if TYPE_CHECKING:
    from dx_local.platform.lifecycle.step import Step


class Circles:
    """What one job may not wait for: itself, those above it, which wait for it, and whoever waits for these.

    Only a job whose program has ended follows what others wait for: a new one is known to none but those
    above it. What a job waits for is read once for all its causes.
    """

    def __init__(self, step: Step, job_id: str) -> None:
        self._step = step
        self._is_new = step.state_of(job_id) == State.IDLE
        self._seen: set[str] = set()
        self._above: set[str] = set()
        above: str | None = job_id
        while above is not None:
            self._above.add(above)
            above = step.parent_of(above)

    def would_close_with(self, cause: str) -> bool:
        """Tell whether waiting for this would end never."""
        following = [cause]
        while following:
            current = following.pop()
            if current in self._above:
                return True
            if current in self._seen or class_of(current) not in EXECUTIONS:
                continue
            self._seen.add(current)
            if not self._is_new:
                following += self._step.causes_of(current)
        return False

    def failure(self, cause: str) -> Failure:
        """Return why a job fails that would wait for such a cause."""
        message = f"waits for {cause}, which in turn waits for this job: a circle of references"
        return Failure("InputError" if self._is_new else "OutputError", message)
