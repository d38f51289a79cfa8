"""Turn the output of a terminal into lines of text, as far as programs edit the line with the cursor."""

from __future__ import annotations

import codecs
import re

_TOKEN = re.compile(
    r"\x1b\[(?P<number>\d*)[0-?]*[ -/]*(?P<command>[@-~])"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
    r"|(?P<text>[^\x00-\x1f\x7f]+)"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])",
    re.DOTALL,
)
_TAB = 8  # columns
_LONGEST_SEQUENCE = 256  # characters; a longer one is no control sequence


class ScreenLines:
    """The line with the cursor, and the lines that are complete.

    It follows the codes by which readline and similar editors redraw their line; the rest is left out.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self._line: list[str] = []
        self._column = 0

    @property
    def current(self) -> str:
        """The text of the line that is not complete."""
        return "".join(self._line)

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that more output of the terminal completes."""
        text = self._pending + self._decoder.decode(data)
        lines, position = [], 0
        while position < len(text):
            token = _TOKEN.match(text, position)
            if token is None:
                if len(text) - position < _LONGEST_SEQUENCE:
                    break  # the rest of the sequence is still to come
                position += 1
                continue
            position = token.end()
            if token["control"] == "\n":
                lines.append(self.rest())
            else:
                self._apply(token)
        self._pending = text[position:]
        return lines

    def rest(self) -> str:
        """Return the text of the line that is not complete, and begin a new one."""
        line, self._line, self._column = self.current, [], 0
        return line

    def _apply(self, token: re.Match[str]) -> None:
        if token["text"]:
            self._write(token["text"])
        elif token["control"] == "\b":
            self._column = max(self._column - 1, 0)
        elif token["control"] == "\r":
            self._column = 0
        elif token["control"] == "\t":
            self._write(" " * (_TAB - self._column % _TAB))
        elif token["command"]:
            self._edit(token["command"], int(token["number"] or 0))

    def _write(self, text: str) -> None:
        self._line += " " * (self._column - len(self._line))
        self._line[self._column : self._column + len(text)] = text
        self._column += len(text)

    def _edit(self, command: str, number: int) -> None:
        count = min(number or 1, _LONGEST_SEQUENCE)
        if command == "C":
            self._column += count
        elif command == "D":
            self._column = max(self._column - count, 0)
        elif command == "G":
            self._column = count - 1
        elif command == "H":
            self._column = 0
        elif command == "P":
            del self._line[self._column : self._column + count]
        elif command == "@":
            self._line[self._column : self._column] = " " * count
        elif command in "JK" and number == 0:
            del self._line[self._column :]
        elif command in "JK" and number == 1:
            self._line[: self._column] = " " * min(self._column, len(self._line))
        elif command in "JK":
            self._line.clear()
