"""Run jobs on the nodes of an engine: submit assignments, turn their results into exits, keep tries apart."""

from __future__ import annotations

import asyncio
import signal
from concurrent.futures import CancelledError
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dx_local.api.listening import HOST
from dx_local.api.node_routes import ROOT, node_routes
from dx_local.engine.environments.job_environments import JobEnvironmentError
from dx_local.engine.environments.python_environments import DXPY_VERSION
from dx_local.engine.executors.job_folder import JobOutcome, read_outcome
from dx_local.engine.executors.local_launch import deliver
from dx_local.engine.executors.protocol import JobExit
from dx_local.engine.executors.remote.address import listen_for_nodes
from dx_local.engine.executors.remote.assignment import Assignment, AssignmentResult, EnvironmentOrder
from dx_local.engine.executors.remote.engine import EngineEvents, EngineUnusableError, NodeLostError
from dx_local.engine.executors.remote.layers import LayerCatalogue
from dx_local.engine.executors.remote.node_settings import check_settings, settings_for_nodes
from dx_local.engine.executors.remote.sizes import job_size, size_problem
from dx_local.engine.executors.remote.tries import RemoteTry
from dx_local.errors import UsageError
from dx_local.platform.execution.job_usage import JobUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from dx_local.engine.environments.job_environments import Layers
    from dx_local.engine.executors.protocol import Api, Callbacks, Instance, JobDescription, PreparedJob
    from dx_local.engine.executors.remote.assignment import LayerReference
    from dx_local.engine.executors.remote.engine import EngineFactory
    from dx_local.engine.executors.remote.sizes import JobSize
    from dx_local.engine.settings import JobSettings

_CLOSING_SECONDS = 5.0


