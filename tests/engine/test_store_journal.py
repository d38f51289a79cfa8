"""Databases without a write-ahead log, or without locks, written and read at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import missing_calls

from dx_local.engine.store_journal import place_of
from dx_local.platform.core.context import STORE_NAME, Platform
from dx_local.platform.core.store import Journal, Store
from dx_local.platform.gtables.columns import Column
from dx_local.platform.gtables.rows import TableFile

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
JOURNALS = [Journal(), Journal(is_wal=False), Journal(is_wal=False, has_locks=False)]

# Counts the changes in both tables, which each transaction changes by one.
READER = """
import sys
from pathlib import Path
from dx_local.engine.run_folder import reading
for _ in range(25):
    with reading(Path(sys.argv[1])) as platform:
        users, names = ("(SELECT count(*) FROM user)", "(SELECT count(*) FROM app_name)")
        print(platform.store.value(f"SELECT {users} || ' ' || {names} AS counts"))
        assert platform.store.value("PRAGMA integrity_check") == "ok"
"""


@pytest.mark.parametrize("journal", JOURNALS)
def test_the_mode_is_the_chosen_one(tmp_path: Path, journal: Journal) -> None:
    store = Store(tmp_path / STORE_NAME, journal=journal)
    assert store.value("PRAGMA journal_mode") == ("wal" if journal.is_wal else "truncate")
    store.close()


def test_a_database_that_had_a_log_loses_it(tmp_path: Path) -> None:
    for journal, mode in zip((*JOURNALS, Journal()), ("wal", "truncate", "truncate", "wal"), strict=True):
        platform = Platform.open(tmp_path, journal=journal)
        assert platform.store.value("PRAGMA journal_mode") == mode
        platform.store.close()


def test_a_local_disk_has_a_log(tmp_path: Path) -> None:
    assert place_of(tmp_path).journal == Journal()
    assert place_of(tmp_path).first_warning(tmp_path) is None


@pytest.mark.parametrize("journal", JOURNALS)
def test_readers_see_whole_transactions(tmp_path: Path, journal: Journal) -> None:
    if not journal.has_locks and not missing_calls.is_possible():
        pytest.skip("this system has no seccomp")
    without_locks = ("-m", "tests.missing_calls", missing_calls.NO_LOCKS, sys.executable)
    prefix = () if journal.has_locks else without_locks
    platform = Platform.open(tmp_path, is_persistent=False, journal=journal)
    writes = _Writer(platform.store)
    reader = subprocess.Popen(
        [sys.executable, *prefix, "-c", READER, tmp_path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout
    while reader.poll() is None:
        writes.transaction()
        time.sleep(0.001)
    counts = [line.split() for line in reader.stdout]
    reader.stdout.close()
    platform.store.close()
    assert reader.returncode == 0
    assert len(counts) == 25
    assert all(int(users) == int(names) + 1 for users, names in counts)  # one user from the start


class _Writer:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._number = 0

    def transaction(self) -> None:
        self._number += 1
        with self._store.transaction():
            self._store.insert("user", id=f"user-{self._number}", first="a" * 900, last="b", email="c")
            nobody: dict[str, list[str]] = {"developers": [], "authorized_users": [], "installed_by": []}
            self._store.insert("app_name", id=f"name-{self._number}", **nobody)


@pytest.mark.parametrize("journal", JOURNALS)
def test_a_table_is_sorted_while_others_read_it(tmp_path: Path, journal: Journal) -> None:
    table = TableFile(tmp_path / "gtables" / "t.sqlite", (Column("n", "int32"),), (), journal)
    for part in range(1, 21):
        table.put_part(part, [[number] for number in range(500)])
    failures: list[BaseException] = []

    def caught(action: Callable[[], object]) -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    sorting = threading.Thread(target=caught, args=(table.finish,))
    sorting.start()
    while sorting.is_alive():
        caught(table.is_finished)
    sorting.join()
    assert failures == []
    assert table.length() == 10_000
