"""Rows of jobs, analyses and objects as the platform inserts them, for tests of the life cycle alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import Reference
from dx_local.platform.core.ids import new_id
from dx_local.platform.core.states import Failure
from dx_local.platform.lifecycle import lifecycle

if TYPE_CHECKING:
    from dx_local.platform.core.states import Transition
    from dx_local.platform.core.store import Row, Store

JSON = dict[str, Any]
BROKEN = Failure("AppError", "it broke")


def add_job(
    store: Store,
    parent: str | None = None,
    job_input: JSON | None = None,
    depends_on: list[str] | None = None,
    output_spec: list[JSON] | None = None,
    *,
    policy: JSON | None = None,
    entry_points: str = "master",
) -> str:
    """Insert a job as `job_creation.create` does, and add it to the life cycle."""
    job_id = new_id("job")
    is_child = parent is not None and parent.startswith("job-")
    origin = store.value("SELECT origin FROM job WHERE id = ?", parent) if is_child else job_id
    insert(
        store,
        job_id,
        parent,
        origin,
        run_input=job_input or {},
        original_input=job_input or {},
        depends_on=depends_on or [],
        output_spec=output_spec,
        requested={"access": {}, "executionPolicy": policy, "restartableEntryPoints": entry_points},
    )
    lifecycle.added(store, job_id, 1)
    return job_id


def add_analysis(store: Store, parent: str | None, policies: list[str]) -> tuple[str, list[str]]:
    """Insert an analysis as `analyses.run` does; each stage uses the output of the previous one."""
    analysis_id = new_id("analysis")
    requested = {"workflow": {"outputs": None}, "workflowInput": {}}
    insert(store, analysis_id, parent, analysis_id, requested=requested)
    stages: list[str] = []
    for policy in policies:
        job_input = {"n": reference(stages[-1])} if stages else {}
        chosen = {"onNonRestartableFailure": policy}
        stages.append(add_job(store, analysis_id, job_input, policy=chosen))
    lifecycle.added(store, analysis_id, 1)
    return analysis_id, stages


def insert(store: Store, job_id: str, parent: str | None, origin: str, **columns: Any) -> None:
    store.insert(
        "job",
        id=job_id,
        name="app",
        state="idle",
        function="main",
        executable="applet-x",
        executable_name="app",
        parent=parent,
        origin=origin,
        root=origin,
        user="user-local",
        project="project-x",
        folder="/",
        workspace="container-x",
        region="aws:us-east-1",
        priority="normal",
        created=0,
        modified=0,
        parent_try=store.value("SELECT try_number FROM job WHERE id = ?", parent),
        tags=[],
        properties={},
        details={},
        system_requirements={},
        instance_type="mem1_ssd1_v2_x4",
        transitions=[],
        stage=job_id,
        **{"run_input": {}, "original_input": {}, "depends_on": [], **columns},
    )


def add_object(store: Store, state: str = "open") -> str:
    object_id = new_id("file")
    sequence = store.insert(
        "object",
        id=object_id,
        **{"class": "file"},
        state=state,
        hidden=0,
        types=[],
        details={},
        links=[],
        created=0,
        modified=0,
        created_by={},
        fields={},
    )
    store.insert(
        "placement",
        project="container-x",
        object=object_id,
        sequence=sequence,
        **{"class": "file"},
        modified=0,
        name="f",
        folder="/",
        tags=[],
        properties={},
    )
    return object_id


def close_object(store: Store, object_id: str) -> list[Transition]:
    store.update("object", object_id, state="closed")
    return lifecycle.object_closed(store, object_id, 2)


def run(store: Store, job_id: str, output: JSON | None = None) -> None:
    lifecycle.started(store, job_id, 2)
    lifecycle.finished(store, job_id, output or {}, 3)


def state(store: Store, job_id: str) -> str:
    return str(store.value("SELECT state FROM job WHERE id = ?", job_id))


def job_row(store: Store, job_id: str) -> Row:
    found = store.get("job", job_id)
    assert found is not None
    return {**found}


def reference(job_id: str, field: str = "n", **more: Any) -> JSON:
    return Reference(job_id, field, **more).to_json()


def running_main(store: Store) -> str:
    main = add_job(store)
    lifecycle.started(store, main, 2)
    return main
