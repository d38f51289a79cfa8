"""The life cycle of jobs and analyses: a pure state machine over the rows `job` and `wait`.

It decides *when* a job moves on, and is agnostic to how and where jobs run: it knows no clock, no process and
no file. Each function is told one thing that happened and the time (ms), changes rows, and returns every
transition that followed, in order. The caller makes each call one transaction, so that the rows alone tell
where every job stands, also after a crash.

An analysis is a row of `job` as well, that of an execution which runs no program: the executions of its
stages are its children. They share no tree: when one fails, the others go on.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-lifecycle
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import links_in, references_in
from dx_local.platform.core.states import FINAL, Failure, State
from dx_local.platform.lifecycle import analysis_outcome, outputs, restarts, reuse, workspaces
from dx_local.platform.lifecycle.deadlocks import Circles
from dx_local.platform.lifecycle.failures import Ending
from dx_local.platform.lifecycle.queries import is_analysis
from dx_local.platform.lifecycle.references import Resolver, UnresolvableReference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dx_local.platform.core.states import Transition
    from dx_local.platform.core.store import Row, Store


def added(store: Store, job_id: str, now: int) -> list[Transition]:
    """Take up a new job, whose row is there in state idle: it waits for its input or is runnable.

    An analysis is taken up after the executions of all its stages, and is then in progress.
    """
    return _Machine(store, now).run(lambda machine: machine.take_up(job_id))


def started(store: Store, job_id: str, now: int) -> list[Transition]:
    """Note that a runnable job now runs on a worker."""
    return _Machine(store, now).run(lambda machine: machine.move(job_id, State.RUNNING, started=now))


def finished(store: Store, job_id: str, output: dict[str, Any], now: int) -> list[Transition]:
    """Note that a job's program ended well, with this output; that counts only if the job is running."""
    return _Machine(store, now).run(lambda machine: machine.finish(job_id, output))


def failed(store: Store, job_id: str, failure: Failure, now: int) -> list[Transition]:
    """Note that a job has failed and that its worker is gone: it is tried again, or fails with its tree.

    What depends on the tree fails with it. A job that is being terminated ends as terminated, and one that
    is to be tried again goes on to that, whatever its program said last; one that has ended stays as it is.
    """
    return _Machine(store, now).run(lambda machine: machine.end_badly(job_id, failure))


def terminated(store: Store, job_id: str, now: int) -> list[Transition]:
    """Terminate a job and its descendants; those that run are `terminating` until their worker is gone."""
    return _Machine(store, now).run(lambda machine: machine.terminate(job_id))


def object_closed(store: Store, object_id: str, now: int) -> list[Transition]:
    """Wake the jobs that wait for a data object to be closed."""
    return _Machine(store, now).run(lambda machine: machine.wake_waiters_of(object_id))


def object_removed(store: Store, object_id: str, now: int) -> list[Transition]:
    """Fail the jobs that wait for a data object that is gone."""
    failure = Failure("InputError", f"{object_id} was removed before it was closed")
    return _Machine(store, now).run(lambda machine: machine.fail_waiters_of(object_id, failure))


def deadlocked(store: Store, now: int) -> list[Transition]:
    """Fail the first waiting job, when no job runs or can run and so nothing can ever end the waiting.

    Returns nothing when some job runs or is runnable, or none waits. To be called where nobody but jobs
    closes data objects.
    """
    return _Machine(store, now).run(lambda machine: machine.break_deadlock())


