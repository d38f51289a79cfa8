"""Default handling of signals, whatever the caller of dx-local has made of them."""

from __future__ import annotations

import signal

# Python ignores these at its start, in every process.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


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
