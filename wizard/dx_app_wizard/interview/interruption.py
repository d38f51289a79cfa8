"""Turn signals that end the command into exceptions: the terminal is restored, and the answers are kept."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.errors import InterruptedByUserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

RERUN_COMPLETES_IT = "Each file is either unchanged or complete; run the same command again to finish."
"""Hint after an interruption while files were written."""

_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class StoppedError(KeyboardInterrupt):
    """A signal asked the command to end; raised at the point where Ctrl-C would raise KeyboardInterrupt."""


@dataclass
class Interruption:
    """The signal that ends the command: SIGINT, unless another one has `arrived`.

    `folder` is the app's folder from the moment at which files are written to it.
    """

    signal_number: int = signal.SIGINT
    arrived: bool = False
    folder: Path | None = None

    def error(self, hint: str | None) -> InterruptedByUserError:
        """Return the error to raise for this interruption."""
        if self.folder is None or not self.folder.exists():
            return InterruptedByUserError(hint, self.signal_number)
        hints = "\n  ".join(filter(None, (RERUN_COMPLETES_IT, hint)))
        return InterruptedByUserError(hints, self.signal_number, f"interrupted while writing {self.folder}")


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Raise StoppedError in the main thread for SIGTERM and SIGHUP; restore their handlers on exit."""
    interruption = Interruption()

    def stop(number: int, _frame: FrameType | None) -> None:
        interruption.signal_number = number
        interruption.arrived = True
        raise StoppedError

    # nohup ignores SIGHUP; that decision of the user stays in force.
    handled = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, stop) for number in handled}
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