class _Machine(Ending):
    """How jobs come to run and to be done, and how whoever waits goes on."""

    def run(self, event: Callable[[_Machine], None]) -> list[Transition]:
        event(self)
        while self.to_settle:
            self._settle(self.to_settle.popleft())
        return self.transitions

    def take_up(self, job_id: str) -> None:
        job = self.job(job_id)
        if is_analysis(job_id):
            self.move(job_id, State.IN_PROGRESS)
            self.to_settle.append(job_id)
            return
        causes = [*job["depends_on"], *_executions_in(job["original_input"])]
        causes += self._input_objects(job)
        if self._wait_for(job_id, causes):
            if self.job(job_id)["state"] == State.IDLE:
                self.move(job_id, State.WAITING_ON_INPUT)
        else:
            self.to_settle.append(job_id)

    def finish(self, job_id: str, output: dict[str, Any]) -> None:
        job = self.standing(job_id)
        if job["state"] != State.RUNNING:
            self.lose_worker(job)
            return
        if complaint := outputs.undeclared_or_missing(self.store, job_id, output):
            self.fail_tree(job_id, Failure("OutputError", complaint))
            return
        self.move(job_id, State.WAITING_ON_OUTPUT, output=output)
        self.outputs[job_id] = output
        self._wait_for(job_id, [*_executions_in(output), *links_in(output)])
        self.to_settle.append(job_id)

    def wake_waiters_of(self, cause: str) -> None:
        for waiter in self.waiters_of(cause):
            self.to_settle.append(waiter)
        self.store.execute("DELETE FROM wait WHERE waits_for = ?", cause)

    def _settle(self, job_id: str) -> None:
        """Move a waiting job on if nothing is left that it waits for.

        Called once for each thing that ends, so it must not read what grows with their number.
        """
        if is_analysis(job_id):
            self._settle_analysis(job_id)
            return
        state = self.state_of(job_id)
        if state == State.RESTARTABLE:
            self.try_again_if_alone(job_id)
        elif state in (State.IDLE, State.WAITING_ON_INPUT):
            if not self.is_waiting(job_id):
                self._make_runnable(self.job(job_id))
        elif state == State.WAITING_ON_OUTPUT and not self.has_open_children(job_id):
            if not self.is_waiting(job_id):
                self._make_done(self.job(job_id))
            elif all(self.is_left_open(cause) for cause in self.causes_of(job_id)):
                self.fail_tree(job_id, Failure("OutputError", self.why_stuck(job_id)))

    def _settle_analysis(self, analysis_id: str) -> None:
        """Move an analysis to where its stages stand."""
        before = State(self.job(analysis_id)["state"])
        if before in FINAL or before is State.IDLE:
            return
        stages = self.store.all("SELECT * FROM job WHERE parent = ? ORDER BY sequence", analysis_id)
        if any(analysis_outcome.ends_others(stage) for stage in stages):
            for stage in stages:
                self.terminate(stage["id"])
        analysis = self.job(analysis_id)
        failure = analysis_outcome.failure(stages)
        if self.has_open_children(analysis_id):
            if failure and before is State.IN_PROGRESS:
                self.move(analysis_id, State.PARTIALLY_FAILED, **failure)
        elif before is State.TERMINATING:
            self.move(analysis_id, State.TERMINATED)
        elif failure:
            self.move(analysis_id, State.FAILED, **failure)
            self._fail_dependents_of_analysis(self.job(analysis_id))
        else:
            self.move(analysis_id, State.DONE, output=analysis_outcome.output(self.store, analysis, stages))

    def _fail_dependents_of_analysis(self, analysis: Row) -> None:
        analysis_id, origin = analysis["id"], analysis["failure_from"]
        why = f"{analysis['failure_reason']}: {analysis['failure_message']}"
        message = f"{analysis_id} failed because of {why}"
        if analysis["parent"]:
            self.fail_tree(analysis["parent"], Failure("JobTreeFailure", message, origin))
        for waiter in self.waiters_of(analysis_id):
            self.fail_tree(waiter, Failure("DependencyUnsatisfiable", message, origin))

    def _make_runnable(self, job: Row) -> None:
        optional = frozenset(job["requested"].get("optionalInputs", ()))
        try:
            resolved = self._resolved(job["original_input"], optional)
            workspaces.bring_in(self.store, job, resolved)
        except (UnresolvableReference, workspaces.ObjectNotFound) as error:
            self.fail_tree(job["id"], Failure("InputError", str(error)))
            return
        spec = job["requested"].get("inputSpec")
        if spec and (complaint := outputs.wrong_class(spec, resolved)):
            self.fail_tree(job["id"], Failure("InputError", complaint))
            return
        self._run_or_reuse(job, resolved)

    def _run_or_reuse(self, job: Row, resolved: dict[str, Any]) -> None:
        """Make a job runnable, or done with the output of one that has done the same, if that is wanted."""
        if not restarts.is_master(self.store, job):
            self.move(job["id"], State.RUNNABLE, input=resolved)
            return
        key = reuse.key_of(self.store, job, resolved)
        wants_reuse = job["requested"].get("reuses")
        found = reuse.find(self.store, job, key) if wants_reuse else reuse.Found(None)
        if found.job is None:
            columns = {"input": resolved, "reuse_key": key, "not_reused": found.why_not}
            self.move(job["id"], State.RUNNABLE, **columns)
            return
        output = found.job["output"]
        workspaces.hand_over(self.store, job, output, maker=found.job)
        self.move(job["id"], State.DONE, input=resolved, output=output, reused_from=found.job["id"])

    def _make_done(self, job: Row) -> None:
        try:
            output = workspaces.plain_links(self._resolved(job["output"]))
        except UnresolvableReference as error:
            self.fail_tree(job["id"], Failure("OutputError", str(error)))
            return
        if complaint := outputs.wrong_class(job["output_spec"] or [], output):
            self.fail_tree(job["id"], Failure("OutputError", complaint))
            return
        try:
            workspaces.hand_over(self.store, job, output)
            workspaces.preserve(self.store, job, output)
        except workspaces.ObjectNotFound as error:
            self.fail_tree(job["id"], Failure("OutputError", str(error)))
            return
        self.move(job["id"], State.DONE, **({} if output == job["output"] else {"output": output}))

    def _wait_for(self, job_id: str, causes: Iterable[str]) -> bool:
        """Write down what a job waits for; tell whether there is anything.

        A cause that can no longer come true fails the job.
        """
        waits = False
        circles = Circles(self, job_id)
        for cause in dict.fromkeys(causes):
            state = self.state_of(cause)
            if state in (State.FAILED, State.TERMINATED):
                self.fail_tree(job_id, self.unsatisfiable(cause))
                return True
            if state not in (State.DONE, "closed", None):
                if circles.would_close_with(cause):
                    self.fail_tree(job_id, circles.failure(cause))
                    return True
                self.store.execute("INSERT OR IGNORE INTO wait VALUES (?, ?)", job_id, cause)
                waits = True
        return waits

    def _input_objects(self, job: Row) -> list[str]:
        """Return the data objects in the input, and the hidden ones that their details link to."""
        found = list(links_in(job["original_input"]))
        hidden = [
            linked
            for entity in found
            for row in self.store.all("SELECT links FROM object WHERE id = ?", entity)
            for linked in row["links"]
            if self.store.value("SELECT hidden FROM object WHERE id = ?", linked)
        ]
        return [*found, *hidden]

    def _resolved(self, fields: dict[str, Any], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return the fields of a job that waits for nothing any more, with no reference left in them."""
        resolver = Resolver(
            lambda job_id: outputs.output_if_done(self.store, job_id),
            lambda entity, path: outputs.object_metadata(self.store, entity, path),
        )
        resolved = resolver.resolve(fields, optional=optional)
        for reference in references_in(resolved):
            raise UnresolvableReference(reference, "there is no such job")
        return resolved


def _executions_in(value: Any) -> list[str]:
    return [reference.execution for reference in references_in(value)]
