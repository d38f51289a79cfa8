"""Ten clients at once and kill -9: nothing that was acknowledged is lost."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.hammer import check, hammer
from tests.local_server import LocalServer, processes_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "seconds", [pytest.param(1.5), pytest.param(60, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path, seconds: float) -> None:
    with LocalServer(tmp_path) as server:
        told = hammer(server, seconds, signal.SIGKILL)
    with LocalServer(tmp_path) as server:
        check(server, told)
        assert not list(server.state.rglob("*.tmp"))
    assert processes_in(server.state) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_clients_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    with LocalServer(tmp_path) as server:
        told = hammer(server, 60, signal.SIGTERM)
        check(server, told)
        assert all(server.describe(job)["state"] == "done" for one in told for job in one.jobs)
        found = server.post("/system/findDataObjects", {"class": "file", "limit": 1000})
        assert found["results"]
        assert server.end(signal.SIGTERM) == 143
    print(sum(len(one.closed) for one in told), "files,", sum(len(one.jobs) for one in told), "jobs")
    assert list(server.temporary.iterdir()) == []
