"""Jobs that would wait for each other for ever, told before they begin to."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dx_local.platform.core.ids import EXECUTIONS, class_of
from dx_local.platform.core.states import Failure, State

if TYPE_CHECKING:
    from dx_local.platform.lifecycle.queries import Step


class Circles:
    """What one job may not wait for: itself, those above it, which wait for it, and whoever waits for these.

    Only a job whose program has ended follows what others wait for: a new one is known to none but those
    above it. What a job waits for is read once for all its causes.
    """

    def __init__(self, step: Step, job_id: str) -> None:
        self._step = step
        self._job_id = job_id
        self._seen: set[str] = set()

    @cached_property
    def _is_new(self) -> bool:
        return self._step.state_of(self._job_id) == State.IDLE

    @cached_property
    def _above(self) -> set[str]:
        return set(self._step.and_above(self._job_id))

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
