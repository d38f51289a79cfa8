"""The life cycle of jobs and analyses: a pure state machine over the rows `job` and `wait`.

It decides *when* a job moves on, but not how or where a job runs: there is no clock, process or file here.
Each function takes one event and its time (ms), changes rows, and returns all transitions that followed, in
order. The caller runs each call in a transaction, so that the rows describe every job completely, even
after a crash.

An analysis is a row of `job` as well: an execution without a program, whose children are the executions of
its stages. The stages are separate trees: if one fails, the others go on.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-lifecycle
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import links_in, references_in
from dx_local.platform.core.schema import JobRow
from dx_local.platform.core.states import FINAL, Failure, State
from dx_local.platform.lifecycle import analysis_outcome, deadlocks, outputs, restarts, reuse, workspaces
from dx_local.platform.lifecycle.failures import Failures
from dx_local.platform.lifecycle.queries import is_analysis
from dx_local.platform.lifecycle.references import Resolver, UnresolvableReference
from dx_local.platform.lifecycle.step import Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_local.platform.core.states import Transition
    from dx_local.platform.core.store import Store


def added(store: Store, job_id: str, now: int) -> list[Transition]:
    """Process a new execution in state `idle`: a job waits for its input or becomes runnable.

    An analysis, which is added after the executions of all its stages, is then in progress.
    """
    life = _LifeCycle(store, now)
    life.add(job_id)
    return life.advance_all()


def created(store: Store, job: JobRow, now: int) -> list[Transition]:
    """Insert a new job in state `idle`, and process it as `added` does; the row is changed as well."""
    life = _LifeCycle(store, now)
    life.step.rows.hold(job, is_new=True)
    life.add(job["id"])
    return life.advance_all()


def started(store: Store, job_id: str, now: int, row: JobRow | None = None) -> list[Transition]:
    """Process the start of a runnable job on a worker; `row` is its row, which is changed as well."""
    life = _LifeCycle(store, now)
    if row is not None:
        life.step.rows.hold(row)
    life.step.move(job_id, State.RUNNING, started=now)
    return life.advance_all()


def finished(
    store: Store, job_id: str, output: dict[str, Any], now: int, usage: dict[str, Any] | None = None
) -> list[Transition]:
    """Process the successful end of a job's program; the output counts only if the job is running.

    `usage` describes the resources that the job used; see job_usage.py.
    """
    life = _LifeCycle(store, now)
    life.finish(job_id, output, usage)
    return life.advance_all()


def failed(store: Store, job_id: str, failure: Failure, now: int) -> list[Transition]:
    """Process the failure of a job whose worker is gone: restart it, or fail its tree and all dependents.

    A job that is being terminated becomes `terminated`, and one that is being restarted goes on to its next
    try, whatever this failure is. A job that has ended does not change.
    """
    life = _LifeCycle(store, now)
    life.failures.fail(job_id, failure)
    return life.advance_all()


def terminated(store: Store, job_id: str, now: int) -> list[Transition]:
    """Terminate a job and its descendants; running jobs are `terminating` until their worker is gone."""
    life = _LifeCycle(store, now)
    life.failures.terminate(job_id)
    return life.advance_all()


def taken_over(store: Store, job_id: str, output: dict[str, Any], earlier: str, now: int) -> list[Transition]:
    """Process the takeover of a runnable job: it is done with the output of a job of an earlier run.

    `earlier` is the ID of that job. The objects in the output are in the workspace of the job.
    """
    life = _LifeCycle(store, now)
    life.take_over(job_id, output, earlier)
    return life.advance_all()


def object_closed(store: Store, object_id: str, now: int) -> list[Transition]:
    """Wake the jobs that wait for a data object to be closed."""
    life = _LifeCycle(store, now)
    life.step.wake_waiters_of(object_id)
    return life.advance_all()


def object_removed(store: Store, object_id: str, now: int) -> list[Transition]:
    """Fail the jobs that wait for a data object which has been removed."""
    life = _LifeCycle(store, now)
    failure = Failure("InputError", f"{object_id} was removed before it was closed")
    life.failures.fail_waiters_of(object_id, failure)
    return life.advance_all()


def deadlocked(store: Store, now: int) -> list[Transition]:
    """Fail the youngest waiting job if no job runs or can run, so that nothing can ever end the waiting.

    Return nothing if there is no deadlock. Call this only if nothing but jobs closes data objects.
    """
    life = _LifeCycle(store, now)
    if found := deadlocks.find_deadlocked_job(life.step.rows):
        life.failures.fail_tree(*found)
    return life.advance_all()


class _LifeCycle:
    """Moves executions towards `done` within one step; `failures` ends them in any other state."""

    def __init__(self, store: Store, now: int) -> None:
        self.step = Step(store, now)
        self.failures = Failures(self.step)
        self._rows = self.step.rows
        # Inputs, outputs, placements and links, none of which a step holds back.
        self._data = store

    @property
    def _store(self) -> Store:
        return self.step.store

    def advance_all(self) -> list[Transition]:
        """Advance executions until no further change follows; return all transitions of the step."""
        while self.step.to_advance:
            self._advance(self.step.to_advance.popleft())
        self._rows.write()
        return self.step.transitions

    def add(self, job_id: str) -> None:
        job = self._rows.job(job_id)
        if is_analysis(job_id):
            self.step.move(job_id, State.IN_PROGRESS)
            self.step.to_advance.append(job_id)
            return
        dependencies = [*job["depends_on"], *_executions_in(job["original_input"]), *self._input_objects(job)]
        if self._wait_for(job_id, dependencies):
            if self._rows.state_of(job_id) == State.IDLE:
                self.step.move(job_id, State.WAITING_ON_INPUT)
        else:
            self.step.to_advance.append(job_id)

    def finish(self, job_id: str, output: dict[str, Any], usage: dict[str, Any] | None = None) -> None:
        job = self._rows.job(job_id)
        self._rows.hold(job)
        if usage is not None:
            self._rows.change(job_id, usage=usage)
        if job["state"] != State.RUNNING:
            self.failures.release_worker(job)
            return
        if problem := outputs.name_error(job["output_spec"], output):
            self.failures.fail_tree(job_id, Failure("OutputError", problem))
            return
        self.step.move(job_id, State.WAITING_ON_OUTPUT, output=output)
        self._wait_for(job_id, [*_executions_in(output), *links_in(output)])
        self.step.to_advance.append(job_id)

    def take_over(self, job_id: str, output: dict[str, Any], earlier: str) -> None:
        job = self._rows.job(job_id)
        workspaces.publish_outputs(self._store, job, output)
        workspaces.preserve_outputs(self._store, job, output)
        self.step.move(job_id, State.DONE, output=output, reused_from=earlier)

    def _advance(self, job_id: str) -> None:
        """Move a waiting execution on if it waits for nothing any more.

        This is called once for each dependency that ends, so it must not read their whole list.
        """
        if is_analysis(job_id):
            self._advance_analysis(job_id)
            return
        state = self._rows.state_of(job_id)
        if state == State.RESTARTABLE:
            self.failures.start_next_try(job_id)
        elif state in (State.IDLE, State.WAITING_ON_INPUT):
            if not self._rows.is_waiting(job_id):
                self._make_runnable(self._rows.job(job_id))
        elif state == State.WAITING_ON_OUTPUT and not self._rows.has_unfinished_children(job_id):
            if not self._rows.is_waiting(job_id):
                self._make_done(self._rows.job(job_id))
            elif all(map(self._rows.is_open_object, self._rows.dependencies_of(job_id))):
                # The job and its children have ended, so that none of them can close these objects any more.
                explanation = deadlocks.explanation(self._rows, job_id)
                self.failures.fail_tree(job_id, Failure("OutputError", explanation))

    def _advance_analysis(self, analysis_id: str) -> None:
        """Move an analysis to the state that follows from the states of its stages."""
        before = State(self._rows.job(analysis_id)["state"])
        if before in FINAL or before is State.IDLE:
            return
        stages = self._store.all(JobRow, "SELECT * FROM job WHERE parent = ? ORDER BY sequence", analysis_id)
        if any(analysis_outcome.fails_all_stages(stage) for stage in stages):
            for stage in stages:
                self.failures.terminate(stage["id"])
        analysis = self._rows.job(analysis_id)
        failure = analysis_outcome.failure(stages)
        if self._rows.has_unfinished_children(analysis_id):
            if failure and before is State.IN_PROGRESS:
                self.step.move(analysis_id, State.PARTIALLY_FAILED, **failure)
        elif before is State.TERMINATING:
            self.failures.end_terminated(analysis_id)
        elif failure:
            self.failures.fail_analysis(analysis_id, failure)
        else:
            output = analysis_outcome.output(self._store, analysis, stages)
            self.step.move(analysis_id, State.DONE, output=output)

    def _make_runnable(self, job: JobRow) -> None:
        optional = frozenset(job["requested"].get("optionalInputs", ()))
        try:
            resolved = self._resolved(job["original_input"], optional)
            workspaces.copy_inputs_to_workspace(self._data, job, resolved)
        except (UnresolvableReference, workspaces.ObjectNotFound) as error:
            self.failures.fail_tree(job["id"], Failure("InputError", str(error)))
            return
        spec = job["requested"].get("inputSpec")
        if spec and (problem := outputs.class_error(spec, resolved)):
            self.failures.fail_tree(job["id"], Failure("InputError", problem))
            return
        self._run_or_reuse(job, resolved)

    def _run_or_reuse(self, job: JobRow, resolved: dict[str, Any]) -> None:
        """Make a job runnable, or done with the output of an earlier job if it may reuse one."""
        if not restarts.is_master(self._data, job):
            self.step.move(job["id"], State.RUNNABLE, input=resolved)
            return
        key = reuse.key_of(self._store, job, resolved)
        may_reuse = job["requested"].get("reuses")
        found = reuse.find_earlier_job(self._store, job, key) if may_reuse else reuse.ReuseResult(None)
        if found.job is None:
            columns = {"input": resolved, "reuse_key": key, "not_reused": found.why_not}
            self.step.move(job["id"], State.RUNNABLE, **columns)
            return
        output = found.job["output"] or {}
        workspaces.publish_outputs(self._store, job, output, producer=found.job)
        columns = {"input": resolved, "output": output, "reused_from": found.job["id"]}
        self.step.move(job["id"], State.DONE, **columns)

    def _make_done(self, job: JobRow) -> None:
        try:
            output = workspaces.plain_links(self._resolved(job["output"] or {}))
        except UnresolvableReference as error:
            self.failures.fail_tree(job["id"], Failure("OutputError", str(error)))
            return
        if problem := outputs.class_error(job["output_spec"] or [], output):
            self.failures.fail_tree(job["id"], Failure("OutputError", problem))
            return
        try:
            workspaces.publish_outputs(self._data, job, output)
            workspaces.preserve_outputs(self._data, job, output)
        except workspaces.ObjectNotFound as error:
            self.failures.fail_tree(job["id"], Failure("OutputError", str(error)))
            return
        # An output can be large: it is written again only if a reference or link in it was replaced.
        self.step.move(job["id"], State.DONE, **({} if output == job["output"] else {"output": output}))

    def _wait_for(self, job_id: str, dependencies: Iterable[str]) -> bool:
        """Record the dependencies that a job has to wait for; return whether there are any.

        A dependency that can never be met fails the job.
        """
        to_wait_for = []
        check = deadlocks.DeadlockCheck(self._rows, job_id)
        dependencies = dict.fromkeys(dependencies)
        states = self._rows.states_of(dependencies)
        for dependency in dependencies:
            state = states.get(dependency)
            if state in (State.FAILED, State.TERMINATED):
                self.failures.fail_tree(job_id, self.failures.of_dependency(dependency))
                return True
            # There is no need to wait for something that does not exist: resolving references to it fails.
            if state not in (State.DONE, "closed", None):
                if check.would_deadlock(dependency):
                    self.failures.fail_tree(job_id, check.failure(dependency))
                    return True
                to_wait_for.append(dependency)
        if to_wait_for:
            self._rows.add_waits(job_id, to_wait_for)
        return bool(to_wait_for)

    def _input_objects(self, job: JobRow) -> list[str]:
        """Return the data objects in the input, and the hidden objects that their details link to."""
        found = list(links_in(job["original_input"]))
        hidden = [
            linked
            for entity in found
            for links in self._data.column("SELECT links FROM object WHERE id = ?", entity)
            for linked in links
            if self._data.value("SELECT hidden FROM object WHERE id = ?", linked)
        ]
        return [*found, *hidden]

    def _resolved(self, fields: dict[str, Any], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return the fields of a job that waits for nothing any more, with all references replaced."""
        resolver = Resolver(
            lambda job_id: outputs.output_if_done(self._store, job_id),
            lambda entity, path: outputs.object_metadata(self._data, entity, path),
        )
        resolved = resolver.resolve(fields, optional=optional)
        for reference in references_in(resolved):
            raise UnresolvableReference(reference, "there is no such job")
        return resolved


def _executions_in(value: Any) -> list[str]:
    return [reference.execution for reference in references_in(value)]
