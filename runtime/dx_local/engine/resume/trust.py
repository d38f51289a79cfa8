"""Decide whether the output of an earlier job can be trusted: its objects exist with the recorded bytes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dx_local.engine.resume.carried_objects import ids_in, referred_by
from dx_local.engine.resume.contents import paths_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.resume.contents import Contents, SharedDigests
    from dx_local.engine.resume.earlier_run import EarlierJob, EarlierRun
    from dx_local.platform.core.schema import ObjectRow


class Trust:
    """Checks the outputs of an earlier run, each object once."""

    def __init__(self, earlier: EarlierRun, contents: Contents, digests: SharedDigests) -> None:
        self._earlier = earlier
        self._contents = contents
        self._digests = digests
        self._checked: dict[str, str | None] = {}

    async def problem_with(self, job: EarlierJob) -> str | None:
        """Return why the output of a done job cannot be trusted, or None; reads all of its bytes."""
        try:
            output = self._earlier.value(job, "output") or {}
        except (OSError, ValueError):
            return "is damaged"
        for object_id in ids_in(output):
            problem = await self._problem(object_id, job)
            if problem:
                return problem
        return None

    def is_lost(self, job: EarlierJob) -> bool:
        """Return whether a file of the output of a job is missing or has another size."""
        return any(
            row["class"] in ("file", "gtable") and not paths_of(self._earlier.platform, row["id"])
            for row in self._objects(ids_in(self._earlier.value(job, "output") or {}))
        )

    async def _problem(self, object_id: str, job: EarlierJob) -> str | None:
        for row in self._objects([object_id]):
            if row["id"] not in self._checked:
                self._checked[row["id"]] = await self._check(row, job)
            if self._checked[row["id"]]:
                return self._checked[row["id"]]
        return None

    async def _check(self, row: ObjectRow, job: EarlierJob) -> str | None:
        if row["state"] != "closed":
            return f"{self._name(row)} was not closed"
        if row["class"] not in ("file", "gtable"):
            return None
        paths = paths_of(self._earlier.platform, row["id"])
        if not paths:
            return f"{self._name(row)} is gone or has changed"
        recorded = self._contents.bytes_of(row["id"])
        if recorded is None and not self._is_safe_without_record(row, paths, job):
            return f"{self._name(row)} had not reached the disk"
        content = await asyncio.to_thread(self._digests.read, paths)
        if recorded is not None and recorded != content:
            return f"{self._name(row)} has changed"
        self._contents.learn(row["id"], content)
        return None

    def _is_safe_without_record(self, row: ObjectRow, paths: list[Path], job: EarlierJob) -> bool:
        """Return whether bytes that were closed just before dx-local was killed are those of the job.

        That is so unless the machine was started since, or the bytes were changed after the job had ended.
        """
        if row["fields"].get("source") is not None:
            return True  # the user's file, unchanged by its size and time
        ended = job.row["modified"]  # when it was done: its program may have stopped before its subjobs
        newest = max(path.stat().st_mtime_ns for path in paths) // 1_000_000
        return self._earlier.is_same_boot and newest <= ended

    def _objects(self, object_ids: list[str]) -> Iterator[ObjectRow]:
        """Yield objects, and those to which they refer."""
        pending, seen = list(object_ids), set()
        while pending:
            object_id = pending.pop()
            row = None if object_id in seen else self._earlier.platform.store.get("object", object_id)
            seen.add(object_id)
            if row is not None:
                yield row
                pending += referred_by(row)

    def _name(self, row: ObjectRow) -> str:
        name = self._earlier.platform.store.value(
            "SELECT name FROM placement WHERE object = ? LIMIT 1", row["id"]
        )
        return str(name or row["id"])
