"""One assignment on its node, from the permission to begin to the result."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from dx_local.engine.environments.python_environments import EnvironmentBuildError
from dx_local.engine.executors.job_folder import deliver_home, make_job_folder
from dx_local.engine.executors.protocol import Launch
from dx_local.engine.executors.remote.assignment import LONGEST_INLINE_BYTES, AssignmentResult
from dx_local.engine.executors.remote.node.guard import Guard
from dx_local.engine.executors.remote.node.layer_cache import LayerError, layers_on_node
from dx_local.engine.executors.remote.node.line_sender import LineSender
from dx_local.engine.executors.remote.node.link import Link, LinkError
from dx_local.engine.executors.remote.node.node_name import node_name
from dx_local.engine.executors.remote.node.wheel_cache import fetch_wheels
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from dx_local.engine.environments.worker_environments import WorkerEnvironments
    from dx_local.engine.executors.job_folder import JobFolder, JobOutcome
    from dx_local.engine.executors.local import LocalExecutor
    from dx_local.engine.executors.protocol import JobExit, LogLine
    from dx_local.engine.executors.remote.assignment import Assignment
    from dx_local.engine.executors.remote.node.forwarder import Forwarder
    from dx_local.worker.process.oom_kills import OutOfMemoryKills

_KILLED = -signal.SIGTERM


class NodeParts(Protocol):
    """The parts of a node that its jobs share."""

    parent: int | None
    """The process without which no job may run, or None."""
    threads: ThreadPoolExecutor
    memory_kills: OutOfMemoryKills

    @property
    def jobs_folder(self) -> Path:
        """The folder of the job folders."""
        ...

    def executor(self, assignment: Assignment) -> LocalExecutor:
        """Return the executor for the job."""
        ...

    def forwarder(self, assignment: Assignment) -> Forwarder:
        """Return the way from jobs to the API."""
        ...

    def environments(self, assignment: Assignment) -> WorkerEnvironments:
        """Return the worker environments of this node."""
        ...

    def take_notes(self) -> list[str]:
        """Return the notes for the user that have not been returned yet."""
        ...


class AssignedJob:
    """A job in the loop of its agent."""

    def __init__(self, assignment: Assignment, agent: NodeParts) -> None:
        self.is_over = asyncio.Event()
        self._assignment = assignment
        self._agent = agent
        self._exit: asyncio.Future[JobExit] = asyncio.get_running_loop().create_future()
        self._sender = LineSender(assignment, agent.threads, agent.take_notes)
        self._has_process = False
        self._is_killed = False
        self._is_cut_off = False

    def on_line(self, line: LogLine) -> None:
        """Pass a log line on."""
        self._sender.add(line)

    def send_notes(self) -> None:
        """Pass notes on that the agent holds."""
        self._sender.send_soon()

    def on_exit(self, end: JobExit) -> None:
        """Note the end of the job's process."""
        if not self._exit.done():
            self._exit.set_result(end)

    async def run(self) -> AssignmentResult:
        """Run the job to its end. Raises OSError if this node lacks resources."""
        assignment = self._assignment
        name = f"{assignment.function}-{assignment.job}-{assignment.try_number}"
        folder = make_job_folder(self._agent.jobs_folder, name)
        link = Link(assignment)
        has_begun = False
        try:
            port = self._agent.forwarder(assignment).near_port
            may_begin = await self._in_thread(link.begin, node_name(), str(folder.home), port)
            if not may_begin:
                return self._result(_KILLED)
            has_begun = True
            guard = Guard(assignment, self._agent.parent, self._end)
            try:
                return await self._run(folder, link)
            finally:
                guard.close()
        except LinkError as error:
            message = None if has_begun else f"it cannot connect to {link.place}: {error}"
            return self._result(None, message=message)
        finally:
            self._sender.close()
            link.close()
            await self._in_thread(remove_tree, folder.path)

    async def _run(self, folder: JobFolder, link: Link) -> AssignmentResult:
        try:
            launch = await self._launch(folder, link)
        except (EnvironmentBuildError, LayerError, OSError) as error:
            message = f"The job environment could not be prepared on node {node_name()}: {error}"
            return self._result(1, reason="ExecutionError", message=message)
        if self._is_killed:
            return self._result(None if self._is_cut_off else _KILLED)
        executor = self._agent.executor(self._assignment)
        try:
            await executor.start(launch)
        except OSError as error:
            message = f"The job could not be started on node {node_name()}: {error}"
            return self._result(1, reason="ExecutionError", message=message)
        self._has_process = True
        self._kill_if_ordered()  # meanwhile
        return await self._result_of(await self._exit, link)

    async def _launch(self, folder: JobFolder, link: Link) -> Launch:
        """Return the launch of the job, for which everything is in place then."""
        assignment = self._assignment
        deliver_home(folder, assignment.home)
        order = assignment.environment
        worker = await self._agent.environments(assignment).of_release(
            order.release,
            tuple(order.packages),
            shows_python=assignment.interpreter != "bash",
            fetch_wheels=partial(fetch_wheels, assignment),
        )
        layers = await self._folders([layer.digest for layer in assignment.layers], link)
        mirrors = await self._folders([each["mirror"] for each in assignment.git_depends], link)
        return Launch(
            job_id=assignment.job,
            function=assignment.function,
            interpreter=assignment.interpreter,
            folder=str(folder.path),
            python=str(worker.python),
            programs=str(worker.bin),
            tool_client=str(worker.tool_client) if worker.tool_client else None,
            variables={**assignment.variables, **self._agent.forwarder(assignment).variables},
            own_network_variables=assignment.variables,
            layers=layers,
            visible_paths=mirrors,
            settings=assignment.settings,
            memory_limit=assignment.memory_limit,
            has_network=assignment.has_network,
            git_depends=[
                {**each, "mirror": mirror}
                for each, mirror in zip(assignment.git_depends, mirrors, strict=True)
            ],
            shows_changes=assignment.shows_changes,
            is_killed=assignment.is_killed,
        )

    async def _folders(self, digests: Sequence[str], link: Link) -> tuple[str, ...]:
        if not digests:
            return ()
        return tuple(map(str, await self._in_thread(layers_on_node, digests, link)))

    def _end(self, is_cut_off: bool) -> None:
        """Kill the job."""
        self._is_killed, self._is_cut_off = True, is_cut_off
        if self._has_process:
            self._kill_if_ordered()

    def _kill_if_ordered(self) -> None:
        if self._is_killed:
            self._agent.executor(self._assignment).kill(self._assignment.job)

    async def _result_of(self, end: JobExit, link: Link) -> AssignmentResult:
        if self._is_cut_off:
            return self._result(None)
        outcome = end.outcome
        assert outcome is not None  # the executor reports one with every exit
        output = await self._short_output(outcome, link)
        before, lines = await self._sender.finish()
        return self._result(
            end.exit_code,
            output=output,
            reason=outcome.reason,
            message=outcome.message,
            usage=asdict(end.usage) if end.usage else None,
            killed_for_memory=end.killed_for_memory,
            remark=end.remark,
            disk_is_full=end.disk_is_full,
            memory_ran_out=outcome.reason is not None and self._agent.memory_kills.happened(),
            lines_before=before,
            lines=tuple(lines),
        )

    async def _short_output(self, outcome: JobOutcome, link: Link) -> dict[str, Any] | None:
        """Return the output, or None after it was sent because it is long."""
        if outcome.output and len(json.dumps(outcome.output)) > LONGEST_INLINE_BYTES:
            await self._in_thread(link.send_output, outcome.output)
            return None
        return outcome.output

    def _result(self, exit_code: int | None, **more: Any) -> AssignmentResult:
        return AssignmentResult(node_name(), exit_code, notes=tuple(self._agent.take_notes()), **more)

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._agent.threads, function, *arguments)