class RemoteExecutor:
    """Runs jobs on nodes; an `Executor`.

    Each try is submitted once, and a result counts only if it is that of the running try.
    """

    def __init__(
        self, settings: JobSettings, api: Api, callbacks: Callbacks, make_engine: EngineFactory
    ) -> None:
        """Make the engine and listen for its nodes. Raises UsageError for settings that nodes cannot use."""
        check_settings(settings)
        self._settings = settings
        self._announced: set[str] = set()
        self._announce_always = callbacks.announce
        self._callbacks = replace(callbacks, announce=self._announce_once)
        self._loop = asyncio.get_running_loop()
        self._tries: dict[str, RemoteTry] = {}
        self._ended: dict[str, asyncio.Future[None]] = {}
        self._layers = LayerCatalogue()
        self._unusable: EngineUnusableError | None = None
        self._starting: asyncio.Task[None] | None = None
        self._is_up = False
        self._engine = make_engine(settings, self._events())
        self._address = listen_for_nodes(api, settings.listen, self._engine.address)
        self._port = api.port
        self._accept_port = lambda port: api.accept_host(f"{HOST}:{port}")
        api.add_routes(node_routes(self.find))

    def slots(self) -> int:
        """Return the number of jobs to run at once: one until the engine is up."""
        slots = self._engine.slots() if self._is_up else 1
        return min(slots, self._settings.max_parallel or slots)

    def capacity(self) -> int | None:
        """Return the number of jobs that can be there at once; None until the engine is up."""
        return self._engine.capacity() if self._is_up else None

    def expect(self, jobs: int) -> None:
        """Pass the number of jobs on to the engine."""
        self._engine.expect(jobs)

    def check(self, instances: Mapping[str, Instance]) -> None:
        """Raise UsageError if the largest node that may be requested is smaller than an instance type."""
        if problem := size_problem(instances, self._engine.node_size()):
            raise UsageError(*problem)

    async def prepare(self, job: JobDescription) -> PreparedJob:
        """Put everything in place here that a node will request. Raises JobEnvironmentError."""
        deliver(job)
        self._check_usable()
        size = job_size(job, self._settings, self._engine.node_size())
        job = replace(job, memory_limit=size.memory_limit)
        layers = await job.environment.layers()
        try:
            references = [await self._layers.reference(path) for path in layers.paths]
            mirrors = [await self._layers.reference(path) for path in layers.mirrors]
        except OSError as error:
            raise JobEnvironmentError(f"The layers of the job cannot be read: {error}") from error
        await self._start_engine()
        cloned = [
            {**dependency, "mirror": mirror.digest}
            for dependency, mirror in zip(layers.git_depends, mirrors, strict=True)
        ]
        attempt = RemoteTry(
            job,
            {
                reference.digest: path
                for reference, path in zip(
                    (*references, *mirrors), (*layers.paths, *layers.mirrors), strict=True
                )
            },
            self._callbacks,
            self._accept_port,
        )
        return _RemoteJob(partial(self._submit, attempt, references, cloned, size), layers, DXPY_VERSION)

    def kill(self, job_id: str) -> None:
        """Have the node kill a job; one that no node has begun ends at once."""
        attempt = self._tries.get(job_id)
        if attempt is None or attempt.is_killed:
            return
        attempt.kill()
        if not attempt.has_begun:
            self._loop.call_soon(self._end_unbegun, attempt)

    async def close(self) -> None:
        """Kill all jobs, report their exits, and end the engine with its nodes."""
        for job_id in list(self._tries):
            self.kill(job_id)
        if self._ended:
            await asyncio.wait(self._ended.values(), timeout=_CLOSING_SECONDS)
        for attempt in list(self._tries.values()):
            self._lose(attempt, "it did not report the end of the job")
        if self._starting:
            await asyncio.wait([self._starting])
            await asyncio.to_thread(self._engine.close)

    def find(self, job_id: str, number: int, token: str) -> RemoteTry | None:
        """Return the running try of a job for its node, if the token is right."""
        from hmac import compare_digest

        attempt = self._tries.get(job_id)
        if attempt is None or attempt.number != number:
            return None
        return attempt if compare_digest(attempt.token.encode(), token.encode()) else None

    def _check_usable(self) -> None:
        if self._unusable:
            hint = f"\n{self._unusable.hint}" if self._unusable.hint else ""
            raise JobEnvironmentError(f"{self._unusable.message}{hint}", is_final=True)

    async def _start_engine(self) -> None:
        """Start the engine for the first job, once; it ends with the executor."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(asyncio.to_thread(self._engine.start))
        try:
            await asyncio.shield(self._starting)
        except EngineUnusableError as error:
            self._unusable = error
        self._check_usable()
        if not self._is_up:
            self._is_up = True
            self._callbacks.on_slots()

    def _submit(
        self,
        attempt: RemoteTry,
        layers: Sequence[LayerReference],
        git_depends: Sequence[Mapping[str, Any]],
        size: JobSize,
        *,
        is_killed: bool,
    ) -> None:
        job = attempt.job
        assignment = Assignment(
            job=job.job_id,
            try_number=attempt.number,
            function=job.function,
            interpreter=job.interpreter,
            home=job.home,
            variables=job.variables,
            loopback_port=self._port,
            environment=EnvironmentOrder(
                job.environment.release, self._settings.python, job.environment.packages
            ),
            layers=tuple(layers),
            settings=settings_for_nodes(job.settings),
            control=f"{self._address.url}{ROOT}/{job.job_id}/{attempt.number}",
            token=attempt.token,
            certificate=self._address.certificate,
            cores=size.cores,
            memory=size.memory,
            memory_limit=size.memory_limit,
            has_network=job.has_network,
            git_depends=git_depends,
            shows_changes=job.shows_changes,
            is_killed=is_killed,
        )
        self._tries[job.job_id] = attempt
        self._ended[job.job_id] = self._loop.create_future()
        try:
            future = self._engine.submit(assignment.as_json(), size.job_class)
        except EngineUnusableError as error:
            self._loop.call_soon(self._end_by_engine, attempt, error)
            return
        future.add_done_callback(partial(self._from_thread, self._on_result, attempt))

    def _on_result(self, attempt: RemoteTry, future: Future[dict[str, Any]]) -> None:
        """Report the exit of a try, unless it is not the running one any more."""
        if self._tries.get(attempt.job.job_id) is not attempt:
            return
        try:
            result = AssignmentResult.from_json(future.result())
        except NodeLostError as error:
            attempt.node = attempt.node or error.node
            self._lose(attempt, error.reason)
        except EngineUnusableError as error:
            self._end_by_engine(attempt, error)
        except CancelledError:
            self._end_unbegun(attempt)
        except Exception as error:  # noqa: BLE001 - any error of the node must end the job
            text = f"The node could not run the job: {type(error).__name__}: {error}"
            self._end(attempt, JobExit(None, outcome=JobOutcome(None, "JMInternalError", text)))
        else:
            self._end_with(attempt, result)

    def _end_with(self, attempt: RemoteTry, result: AssignmentResult) -> None:
        attempt.node = attempt.node or result.node
        attempt.add_lines(result.lines_before, result.lines)
        attempt.add_notes(result.notes)
        if result.exit_code is None and result.reason is None:
            self._lose(attempt, result.message or "it was cut off from this machine")
            return
        output = attempt.output if result.reason is None and result.output is None else result.output
        self._end(
            attempt,
            JobExit(
                result.exit_code,
                JobUsage(**result.usage) if result.usage else None,
                attempt.job.memory_limit,
                result.killed_for_memory,
                result.remark,
                JobOutcome(output, result.reason, attempt.renamed(result.message)),
                result.disk_is_full,
                attempt.node,
                result.memory_ran_out,
            ),
        )

    def _lose(self, attempt: RemoteTry, reason: str) -> None:
        """Report a job whose end is unknown."""
        known = read_outcome(attempt.job.folder, None)
        where = f"Node {attempt.node}" if attempt.node else "Its node"
        outcome = JobOutcome(None, known.reason, f"{known.message}\n{where}: {reason}.")
        self._end(attempt, JobExit(None, outcome=outcome))

    def _end_by_engine(self, attempt: RemoteTry, error: EngineUnusableError) -> None:
        """Report a job that ends because the engine can run nothing any more; later ones fail at once."""
        self._unusable = self._unusable or error
        text = "\n".join(filter(None, (error.message, error.hint)))
        self._end(attempt, JobExit(None, outcome=JobOutcome(None, "ExecutionError", text), is_final=True))

    def _end_unbegun(self, attempt: RemoteTry) -> None:
        """Report a killed job that no node has begun, and that none will begin."""
        if not attempt.has_begun:
            code = -signal.SIGTERM
            self._end(attempt, JobExit(code, outcome=read_outcome(attempt.job.folder, code)))

    def _end(self, attempt: RemoteTry, end: JobExit) -> None:
        job_id = attempt.job.job_id
        if self._tries.get(job_id) is attempt:
            del self._tries[job_id]
            attempt.end()
            self._ended.pop(job_id).set_result(None)
            self._callbacks.on_exit(job_id, end)

    def _announce_once(self, message: str) -> None:
        if message not in self._announced:
            self._announced.add(message)
            self._announce_always(message)

    def _events(self) -> EngineEvents:
        announce = self._announce_always
        return EngineEvents(
            requested=lambda text: self._from_thread(announce, f"requesting {text}"),
            arrived=lambda node, cores: self._from_thread(
                announce, f"node {node} is here ({cores} {'core' if cores == 1 else 'cores'})"
            ),
            lost=lambda node, reason: self._from_thread(announce, f"node {node} is lost ({reason})"),
            queued=lambda reason: self._from_thread(announce, f"waiting for nodes: {reason}"),
            slots_changed=lambda: self._from_thread(self._callbacks.on_slots),
        )

    def _from_thread(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function in the loop of this executor, unless that is closed."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)


class _RemoteJob:
    """A job that is ready to be submitted; a `PreparedJob`."""

    def __init__(self, submit: Callable[..., None], layers: Layers, dxpy_version: str) -> None:
        self._submit = submit
        self.explain = layers.explain
        self.dxpy_version = dxpy_version

    async def start(self, *, is_killed: bool = False) -> None:
        """Submit the job."""
        self._submit(is_killed=is_killed)
