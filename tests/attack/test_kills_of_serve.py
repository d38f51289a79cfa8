"""Kill `dx-local serve` under load, again and again: nothing that was acknowledged is lost.

Slow: `pytest tests/attack -s` prints how much was acknowledged.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING

import pytest
from tests.hammer import check, hammer
from tests.local_server import LocalServer, processes_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hammer import Acknowledged

KILLS = 60
KILLS_WITH_TABLES = 25
MOST_SECONDS_BEFORE_A_KILL = 1.0
TABLE_CLIENTS = 4
ROWS_PER_PART = 50
DEADLINE_SECONDS = 20
"""Time within which the processes of a killed server must end."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


def until_nothing_runs_in(place: Path) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while orphans := processes_in(place):
        assert time.monotonic() < deadline, f"these outlive the server: {orphans}"
        time.sleep(0.05)


def test_kills_under_load_lose_nothing(tmp_path: Path) -> None:
    moments = random.Random(1)
    told: list[Acknowledged] = []
    for _ in range(KILLS):
        with LocalServer(tmp_path) as server:
            check(server, told[-10:])
            told += hammer(server, moments.uniform(0, MOST_SECONDS_BEFORE_A_KILL), signal.SIGKILL)
        until_nothing_runs_in(server.state)
    with LocalServer(tmp_path) as server:
        check(server, told)
        assert not list(server.state.rglob("*.tmp"))
    until_nothing_runs_in(server.state)
    names = ("opened", "uploaded", "closed", "jobs")
    counts = ", ".join(f"{sum(len(getattr(one, name)) for one in told)} {name}" for name in names)
    print(f"{KILLS} kills, acknowledged and found again: {counts}")


@dataclass
class Table:
    """The client's view of a table: the rows of the parts that were acknowledged, and of one under way."""

    parts: dict[int, list[list[int]]] = field(default_factory=dict)
    under_way: tuple[int, list[list[int]]] | None = None
    is_closing: bool = False
    is_closed: bool = False


def fill_tables(server: LocalServer, seed: int, over: threading.Event) -> dict[str, Table]:
    """Make tables, add rows and close them until the server is gone; return what was acknowledged."""
    numbers = random.Random(seed)
    tables: dict[str, Table] = {}
    columns = [{"name": "n", "type": "int32"}]
    with suppress(ConnectionError, HTTPException):
        while not over.is_set():
            made = server.post("/gtable/new", {"project": server.project, "columns": columns})
            table = tables[made["id"]] = Table()
            for _ in range(numbers.randint(1, 5)):
                part = server.post(f"/{made['id']}/nextPart")["part"]
                rows = [[numbers.randint(0, 1000)] for _ in range(ROWS_PER_PART)]
                table.under_way = part, rows
                server.post(f"/{made['id']}/addRows", {"part": part, "data": rows})
                table.parts[part] = rows
                table.under_way = None
            table.is_closing = True
            close(server, made["id"])
            table.is_closed = True
    return tables


def close(server: LocalServer, table: str) -> None:
    server.post(f"/{table}/close")


def check_table(server: LocalServer, table_id: str, told: Table) -> None:
    state = server.describe(table_id)["state"]
    if told.is_closed:
        assert state == "closed"
    elif not told.is_closing:
        assert state == "open"
    if state == "open":
        close(server, table_id)
    rows = [row[1:] for row in server.post(f"/{table_id}/get")["data"]]
    whole = told.parts if told.under_way is None else {**told.parts, told.under_way[0]: told.under_way[1]}
    assert rows in ([row for part in parts.values() for row in part] for parts in (told.parts, whole))


def test_kills_while_tables_are_filled_lose_no_row(tmp_path: Path) -> None:
    moments = random.Random(2)
    told: dict[str, Table] = {}
    for kill in range(KILLS_WITH_TABLES):
        with LocalServer(tmp_path) as server, ThreadPoolExecutor(TABLE_CLIENTS) as pool:
            over = threading.Event()
            seeds = range(kill * TABLE_CLIENTS, (kill + 1) * TABLE_CLIENTS)
            working = [pool.submit(fill_tables, server, seed, over) for seed in seeds]
            time.sleep(moments.uniform(0, MOST_SECONDS_BEFORE_A_KILL))
            server.end(signal.SIGKILL)
            over.set()
            latest = {table_id: table for work in working for table_id, table in work.result().items()}
        told |= latest
        with LocalServer(tmp_path) as server:
            for table_id, table in latest.items():
                check_table(server, table_id, table)
                table.is_closed = True
    with LocalServer(tmp_path) as server:
        for table_id, table in told.items():
            check_table(server, table_id, table)
    until_nothing_runs_in(server.state)
    parts = sum(len(table.parts) for table in told.values())
    print(f"{KILLS_WITH_TABLES} kills, {len(told)} tables and {parts} parts of them found again")
