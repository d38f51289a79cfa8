"""The contract between an executor that lends the user's terminal and those who must know when it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class TerminalCallbacks:
    """Functions that an executor calls when it lends the user's terminal to jobs."""

    label: Callable[[str], str | None]
    """Returns the label of a job, None if there is no such job."""
    stop_clock: Callable[[str], None]
    """Called with the job ID when a job asks for the terminal; from then on its time does not count."""
    start_clock: Callable[[str], None]
    """Called with the job ID when that job goes on, or has ended."""
    hold_display: Callable[[], None]
    """Called before the terminal is lent; from then on nothing else may be printed."""
    release_display: Callable[[], None]
    """Called when the terminal is back."""
