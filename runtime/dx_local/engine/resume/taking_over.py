"""Take over a job of an earlier run: carry its output over, and the jobs that it started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.engine.resume.carried_objects import Carrier, ids_in
from dx_local.errors import UsageError
from dx_local.platform.core.ids import class_of, new_id
from dx_local.platform.core.states import State, Transition
from dx_local.platform.data import projects
from dx_local.platform.execution import job_events

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.ledger.ledger import Content
    from dx_local.engine.resume.contents import Contents
    from dx_local.engine.resume.earlier_run import EarlierJob, EarlierRun
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow


class Taker:
    """Takes jobs of an earlier run over to the present platform; `note` gets the content of carried bytes."""

    def __init__(
        self,
        earlier: EarlierRun,
        platform: Platform,
        contents: Contents,
        note: Callable[[str, Content], None],
    ) -> None:
        self._earlier = earlier
        self._platform = platform
        self._contents = contents
        self._note = note
        self._carrier = Carrier(earlier.platform, platform)

    def take(self, job: JobRow, source: EarlierJob) -> None:
        """Finish a runnable job with the output of an earlier one, together with the jobs that this started.

        Raises UsageError, and changes nothing, if an object cannot be carried over.
        """
        store = self._platform.store
        with store.transaction():
            output = self._earlier.value(source, "output") or {}
            self._carry(source, job, output)
            below = _Descendants(self._earlier, self._platform, job, source)
            transitions = []
            for child in self._earlier.below(source):
                row = below.add(child)
                self._carry(child, row, self._earlier.value(child, "output") or {})
                self._carry_inputs(child, row)
                transitions.append(Transition(row["id"], State.IDLE, State.DONE))
            self._platform.publish(transitions)
            job_events.take_over(self._platform, job["id"], output, source.id)

    def _carry(self, source: EarlierJob, job: JobRow, output: JSON) -> None:
        """Carry the objects over that an earlier job made or put out, each to the place where it was."""
        made = self._earlier.made_by(source)
        for object_id in dict.fromkeys([*ids_in(output), *made]):
            new = self._carrier.carry(
                [object_id], self._place(object_id, source, job), prefer=source.row["workspace"]
            )
            self._note_contents(new)
            if object_id in made and object_id in new:
                self._rename_creator(object_id, job)

    def _place(self, object_id: str, source: EarlierJob, job: JobRow) -> str:
        is_in_workspace = self._earlier.platform.store.exists(
            "SELECT 1 FROM placement WHERE object = ? AND project = ?", object_id, source.row["workspace"]
        )
        return job["workspace"] if is_in_workspace else job["project"]

    def _carry_inputs(self, source: EarlierJob, job: JobRow) -> None:
        """Carry the input of a job over, for later runs; it does not matter if it is gone."""
        for object_id in ids_in(job["input"]):
            try:
                new = self._carrier.carry([object_id], job["workspace"], prefer=source.row["workspace"])
            except UsageError:
                continue
            self._note_contents(new)

    def _note_contents(self, object_ids: list[str]) -> None:
        for object_id in object_ids:
            if content := self._contents.bytes_of(object_id):
                self._note(object_id, content)

    def _rename_creator(self, object_id: str, job: JobRow) -> None:
        store = self._platform.store
        creator = store.value("SELECT created_by FROM object WHERE id = ?", object_id)
        created_by = {**creator, "job": job["id"], "executable": job["executable"]}
        store.update("object", object_id, created_by=created_by)


class _Descendants:
    """Adds the jobs below a taken over job to the present platform, as done without having run."""

    def __init__(self, earlier: EarlierRun, platform: Platform, job: JobRow, source: EarlierJob) -> None:
        self._earlier = earlier
        self._platform = platform
        self._job = job
        self._source = source
        self._ids = {source.id: job["id"]}
        self._workspaces = {source.row["workspace"]: job["workspace"]}

    def add(self, child: EarlierJob) -> JobRow:
        """Add a job, whose parent has been added; return its row."""
        store = self._platform.store
        found = self._earlier.platform.store.get("job", child.id)
        assert found is not None
        new = self._ids[child.id] = new_id(class_of(child.id))
        now = self._platform.clock()
        changed: dict[str, Any] = {
            "id": new,
            "parent": self._mapped(found["parent"]),
            "origin": self._mapped(found["origin"]) or self._job["origin"],
            "root": self._job["root"],
            "analysis": self._mapped(found["analysis"]),
            "executable": self._executable(found),
            "project": self._job["project"],
            "workspace": self._workspace(found, new, now),
            "created": now,
            "modified": now,
            "started": None,
            "stopped": None,
            "transitions": [{"newState": State.DONE.value, "setAt": now}],
            "original_input": found["input"] or {},
            "run_input": found["input"] or {},
            "depends_on": [],
            "usage": None,
            "parent_try": None if found["parent_try"] is None else 0,
            "reused_from": child.id,
            "not_reused": None,
        }
        row = {**found, **changed}
        del row["sequence"]
        store.insert("job", **row)
        return row  # type: ignore[return-value]  # the sequence is not used

    def _mapped(self, job_id: str | None) -> str | None:
        return self._ids.get(job_id) if job_id else None

    def _executable(self, found: JobRow) -> str:
        is_apps = found["executable"] == self._earlier.root.row["executable"]
        if not is_apps:
            return found["executable"]
        root = self._platform.store.value("SELECT executable FROM job ORDER BY sequence LIMIT 1")
        return str(root)

    def _workspace(self, found: JobRow, owner: str, now: int) -> str:
        """Return the workspace of a job: that of its parent if they shared one, or else a new one."""
        if found["workspace"] not in self._workspaces:
            self._workspaces[found["workspace"]] = projects.new_container(
                self._platform.store,
                owner=owner,
                parent=self._job["project"],
                region=self._job["region"],
                now=now,
            )
        return self._workspaces[found["workspace"]]
