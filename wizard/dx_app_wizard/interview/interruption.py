"""Signals that end the command, made to end it in order: the terminal mended, the answers kept."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

COMPLETED_BY_REPETITION = "Each file is as it was or as it shall be; the same command again completes it."
"""What holds when writing into an existing folder was interrupted."""

_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class StoppedError(KeyboardInterrupt):
    """A signal asked the command to end; it is raised where Ctrl-C would be."""


@dataclass
class Interruption:
    """Which signal ends the command; it is Ctrl-C's until another one `arrived`."""

    signal_number: int = signal.SIGINT
    arrived: bool = False


@contextmanager
def stoppable() -> Iterator[Interruption]:
    """Within, SIGTERM and SIGHUP raise StoppedError in the main thread; afterwards they do what they did."""
    interruption = Interruption()

    def stop(number: int, _frame: FrameType | None) -> None:
        interruption.signal_number = number
        interruption.arrived = True
        raise StoppedError

    # What was told to be ignored, as by nohup, stays so.
    handled = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    former = {number: signal.signal(number, stop) for number in handled}
    try:
        yield interruption
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
