"""Split the output of a job into lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dx_local.engine.executors.log_sources.line_splitter import LineSplitter


def split(pieces: list[bytes], longest: int) -> list[bytes]:
    splitter = LineSplitter(longest)
    return [line for piece in pieces for line in splitter.feed(piece)] + splitter.rest()


@given(pieces=st.lists(st.binary()))
def test_lines_are_those_of_the_whole(pieces: list[bytes]) -> None:
    *lines, last = b"".join(pieces).split(b"\n")
    assert split(pieces, longest=1000) == lines + ([last] if last else [])


@given(
    text=st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), size=st.integers(1, 9)
)
def test_long_lines_are_cut_between_characters(text: str, size: int) -> None:
    data = text.encode()
    pieces = split([data[start : start + size] for start in range(0, len(data), size)], longest=6)
    assert "".join(piece.decode() for piece in pieces) == text
    assert all(len(piece) <= 6 for piece in pieces)


@given(data=st.binary().filter(lambda data: b"\n" not in data))
def test_long_lines_that_are_not_text_lose_nothing(data: bytes) -> None:
    assert b"".join(split([data], longest=5)) == data
