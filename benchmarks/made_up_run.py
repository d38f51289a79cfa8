"""The folder of a run of any number of jobs that never ran: rows, a log, inputs and outputs."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import LINK_KEY
from dx_local.platform.core.context import Platform
from dx_local.platform.core.ids import new_id

if TYPE_CHECKING:
    from pathlib import Path

SLOTS = 16
_START = 1_796_000_000_000  # ms
_EMPTY: dict[str, dict[str, Any]] = {
    name: {}
    for name in ("run_input", "original_input", "properties", "details", "requested", "system_requirements")
}
_FAILURE = "ZeroDivisionError: integer division or modulo by zero"
_LOG = "reading a piece\n" * 300 + f"Traceback (most recent call last):\n{_FAILURE}\n"


@dataclass
class MadeUpRun:
    """A scatter of `process` jobs, of which one failed; `postprocess` and `main` ended with it."""

    folder: Path
    jobs: int
    main: str = field(default_factory=lambda: new_id("job"))
    seed: int = 1

    def write(self) -> None:
        """Write the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._random = random.Random(self.seed)
        self._platform = Platform.open(self.folder)
        try:
            with self._platform.store.transaction():
                self._write_jobs()
        finally:
            self._platform.store.close()

    def _write_jobs(self) -> None:
        slots = [20] * SLOTS
        rows = []
        for number in range(self.jobs - 2):
            slot = min(range(SLOTS), key=slots.__getitem__)
            began = slots[slot]
            slots[slot] = ended = began + int(self._random.lognormvariate(7, 0.6))
            rows.append(self._process(number, began, ended))
        last = max(slots)
        self._insert(
            "main", self.main, state="failed", started=5, stopped=last + 310, reason="JobTreeFailure"
        )
        failed = len(rows) // 2
        rows[failed] |= {"state": "failed", "reason": "AppInternalError", "message": _FAILURE, "output": None}
        for row in rows:
            self._insert("process", new_id("job"), **row)
        self._insert("postprocess", new_id("job"), state="failed", reason="JobTreeFailure")
        cause = self._platform.store.column("SELECT id FROM job WHERE failure_reason = 'AppInternalError'")[0]
        self._platform.store.update("job", self.main, failure_from={"id": cause})
        self._log(f"process-{cause}")

    def _process(self, number: int, began: int, ended: int) -> dict[str, Any]:
        usage = {
            "memory": self._random.randint(20, 400) << 20,
            "cpu_seconds": (ended - began) * 0.0008,
            "disk": self._random.randint(60, 9000) << 10,
        }
        return {
            "state": "done",
            "started": began,
            "stopped": ended,
            "usage": usage,
            "input": {"piece": {LINK_KEY: new_id("file")}, "number": number, "k": 31},
            "output": {
                "result": {"lines": self._random.randint(0, 10_000), "table": {LINK_KEY: new_id("file")}}
            },
        }

    def _insert(self, function: str, job_id: str, **given: Any) -> None:
        is_main = job_id == self.main
        times = {name: given.get(name) and _START + given[name] for name in ("started", "stopped")}
        self._platform.store.insert(
            "job", id=job_id, name=function, state=given["state"], function=function, executable="applet-x",
            executable_name="joint-call", parent=None if is_main else self.main,
            parent_try=None if is_main else 0, origin=self.main, root=self.main, user="user-local",
            project="project-x", folder="/", region="aws:us-east-1", priority="high", workspace="container-x",
            created=_START + (given.get("started") or 10) - 5, modified=_START, transitions=[], depends_on=[],
            tags=[], instance_type="mem1_ssd1_v2_x8", usage=given.get("usage"), input=given.get("input"),
            output=given.get("output"), failure_reason=given.get("reason"),
            failure_message=given.get("message"), **times, **_EMPTY,
        )  # fmt: skip

    def _log(self, job: str) -> None:
        folder = self.folder / "jobs" / job
        folder.mkdir(parents=True)
        (folder / "log.txt").write_text(_LOG, encoding="utf-8")
