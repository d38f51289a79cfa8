"""The thread that keeps the ledger: what a job has put out before one of its passes survives a power cut."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.ledger.keeper import LedgerKeeper
from dx_local.engine.ledger.ledger import Content, content_of, read_ledger
from dx_local.platform.core.ids import new_id
from dx_local.platform.data import files, objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.platform.core.context import Context, Platform

DEADLINE_SECONDS = 30


@pytest.fixture
def keeper(platform: Platform) -> Iterator[LedgerKeeper]:
    kept = LedgerKeeper(platform.folder, {})
    platform.closed_subscribers.append(kept.on_output)
    kept.start()
    yield kept
    close(kept)


def close(keeper: LedgerKeeper) -> None:
    keeper.end()
    keeper.join()


def upload(context: Context, project: str, data: bytes) -> str:
    """Create a closed file as a job does that uploads it."""
    file_id: str = files.new(context, "file", {"project": project, "name": "f"})["id"]
    received = context.platform.folder / "received"
    received.write_bytes(data)
    with context.store.transaction():
        files.close_with_bytes(context, file_id, received, files.MINIMUM_PART_SIZE)
    return file_id


def wait_for(platform: Platform, object_id: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while object_id not in read_ledger(platform.folder).contents:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_content_of_an_output_is_recorded(context: Context, project: str, keeper: LedgerKeeper) -> None:
    file_id = upload(context, project, b"data")
    close(keeper)
    content = read_ledger(context.platform.folder).contents[file_id]
    assert content == content_of([context.platform.folder / "files" / file_id])
    assert content.size == 4


def test_a_run_in_progress_is_in_the_database_without_its_log(
    context: Context, project: str, keeper: LedgerKeeper, tmp_path: Path
) -> None:
    """The keeper copies the log into the database, both of which SQLite syncs."""
    platform = context.platform
    file_id = upload(context, project, b"data")
    wait_for(platform, file_id)
    deadline = time.monotonic() + DEADLINE_SECONDS
    found = False
    while not found:
        assert time.monotonic() < deadline
        copy = tmp_path / "copy.sqlite"
        shutil.copyfile(platform.folder / "platform.sqlite", copy)
        with closing(sqlite3.connect(copy)) as database:
            tables = database.execute("SELECT name FROM sqlite_master").fetchall()
            found = bool(tables) and bool(
                database.execute("SELECT 1 FROM object WHERE id = ?", (file_id,)).fetchall()
            )
        time.sleep(0.05)


def link(platform: Platform, data: bytes) -> tuple[str, Path, os.stat_result]:
    """Add a user's file to the platform; return its ID, path and status."""
    file_id = new_id("file")
    path = platform.folder / "files" / file_id
    path.write_bytes(data)
    return file_id, path, path.stat()


def test_a_users_file_is_recorded_in_time(platform: Platform, keeper: LedgerKeeper) -> None:
    file_id, _, status = link(platform, b"reads" * (1 << 20))
    keeper.on_input(file_id, status.st_size, status.st_mtime_ns)
    wait_for(platform, file_id)
    assert read_ledger(platform.folder).contents[file_id].size == 5 << 20


def test_a_small_file_of_the_user_is_recorded_at_the_end(platform: Platform, keeper: LedgerKeeper) -> None:
    file_id, _, status = link(platform, b"reads")
    keeper.on_input(file_id, status.st_size, status.st_mtime_ns)
    close(keeper)
    assert read_ledger(platform.folder).contents[file_id].size == 5


def test_a_users_file_that_was_edited_meanwhile_is_not_recorded(
    platform: Platform, keeper: LedgerKeeper
) -> None:
    """A job has got the bytes as they were, which are not known any more."""
    file_id, path, status = link(platform, b"old")
    path.write_bytes(b"new")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    keeper.on_input(file_id, status.st_size, status.st_mtime_ns)
    close(keeper)
    assert read_ledger(platform.folder).contents == {}


def test_a_file_in_parts_is_one_content(context: Context, keeper: LedgerKeeper) -> None:
    file_id = new_id("file")
    parts = context.platform.folder / "files" / f"{file_id}.parts"
    parts.mkdir()
    for number, data in ((1, b"a"), (2, b"b"), (10, b"c")):
        (parts / str(number)).write_bytes(data)
    keeper.on_output(file_id)
    close(keeper)
    (tmp := context.platform.folder / "joined").write_bytes(b"abc")
    assert read_ledger(context.platform.folder).contents[file_id] == content_of([tmp])


def test_objects_without_bytes_are_not_recorded(context: Context, project: str, keeper: LedgerKeeper) -> None:
    record = objects.SAMPLES["record"](context, {"project": project, "name": "r"})
    objects.mark_closed(context, record)
    close(keeper)
    assert read_ledger(context.platform.folder).contents == {}


def test_a_line_that_was_cut_off_does_not_count(platform: Platform) -> None:
    keeper = LedgerKeeper(platform.folder, {})
    keeper.note("file-a", Content(1, "x"))
    keeper.note("file-b", Content(2, "y"))
    keeper.start()
    close(keeper)
    path = platform.folder / "ledger.jsonl"
    path.write_text(path.read_text()[:-5])
    assert set(read_ledger(platform.folder).contents) == {"file-a"}


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "file-x"}', '{"run": 5}', '{"python": "3"}', '{"tree": "t", "files": [1]}',
        '{"tree": "t", "files": {"a": [1]}}', "[1]", "{",
    ],
)  # fmt: skip
def test_a_line_of_another_version_does_not_count(platform: Platform, line: str) -> None:
    known = '{"release": "24.04", "python": "3.12"}'
    (platform.folder / "ledger.jsonl").write_text(f"{line}\n{known}\n")
    ledger = read_ledger(platform.folder)
    assert (ledger.boot, ledger.pythons, ledger.contents, ledger.trees) == (None, {"24.04": "3.12"}, {}, {})


def test_the_python_of_a_release_is_recorded_at_once(platform: Platform) -> None:
    LedgerKeeper(platform.folder, {}).note_python("24.04", "3.12")
    assert read_ledger(platform.folder).pythons == {"24.04": "3.12"}
