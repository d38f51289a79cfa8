"""Default handling of signals, whatever the caller of dx-local made of them; signals that end programs."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the part of `signal` in C
import signal

# Python ignores these at its start, in every process.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that end a program in order; CI systems, `timeout` and terminals send them to a process group."""


def restore_defaults() -> None:
    """Handle and receive all signals as a Python does that was started from a terminal.

    A program inherits the signals that its caller ignores or blocks. Shells ignore SIGINT and SIGQUIT for
    commands in the background, and nohup ignores SIGHUP.
    """
    for number in signal.valid_signals():
        if signal.getsignal(number) == signal.SIG_IGN and number not in _IGNORED_BY_PYTHON:
            is_interrupt = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if is_interrupt else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def restore_defaults_of_programs() -> None:
    """Stop ignoring the signals that only Python ignores, before this process becomes another program."""
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)


def stop_noticing_children() -> None:
    """Handle the ends of children by default in a fork of a process with an `ExitNotifier`.

    The function in C does not turn numbers into enumerations as `signal.signal` does. To touch the code for
    that takes a fork as long as everything else here.
    """
    signal.set_wakeup_fd(-1, warn_on_full_buffer=False)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
