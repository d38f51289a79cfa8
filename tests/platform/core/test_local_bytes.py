from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from dx_local.platform.core import local_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLE = 4 << 20


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """A file that begins and ends with a hole."""
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.seek(HOLE)
        file.write(b"data")
        file.truncate(2 * HOLE)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Iterator[int]:
    """An open file with some content."""
    (tmp_path / "target").write_bytes(b"old " * 1000)
    file = os.open(tmp_path / "target", os.O_RDWR)
    yield file
    os.close(file)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.fixture(params=["in the kernel", "through memory", "from disk to disk"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way to copy bytes; the machine decides which one is used."""

    def refuse(*_arguments: object) -> int:
        raise OSError(errno.EXDEV, "another disk")

    if request.param == "through memory":
        monkeypatch.delattr(os, "copy_file_range")
    if request.param == "from disk to disk":
        monkeypatch.setattr(os, "copy_file_range", refuse)
    return str(request.param)


@pytest.mark.parametrize("pieces", [[b""], [b"a"], [b"a", b"", b"bc"], [b"x" * 3_000_000, b"y"]])
def test_a_file_gets_the_bytes_of_others(way: str, tmp_path: Path, target: int, pieces: list[bytes]) -> None:
    sources = [write(tmp_path / str(index), data) for index, data in enumerate(pieces)]
    assert local_bytes.copy_into(target, sources) == len(b"".join(pieces))
    assert (tmp_path / "target").read_bytes() == b"".join(pieces)


def test_holes_stay_holes(way: str, tmp_path: Path, sparse: Path, target: int) -> None:
    assert local_bytes.copy_into(target, [sparse, write(tmp_path / "end", b"end")]) == 2 * HOLE + 3
    assert (tmp_path / "target").read_bytes() == sparse.read_bytes() + b"end"
    assert (tmp_path / "target").stat().st_blocks * 512 < HOLE


def test_an_open_file_is_copied_wherever_it_stands(way: str, tmp_path: Path) -> None:
    with write(tmp_path / "source", b"hello").open("rb") as source, (tmp_path / "copy").open("wb") as copy:
        source.seek(3)
        assert local_bytes.copy_open(source.fileno(), copy.fileno()) == 5
    assert (tmp_path / "copy").read_bytes() == b"hello"


def test_a_copy_that_nobody_wants_ends(way: str, tmp_path: Path, target: int) -> None:
    answers = iter([True, False])
    sources = [write(tmp_path / "a", b"a"), write(tmp_path / "b", b"b")]
    with pytest.raises(local_bytes.CopyCancelledError):
        local_bytes.copy_into(target, sources, lambda: next(answers))
