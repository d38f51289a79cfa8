"""The agent of a process on a node: one local executor for all assignments of the process."""

from __future__ import annotations

import asyncio
import atexit
import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.engine.environments.worker_environments import WorkerEnvironments
from dx_local.engine.executors import owned_folders
from dx_local.engine.executors.local import LocalExecutor
from dx_local.engine.executors.protocol import Callbacks
from dx_local.engine.executors.remote.assignment import Assignment
from dx_local.engine.executors.remote.node import connections
from dx_local.engine.executors.remote.node.assigned_job import AssignedJob
from dx_local.engine.executors.remote.node.forwarder import Forwarder
from dx_local.engine.executors.remote.node_settings import settings_on_node
from dx_local.engine.images import image_folder
from dx_local.engine.images.layer_service import LayerService
from dx_local.worker.process.oom_kills import OutOfMemoryKills
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.engine.executors.protocol import JobExit, LogLine
    from dx_local.engine.executors.remote.assignment import AssignmentResult

_PREFIX = "dx-node-"
_MOST_REQUESTS = 32


class Agent:
    """Runs assignments, each in the thread that calls `run`; everything else happens in a loop of its own.

    With `watches_parent`, jobs end when the parent process does.
    """

    def __init__(self, *, watches_parent: bool) -> None:
        self.parent = os.getppid() if watches_parent else None
        self.threads = ThreadPoolExecutor(_MOST_REQUESTS, "node")
        self.memory_kills = OutOfMemoryKills()
        self._jobs: dict[str, AssignedJob] = {}
        self._notes: list[str] = []
        self._executor: LocalExecutor | None = None
        self._forwarder: Forwarder | None = None
        self._layers: LayerService | None = None
        self._environments: WorkerEnvironments | None = None
        self._folder = Path(tempfile.gettempdir()) / f"{_PREFIX}{os.urandom(4).hex()}"
        self._lock = owned_folders.make(self._folder, 0o700)
        remove_abandoned_folders()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="node", daemon=True)
        self._thread.start()

    @property
    def jobs_folder(self) -> Path:
        """The folder of the job folders."""
        return self._folder / "jobs"

    def run(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Run an assignment to its end, and return its result, both as JSON."""
        assignment = Assignment.from_json(data)
        running = asyncio.run_coroutine_threadsafe(self._run(assignment), self._loop)
        return running.result().as_json()

    def close(self) -> None:
        """Kill all jobs, and leave no process and no file behind but the caches."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.threads.shutdown()
        connections.close_all()
        remove_tree(self._folder, ignore_errors=True)
        self._lock.release()

    def executor(self, assignment: Assignment) -> LocalExecutor:
        """Return the executor for the jobs of this process, whose settings are all the same."""
        if self._executor is None:
            images = image_folder.user_folder()
            self._layers = LayerService(images) if images else None
            callbacks = Callbacks(
                on_log=self._on_log,
                on_exit=self._on_exit,
                announce=self._notes.append,
                on_folder=self._layers.listen if self._layers else lambda _: None,
                images=images,
            )
            settings = settings_on_node(assignment.settings)
            self._executor = LocalExecutor(settings, self.forwarder(assignment), callbacks)
        return self._executor

    def forwarder(self, assignment: Assignment) -> Forwarder:
        """Return the way from jobs of this process to the API."""
        if self._forwarder is None:
            self._forwarder = Forwarder(assignment)
        return self._forwarder

    def environments(self, assignment: Assignment) -> WorkerEnvironments:
        """Return the worker environments of this node."""
        if self._environments is None:
            python = assignment.environment.python
            self._environments = WorkerEnvironments(python, self._notes.append, self._on_wait)
        return self._environments

    def take_notes(self) -> list[str]:
        """Return the notes for the user that have not been returned yet."""
        notes, self._notes[:] = list(self._notes), []
        return notes

    async def _run(self, assignment: Assignment) -> AssignmentResult:
        while earlier := self._jobs.get(assignment.job):  # the end of an earlier try
            await earlier.is_over.wait()
        job = self._jobs[assignment.job] = AssignedJob(assignment, self)
        try:
            return await job.run()
        finally:
            del self._jobs[assignment.job]
            job.is_over.set()

    async def _close(self) -> None:
        if self._executor:
            await self._executor.close()
        if self._layers:
            await self._layers.close()
        if self._forwarder:
            await self._forwarder.close()
        for job in list(self._jobs.values()):
            await job.is_over.wait()

    def _on_log(self, line: LogLine) -> None:
        if job := self._jobs.get(line.job_id):
            job.on_line(line)

    def _on_exit(self, job_id: str, end: JobExit) -> None:
        if job := self._jobs.get(job_id):
            job.on_exit(end)

    def _on_wait(self, reason: str | None) -> None:
        if reason:
            self._notes.append(reason)
            for job in self._jobs.values():
                job.send_notes()


def remove_abandoned_folders() -> None:
    """Remove the folders of agents that were killed on this node."""
    for left in owned_folders.abandoned(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")):
        remove_tree(left, ignore_errors=True)


class _OfProcess:
    agent: Agent | None = None
    lock = threading.Lock()


def agent_of_process() -> Agent:
    """Return the agent of this process, which ends with it."""
    with _OfProcess.lock:
        if _OfProcess.agent is None:
            _OfProcess.agent = Agent(watches_parent=True)
            atexit.register(_OfProcess.agent.close)
        return _OfProcess.agent
