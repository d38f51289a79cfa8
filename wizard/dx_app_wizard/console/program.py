"""Run a command to its exit code, even if its streams are closed or Ctrl-C interrupts it."""

from __future__ import annotations

import atexit
import gc
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
# Objects after whose creation Python looks for garbage, instead of its 700. Imports create many objects, none
# of them garbage, and to look at them takes a tenth of the time of a short command.
_COLLECTION_THRESHOLD = 20_000


def start(command: Callable[[], object]) -> NoReturn:
    """Run a command, which returns or raises SystemExit, and exit; the exit code is 130 after Ctrl-C.

    Closed standard streams are opened first. If some output is lost on stdout, the exit code is not 0.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # shells ignore it for background commands
        signal.signal(signal.SIGINT, _interrupt)
    # A mask such as 277 takes rights away from the owner: we could not write into our own new folders.
    os.umask(os.umask(0o077) & 0o077)
    streams.open_closed()
    stdout, _stderr = streams.guard()
    gc.set_threshold(_COLLECTION_THRESHOLD)
    try:
        code = _exit_code(command)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _report_interrupt()
        code = INTERRUPTED
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only a moment is left
    sys.stdout.flush()
    if stdout.lost:
        sys.stderr.write(f"error: stdout cannot be written: {stdout.lost}\n")
        code = code or _OUTPUT_LOST
    sys.stderr.flush()
    _end(code)


def _end(code: int) -> NoReturn:
    """Exit without freeing the memory object by object, which takes long compared to a short command."""
    threading = sys.modules.get("threading")
    has_threads = threading is not None and threading.active_count() > 1
    if has_threads or sys.getprofile() or sys.gettrace() or sys.flags.inspect:
        sys.exit(code)  # waits for the threads, and lets a profiler or debugger go on
    atexit._run_exitfuncs()  # noqa: SLF001  (nothing else runs them)
    os._exit(code & 0xFF)


def _interrupt(_number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, or exit at once during an import, which would print tracebacks."""
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
