"""The log of a job on disk: its lines are read in the order in which they were written."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.platform.execution.job_logs import (
    LEVELS,
    OPENING_ENDS,
    OPENING_STARTS,
    LogReader,
    LogWriter,
    folder_name,
    job_output_bytes,
    write_log,
)

LINES = st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])), max_size=4)
WRITES = st.lists(st.tuples(LINES, st.sampled_from(LEVELS), st.integers(0, 9_999_999_999_999)))


@given(writes=WRITES, pace=st.integers(1, 5))
def test_what_is_written_is_read(writes: list[tuple[list[str], str, int]], pace: int) -> None:
    with TemporaryDirectory() as folder:
        writer, reader = LogWriter(Path(folder, "log.txt")), LogReader("job-1", Path(folder, "log.txt"))
        found = []
        for lines, level, timestamp in writes:
            writer.write([line.encode() for line in lines], level, timestamp)
            found += reader.read(pace)
        found += reader.rest()
        writer.close()
    written = [(time, level, line) for lines, level, time in writes for line in lines]
    assert [(entry.timestamp, entry.level, entry.text) for entry in found] == written
    assert [entry.number for entry in found] == list(range(len(found)))


def test_a_log_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert LogReader("job-1", tmp_path / "log.txt").read() == []


def test_a_line_whose_entry_is_missing_waits_for_it(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    writer = LogWriter(log)
    writer.write([b"one"], "STDOUT", 1)
    writer.close()
    with log.open("ab") as file:
        file.write(b"killed before its en")
    with log.with_suffix(".index").open("ab") as file:
        file.write(b"00000")
    assert [entry.text for entry in LogReader("job-1", log).rest()] == ["one"]


def test_bytes_that_are_no_text_and_carriage_returns_are_read(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log.txt")
    writer.write([b"\xff!\r"], "STDERR", 1)
    writer.close()
    assert [entry.text for entry in LogReader("job-1", tmp_path / "log.txt").rest()] == ["\ufffd!"]


@pytest.mark.parametrize("name", ["../../etc", "..", "a/b", "x" * 400])
def test_a_folder_name_is_no_path(name: str) -> None:
    assert "/" not in folder_name(name)
    assert not folder_name(name).startswith(".")


OPENING = [("INFO", OPENING_STARTS), ("STDOUT", "more"), ("STDOUT", f"bash {OPENING_ENDS.format('job-1')}")]


@pytest.mark.parametrize(
    ("printed", "most"),
    [
        (b"", None),
        (b"", 1000),
        (b"one\ntwo", None),
        (b"a\nbash running (job ID job-2)\nb\n", None),
        (b"one\n", 4),
    ],
)
def test_what_a_worker_wrote_first_is_not_printed_by_the_job(
    tmp_path: Path, printed: bytes, most: int | None
) -> None:
    log = tmp_path / "log.txt"
    write_log(log, OPENING, 7)
    with log.open("ab") as file:
        file.write(printed)
    assert job_output_bytes(log, most) == printed
    assert [(entry.level, entry.text, entry.timestamp) for entry in LogReader("job-1", log).read()] == [
        (*line, 7) for line in OPENING
    ]


def test_a_log_without_an_opening_is_all_printed_by_the_job(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(f"bash {OPENING_ENDS.format('job-1')}\nx\n")
    assert job_output_bytes(log).endswith(b"(job ID job-1)\nx\n")
