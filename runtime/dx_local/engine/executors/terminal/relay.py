"""Relay bytes between the user's terminal and the pseudo terminal of a job, in the asyncio loop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import termios
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_local.engine.executors.terminal.screen_lines import ScreenLines

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.executors.terminal.user_terminal import UserTerminal

_READ_BYTES = 64 * 1024
_DRAIN_SECONDS = 0.2
_LOCAL_MODES, _CONTROL_CHARACTERS = 3, 6  # positions in the result of tcgetattr
_SIGNAL_KEYS = ((termios.VINTR, signal.SIGINT), (termios.VQUIT, signal.SIGQUIT))
_NO_KEY = b"\0"  # the control character of a function that no key has
_CONTROL = 0x40  # the bit by which a control character differs from its letter


class Relay:
    """Connects a pseudo terminal to the user's, line by line also to `on_lines`, until `detach` is called.

    `process_group` is that of the job. If the terminal controls no process, its signals are sent from here.
    """

    def __init__(
        self, user: UserTerminal, process_group: int | None, on_lines: Callable[[list[str]], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._user: UserTerminal | None = user
        self._process_group = process_group
        self._on_lines = on_lines
        self._lines = ScreenLines()
        self._input = b""
        self._on_drained: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._master, self._slave = os.openpty()
        self._slave_name = os.ttyname(self._slave)
        os.set_blocking(self._master, False)
        self.resize()
        user.make_raw()
        self._loop.add_reader(user.file, self._read_user, user)
        self._loop.add_reader(self._master, self._read_job)

    def open_slave(self) -> int:
        """Return the side for the job as an open file. Raises OSError."""
        if self._slave >= 0:  # kept until the first process gets it, or the other side would be at its end
            slave, self._slave = self._slave, -1
            return slave
        return self._open_slave_again()

    def _open_slave_again(self) -> int:
        return os.open(self._slave_name, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)

    def resize(self) -> None:
        """Give the job's terminal the size of the user's, and notify the job."""
        if self._user is None:
            return
        with suppress(OSError):
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, self._user.size())
        self._send_signal(signal.SIGWINCH)

    def show(self, text: str) -> None:
        """Print a line above the one with the cursor."""
        if self._user:
            line = self._lines.current
            self._user.write(f"\r\x1b[K{text}\r\n{line}".encode("utf-8", "replace"))

    def end(self, on_drained: Callable[[], None]) -> None:
        """Pass on the last output of the job, which has returned the terminal; then call `on_drained`.

        The kernel hands output over a moment after it was written.
        """
        self._on_drained = on_drained
        if self._master < 0:
            self._drained()
        else:
            self._timer = self._loop.call_later(_DRAIN_SECONDS, self._drained)

    def detach(self) -> None:
        """Disconnect the user's terminal and restore it; output that is still to come goes to the log."""
        user, self._user = self._user, None
        if user is None:
            return
        self._loop.remove_reader(user.file)
        if self._lines.current:
            user.write(b"\r\n")
        user.close()

    def close(self) -> None:
        """Disconnect everything."""
        self.detach()
        if self._timer:
            self._timer.cancel()
        if self._master >= 0:
            self._close_master()

    def _read_user(self, user: UserTerminal) -> None:
        try:
            data = os.read(user.file, _READ_BYTES)
        except OSError:
            data = b""
        if not data:  # the window is gone; dx-local itself is hung up
            self._loop.remove_reader(user.file)
            return
        self._input += self._after_signal_keys(data)
        self._write_job()

    def _after_signal_keys(self, data: bytes) -> bytes:
        """Send the signals of keys in typed bytes, and return what was typed after the last of these keys.

        The kernel does so for a terminal that controls processes. For any other one it must not get such a
        key: it would discard what the job has just printed because of the signal that was sent from here.
        """
        if self._process_group is None or self._master < 0 or self._is_controlling():
            return data
        modes = termios.tcgetattr(self._master)
        if not modes[_LOCAL_MODES] & termios.ISIG:
            return data
        numbers = {modes[_CONTROL_CHARACTERS][key]: number for key, number in _SIGNAL_KEYS}
        numbers.pop(_NO_KEY, None)
        typed = re.split(b"([" + b"".join(map(re.escape, numbers)) + b"])", data) if numbers else [data]
        for key in typed[1::2]:
            self._discard_input()
            if modes[_LOCAL_MODES] & termios.ECHO:
                self._pass_on(b"^" + bytes([key[0] ^ _CONTROL]))
            self._send_signal(numbers[key])
        return typed[-1]

    def _discard_input(self) -> None:
        """Discard what was typed and that the job has not read."""
        self._input = b""
        with suppress(OSError, termios.error):
            slave = self._open_slave_again()
            try:
                termios.tcflush(slave, termios.TCIFLUSH)
            finally:
                os.close(slave)

    def _send_signal(self, number: signal.Signals) -> None:
        if self._process_group is not None and not self._is_controlling():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process_group, number)

    def _is_controlling(self) -> bool:
        """Return whether the terminal is that of a session, to which the kernel then sends signals."""
        return self._master >= 0 and os.tcgetpgrp(self._master) > 0

    def _write_job(self) -> None:
        if self._master < 0:
            return
        try:
            self._input = self._input[os.write(self._master, self._input) :]
        except BlockingIOError:
            pass
        except OSError:
            self._input = b""
        if self._input:
            self._loop.add_writer(self._master, self._write_job)
        else:
            self._loop.remove_writer(self._master)

    def _read_job(self) -> None:
        try:
            data = os.read(self._master, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # no process has the other side any more
            data = b""
        if not data:
            self._close_master()
            return
        self._pass_on(data)

    def _pass_on(self, output: bytes) -> None:
        """Show output of the job to the user, and log its complete lines."""
        if self._user:
            self._user.write(output)
        if lines := self._lines.feed(output):
            self._on_lines(lines)

    def _close_master(self) -> None:
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        self._master = -1
        if self._on_drained:
            self._drained()

    def _drained(self) -> None:
        then, self._on_drained = self._on_drained, None
        if self._timer:
            self._timer.cancel()
        if then:
            self.detach()
            if self._lines.current:
                self._on_lines([self._lines.rest()])
            then()
