"""Record jobs on a full disk: in the space of the reserve, or when there is space."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.scheduling.deferred_records import DeferredRecords
from dx_local.engine.scheduling.disk_reserve import DiskReserve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Disk:
    """A substitute for a disk that may be full; it keeps everything that is written."""

    def __init__(self) -> None:
        self.is_full = False
        self.written: list[str] = []

    def write(self, text: str) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.written.append(text)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is tested tells nobody
        await asyncio.sleep(0.01)


def test_records_that_find_the_disk_full_are_written_in_order_once_there_is_space(tmp_path: Path) -> None:
    disk = Disk()

    async def work() -> None:
        records = DeferredRecords(tmp_path, DiskReserve(tmp_path))
        disk.is_full = True
        records.write(lambda: disk.write("first"))
        records.write(lambda: disk.write("second"))
        assert disk.written == []
        disk.is_full = False
        await until(lambda: len(disk.written) == 2)
        records.write(lambda: disk.write("third"))
        records.close(lambda: disk.write("last"))

    asyncio.run(asyncio.wait_for(work(), 10))
    assert disk.written == ["first", "second", "third", "last"]


def test_a_record_is_written_in_the_space_of_the_reserve_which_is_taken_again(tmp_path: Path) -> None:
    reserve = DiskReserve(tmp_path)
    reserve.fill()
    written: list[str] = []

    def write() -> None:
        if reserve.is_filled():
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        written.append("record")

    async def work() -> None:
        records = DeferredRecords(tmp_path, reserve)
        assert records.try_now(write)
        assert not reserve.is_filled()
        await until(reserve.is_filled)
        records.close(lambda: None)

    asyncio.run(asyncio.wait_for(work(), 10))
    assert written == ["record"]
    assert (tmp_path / "dx-local.reserve").stat().st_blocks * 512 >= 1 << 20


def test_the_reserve_is_given_up_bit_by_bit(tmp_path: Path) -> None:
    reserve = DiskReserve(tmp_path)
    reserve.fill()
    sizes: list[int] = []

    def write() -> None:
        path = tmp_path / "dx-local.reserve"
        sizes.append(path.stat().st_blocks * 512 if path.exists() else 0)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        reserve.use(write)
    assert [size >> 18 for size in sizes] == [4, 3, 2, 1, 0]
    reserve.fill()
    assert reserve.is_filled()


def test_whoever_waits_for_a_record_hears_that_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dx_local.engine.scheduling.deferred_records._STUCK_SECONDS", 0.1)
    disk = Disk()
    disk.is_full = True

    async def work() -> None:
        records = DeferredRecords(tmp_path, DiskReserve(tmp_path))
        records.write(lambda: disk.write("never"))
        try:
            await records.wait_unless_stuck(asyncio.sleep(60))
        finally:
            records.close(lambda: disk.write("never"))

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(asyncio.wait_for(work(), 10))


def test_a_bug_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    def fail() -> None:
        raise LookupError("a bug")

    async def work() -> None:
        DeferredRecords(tmp_path, DiskReserve(tmp_path)).write(fail)

    with pytest.raises(LookupError, match="a bug"):
        asyncio.run(work())
