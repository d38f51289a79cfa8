"""pdb for jobs: it borrows the user's terminal while it takes commands, and is passed over without one."""

from __future__ import annotations

import os
import pdb  # noqa: T100  (this is the debugger)
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.worker.debugger.places import short_name

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import NoReturn

    from dx_local.worker.debugger.terminal import BorrowedTerminal

    Stack = list[tuple[FrameType, int]]

_WORKER_FOLDER = str(Path(__file__).parents[1])
_LIBRARY = str(Path(os.__file__).parent)
_PACKAGES = ("site-packages", "dist-packages")
_NO_LINE = -1  # bdb's number of the next line to stop at, if there is none
_STREAMS = slice(1, 3)  # the position of stdin and stdout among the arguments of Pdb


class DebuggerQuit(SystemExit):
    """The end of the process because the user left the debugger by `q`; apps do not handle this exception."""


class JobPdb(pdb.Pdb):
    """A debugger on the user's terminal; one with streams of its own leaves the terminal alone."""

    terminal: BorrowedTerminal
    """The terminal for all debuggers of this process."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        with self.terminal.as_variable():
            super().__init__(*arguments, **options)
        self._has_own_streams = any((*arguments[_STREAMS], options.get("stdin"), options.get("stdout")))
        self._is_post_mortem = False
        self.nosigint = True  # a handler would outlive the loan, after which Ctrl-C is not for the job

    def set_trace(self, frame: FrameType | None = None, *arguments: Any, **options: Any) -> None:
        """Stop in a frame, by default the caller's, if there is a terminal."""
        frame = frame or sys._getframe(1)  # noqa: SLF001
        if self._has_own_streams or self._borrow(frame):
            super().set_trace(frame, *arguments, **options)

    def interaction(self, frame: FrameType | None, *arguments: Any) -> None:
        """Take commands on the terminal, and give it back if the job is to go on without stopping."""
        if self._has_own_streams:
            super().interaction(frame, *arguments)
            return
        if frame is not None and not self._borrow(frame):
            self.set_continue()
            return
        try:
            with self.terminal.as_variable(), self.terminal.as_python_streams():
                self.stdin, self.stdout = sys.stdin, sys.stdout
                self.use_rawinput = True
                super().interaction(frame, *arguments)
        except BaseException:
            self.terminal.give_back()
            raise
        if frame is not None and self.quitting:
            self._quit(frame)
        if self.stoplineno == _NO_LINE:
            self.terminal.give_back()

    def post_mortem(self, error: BaseException) -> None:
        """Take commands where an error was raised, in the innermost frame of the app's own code."""
        text = traceback.format_exception_only(type(error), error)[-1].strip()
        reason = f"failed at {_place_of(error)}: {text}; q ends the job"
        if isinstance(error, DebuggerQuit) or not self.terminal.borrow(reason, at_end=True):
            return
        self._is_post_mortem = True
        self.reset()
        self.interaction(None, error.__traceback__)
        self.terminal.give_back()

    def get_stack(self, frame: FrameType | None, trace: TracebackType | None) -> tuple[Stack, int]:
        """Return the stack without the frames that started the app, and the number of the current frame."""
        stack, index = super().get_stack(frame, trace)
        if self._is_post_mortem:
            index = max((i for i, (each, _) in enumerate(stack) if _is_own_code(each)), default=index)
        outer = 0
        while outer < index and _is_of_worker(stack[outer][0]):
            outer += 1
        return stack[outer:], index - outer

    def stop_here(self, frame: FrameType) -> bool:
        """Return whether to stop in a frame: never in those that started the app."""
        return not _is_of_worker(frame) and bool(super().stop_here(frame))

    def do_quit(self, arg: str) -> bool | None:  # noqa: ARG002  (no argument)
        """End the job; Python's own command would report success from version 3.14 on."""
        self._user_requested_quit = True
        self.set_quit()
        return True

    do_q = do_exit = do_quit

    def _borrow(self, frame: FrameType) -> bool:
        place = f"{short_name(frame.f_code.co_filename)}:{frame.f_lineno}"
        if self.terminal.borrow(f"stopped at {place}; c continues, q ends the job"):
            return True
        if place not in _passed_over:
            _passed_over.add(place)
            print(f"breakpoint() at {place} passed over: no terminal", file=sys.stderr, flush=True)
        return False

    def _quit(self, frame: FrameType) -> NoReturn:
        place = f"{short_name(frame.f_code.co_filename)}:{frame.f_lineno}"
        self.terminal.give_back()
        raise DebuggerQuit(f"The job was ended in the debugger at {place}")


_passed_over: set[str] = set()


def install(terminal: BorrowedTerminal) -> None:
    """Have all of pdb, such as `breakpoint()` and `pdb.set_trace()`, use this debugger."""
    JobPdb.terminal = terminal
    pdb.Pdb = JobPdb  # type: ignore[misc]


def _place_of(error: BaseException) -> str:
    frames = []
    trace = error.__traceback__
    while trace:
        frames.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    frame, line = next(((each, line) for each, line in reversed(frames) if _is_own_code(each)), frames[-1])
    return f"{short_name(frame.f_code.co_filename)}:{line}"


def _is_of_worker(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_WORKER_FOLDER)


def _is_own_code(frame: FrameType) -> bool:
    """Return whether a frame runs code of the app, rather than of Python, a package or the worker."""
    file = frame.f_code.co_filename
    is_installed = any(f"{os.sep}{name}{os.sep}" in file for name in _PACKAGES)
    return not (file.startswith(("<", _LIBRARY + os.sep, _WORKER_FOLDER)) or is_installed)
