"""Our own commands on a pseudo-terminal, in forks like those of forked.py."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import ptyprocess  # type: ignore[import-untyped]
from tests.forked import at_start, our_forks

if TYPE_CHECKING:
    from tests.forked import Fork


class ForkedSpawn(pexpect.spawn):  # type: ignore[type-arg]
    """Starts the same program as pexpect.spawn(sys.executable, ["-m", PACKAGE, …]), but in a fork."""

    def _spawnpty(self, args: list[bytes], **options: Any) -> ptyprocess.PtyProcess:
        python, *command = map(os.fsdecode, args)
        if at_start(options["env"]) != at_start(os.environ):
            return super()._spawnpty(args, **options)  # type: ignore[misc]
        assert python == sys.executable
        master, slave = pty.openpty()
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("4H", *options["dimensions"], 0, 0))
        fork = our_forks().start(
            command,
            options["env"],
            Path(options["cwd"] or Path.cwd()),
            (slave, os.dup(slave), os.dup(slave)),
            is_session=True,
            is_terminal=True,
        )
        return _ForkOnTerminal(fork, master)


class _ForkOnTerminal(ptyprocess.PtyProcess):  # type: ignore[misc]
    def __init__(self, fork: Fork, master: int) -> None:
        super().__init__(fork.pid, master)
        self._fork = fork

    def isalive(self) -> bool:
        return self._is_alive(self._fork.poll())

    def wait(self) -> int | None:
        self._is_alive(self._fork.wait())
        code: int | None = self.exitstatus
        return code

    def _is_alive(self, code: int | None) -> bool:
        if code is None:
            return True
        self.terminated = True
        self.exitstatus: int | None = code if code >= 0 else None
        self.signalstatus: int | None = -code if code < 0 else None
        return False
