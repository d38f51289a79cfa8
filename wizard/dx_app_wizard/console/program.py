"""Run a command from its first moment to its exit code, whatever happens to its streams or interrupts it."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from dx_app_wizard.console import streams

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
_OUTPUT_LOST = 1
_IMPORTER = "<frozen importlib._bootstrap>"


def start(command: Callable[[], object]) -> NoReturn:
    """Run a command, which raises SystemExit or returns, and exit; Ctrl-C makes that 130.

    Closed standard streams are open within. If stdout could not take everything, the exit code is not 0.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as of a shell's background commands
        signal.signal(signal.SIGINT, _interrupt)
    streams.open_closed()
    stdout, _stderr = streams.guard()
    try:
        code = _exit_code(command)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _report_interrupt()
        code = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the rest takes no time
    sys.stdout.flush()
    if stdout.lost:
        sys.stderr.write(f"error: stdout cannot be written: {stdout.lost}\n")
        code = code or _OUTPUT_LOST
    sys.stderr.flush()
    sys.exit(code)


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, or exit during an import, whose clean-up Python would report as tracebacks."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTER:
            _report_interrupt()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt


def _report_interrupt() -> None:
    sys.stderr.write("error: interrupted\n")


def _exit_code(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as exit_:
        if exit_.code is None or isinstance(exit_.code, int):
            return exit_.code or 0
        sys.stderr.write(f"{exit_.code}\n")
        return 1
    return 0
