"""Sockets of jobs are used again for other jobs, and each job gets only its own messages."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from dx_local.engine.executors.log_sources.log_sockets import LogSocketPool, LogSockets

if TYPE_CHECKING:
    from pathlib import Path


def send(path: Path, message: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(str(path))
        sender.send(message)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_pair_serves_one_job_after_the_other(tmp_path: Path) -> None:
    received: dict[str, list[bytes]] = {"a": [], "b": []}

    async def jobs() -> None:
        pool = LogSocketPool()
        first = pool.take(str(tmp_path / "a"))
        first.receive = received["a"].append
        send(tmp_path / "a.priority", b"one")
        send(tmp_path / "a.bulk", b"two")
        await asyncio.sleep(0)
        first.drain()
        first.release()
        second = pool.take(str(tmp_path / "b"))
        second.receive = received["b"].append
        send(tmp_path / "b.priority", b"three")
        assert second is first
        second.drain()
        second.release()
        assert names_in(tmp_path) == ["b.bulk", "b.priority"]
        pool.close()

    asyncio.run(jobs())
    assert received == {"a": [b"one", b"two"], "b": [b"three"]}
    assert list(tmp_path.iterdir()) == []


def test_jobs_at_the_same_time_have_sockets_of_their_own(tmp_path: Path) -> None:
    async def jobs() -> int:
        pool = LogSocketPool()
        both = [pool.take(str(tmp_path / name)) for name in ("a", "b")]
        count = len(names_in(tmp_path))
        for sockets in both:
            sockets.release()
        pool.close()
        return count

    assert asyncio.run(jobs()) == 4


def test_a_later_try_of_a_job_takes_the_sockets_of_no_other_job(tmp_path: Path) -> None:
    received: dict[str, list[bytes]] = {"a": [], "c": []}

    async def jobs() -> None:
        pool = LogSocketPool()
        both = [pool.take(str(tmp_path / name)) for name in ("a", "b")]
        for sockets in both:
            sockets.release()
        later = {name: pool.take(str(tmp_path / name)) for name in ("a", "c")}
        for name, sockets in later.items():
            sockets.receive = received[name].append
            send(tmp_path / f"{name}.priority", name.encode())
            sockets.drain()
            sockets.close()

    asyncio.run(jobs())
    assert received == {"a": [b"a"], "c": [b"c"]}


def test_a_pair_that_was_removed_is_replaced(tmp_path: Path) -> None:
    received: list[bytes] = []

    async def jobs() -> None:
        pool = LogSocketPool()
        pool.take(str(tmp_path / "a")).release()
        (tmp_path / "a.bulk").unlink()
        sockets = pool.take(str(tmp_path / "b"))
        sockets.receive = received.append
        send(tmp_path / "b.bulk", b"one")
        sockets.drain()
        sockets.close()

    asyncio.run(jobs())
    assert received == [b"one"]


def test_sockets_of_no_pool_are_removed_with_their_job(tmp_path: Path) -> None:
    async def job() -> None:
        LogSockets(str(tmp_path / "a")).release()

    asyncio.run(job())
    assert list(tmp_path.iterdir()) == []
