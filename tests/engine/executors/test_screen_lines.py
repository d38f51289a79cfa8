"""The lines of text that are left of a terminal's output."""

from __future__ import annotations

import pytest

from dx_local.engine.executors.terminal.screen_lines import ScreenLines


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        pytest.param(b"one\r\ntwo\r\n", ["one", "two"], id="plain"),
        pytest.param(b"(Pdb) p x\b\b\bn\x1b[K\r\n", ["(Pdb) n"], id="another command of the history"),
        pytest.param(b"abc\b\b\x1b[1PX\r\n", ["aX"], id="a character deleted and one replaced"),
        pytest.param(b"ac\b\x1b[1@b\r\n", ["abc"], id="a character inserted"),
        pytest.param(b"\x1b[1;31mred\x1b[0m \x1b[?2004h\x1b]0;title\x07end\n", ["red end"], id="colours"),
        pytest.param(b"abcdef\x1b[H\x1b[2J\r(Pdb) \n", ["(Pdb) "], id="a screen cleared"),
        pytest.param(b"10%\r20%\r\n", ["20%"], id="progress"),
        pytest.param("caf\u00e9\n".encode(), ["caf\u00e9"], id="not ASCII"),
    ],
)
def test_edited_lines(output: bytes, lines: list[str]) -> None:
    assert ScreenLines().feed(output) == lines
    pieces = ScreenLines()
    assert [line for byte in output for line in pieces.feed(bytes([byte]))] == lines
