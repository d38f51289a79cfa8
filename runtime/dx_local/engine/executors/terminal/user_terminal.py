"""The terminal of the user who runs dx-local: opened and raw while it is lent, and restored afterwards."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import termios
import tty
from contextlib import suppress

from dx_local.engine.executors.terminal import guard
from dx_local.engine.executors.terminal.presence import has_terminal

_SIZE_BYTES = 8


class UserTerminal:
    """The user's terminal, as an open file of its own."""

    def __init__(self, file: int) -> None:
        self.file = file
        self._saved = termios.tcgetattr(file)
        self._guard: subprocess.Popen[bytes] | None = None

    def make_raw(self) -> None:
        """Pass every key on as it is, also those that would interrupt dx-local."""
        tty.setraw(self.file, termios.TCSADRAIN)
        settings = [guard.as_json(each) for each in (termios.tcgetattr(self.file), self._saved)]
        with suppress(OSError):
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(self.file), *map(json.dumps, settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[self.file],
                start_new_session=True,
            )

    def write(self, data: bytes) -> None:
        """Write all of the data, unless the terminal is gone."""
        with suppress(OSError):
            while data:
                data = data[os.write(self.file, data) :]

    def size(self) -> bytes:
        """Return the size of the window as the kernel has it. Raises OSError."""
        return fcntl.ioctl(self.file, termios.TIOCGWINSZ, b"\0" * _SIZE_BYTES)

    def close(self) -> None:
        """Restore the settings and close the file."""
        with suppress(termios.error, OSError):
            termios.tcsetattr(self.file, termios.TCSADRAIN, self._saved)
        os.close(self.file)
        if self._guard and self._guard.stdin:
            self._guard.kill()
            self._guard.wait()
            self._guard.stdin.close()


def open_user_terminal() -> UserTerminal | None:
    """Return the user's terminal; None if there is none, or it is not for this process to use.

    It is for this process to use in the foreground.
    """
    if not has_terminal():
        return None
    try:
        # Not /dev/tty, for which some systems report no events.
        file = os.open(os.ttyname(0), os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if os.tcgetpgrp(file) == os.getpgrp():
            return UserTerminal(file)
    except (OSError, termios.error):  # it is not the terminal of this session
        pass
    os.close(file)
    return None
