"""Run dx-local in a terminal of a given size, and read its screen as a person would."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pexpect
import pyte
from tests.forked_terminal import ForkedSpawn

DX_LOCAL = Path(sys.executable).with_name("dx-local")
_DECIDES_STYLE = frozenset({"CI", "NO_COLOR", "GITHUB_ACTIONS", "COLUMNS", "LINES"})


class Terminal:
    """A run of dx-local, or of another program, in a terminal, and everything that it has written so far."""

    def __init__(
        self,
        *arguments: str,
        columns: int = 80,
        rows: int = 24,
        program: tuple[str, ...] = (),
        **variables: str,
    ) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in _DECIDES_STYLE}
        self.written = ""
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000)
        self._stream = pyte.Stream(self.screen)
        spawn = pexpect.spawn if program else ForkedSpawn
        command = [*(program or (sys.executable, "-m", "dx_local")), *arguments]
        self.process: pexpect.spawn[str] = spawn(
            command[0],
            command[1:],
            env={**kept, "TERM": "xterm-256color", **variables},
            dimensions=(rows, columns),
            encoding="utf-8",
            timeout=60,
        )

    def read_until(self, text: str) -> None:
        """Read until the screen shows a text. Raises pexpect.EOF if the run ends before."""
        self.read_until_all(re.escape(text))

    def read_until_all(self, *patterns: str) -> str:
        """Read until the screen matches all patterns at once, and return it.

        A view may be read while it is drawn, or before a job has printed. Raises pexpect.EOF, with the last
        screen, if the run ends before, and pexpect.TIMEOUT if the screen does not change any more.
        """
        try:
            while not all(re.search(pattern, self.shown()) for pattern in patterns):
                self._feed(self.process.read_nonblocking(65536, timeout=self.process.timeout))
        except (pexpect.EOF, pexpect.TIMEOUT) as error:
            raise type(error)(self.shown()) from None
        return self.shown()

    def type(self, text: str, *patterns: str) -> str:
        """Type a line, wait until the screen changes and then matches all patterns, and return it."""
        self.process.send(f"{text}\r")
        self._feed(self.process.read_nonblocking(65536, timeout=self.process.timeout))
        return self.read_until_all(*patterns)

    def read_to_end(self) -> int:
        """Read all that is left, and return the exit code."""
        self._feed(self.process.read())
        self.process.close()
        return int(self.process.exitstatus or 0)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self.screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)

    def shown(self) -> str:
        """Return the lines of the screen, without trailing spaces."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip("\n")

    def scrolled(self) -> list[str]:
        """Return the lines that have left the screen at the top."""
        return [
            "".join(line[column].data for column in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]

    def _feed(self, text: str) -> None:
        self.written += text
        self._stream.feed(text)
