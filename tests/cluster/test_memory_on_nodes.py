"""A job on a node that exceeds its memory limit ends as on this machine; its node and other jobs go on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.cluster.cluster_server import ClusterServer, wait_for, worker_pools

from dx_local.engine.executors.cgroups import VARIABLE, MemoryGroups, NoControlGroupsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MIB = 1 << 20
CONFIG = '[executor]\ncores_per_node = 2\nmemory_per_node = "4GiB"\n'


def takes(mib: int) -> str:
    return f"main() {{ python3 -c 'x = bytearray({mib} << 20)'; }}"


def _can_make_groups() -> bool:
    try:
        asyncio.run(MemoryGroups().close())
    except NoControlGroupsError:
        return False
    return True


@pytest.fixture(params=["grouped", "separate"])
def grouping(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Limit the processes of a job together, by control groups, or each separately."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if request.param == "separate":
        monkeypatch.setenv(VARIABLE, "none")
    elif not _can_make_groups():
        pytest.skip("No control groups can be created here.")
    return str(request.param)


@pytest.fixture(params=["local", "slurm"])
def scheduler(request: pytest.FixtureRequest) -> Any:
    """Return the Slurm, or None for nodes that are processes of this machine."""
    return request.getfixturevalue("cluster") if request.param == "slurm" else None


@pytest.fixture
def limits(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


@pytest.fixture
def server(tmp_path: Path, scheduler: Any, limits: tuple[str, ...], grouping: str) -> Iterator[ClusterServer]:
    """Serve a platform whose jobs run on one node with this limit."""
    config = tmp_path / "cluster.toml"
    config.write_text(CONFIG)
    options = (*limits, "--nodes", "1", "--executor-config", str(config))
    if scheduler is None:
        with ClusterServer.on_this_machine(tmp_path, *options) as running:
            yield running
        return
    with ClusterServer.on_slurm(tmp_path, scheduler, ("--on", "slurm", *options)) as running:
        yield running
    scheduler.end_all_jobs()


def new_applet(server: ClusterServer, code: str) -> str:
    small = {"main": {"instanceType": "mem1_ssd1_v2_x2"}}
    run_spec = {
        "interpreter": "bash",
        "code": code,
        "distribution": "Ubuntu",
        "release": "24.04",
        "systemRequirements": small,
    }
    return server.new_applet("takes", "", runSpec=run_spec)


@pytest.mark.parametrize("limits", [("--memory-limit", "200MiB")], indirect=True)
def test_a_job_that_exceeds_its_limit_ends_alone(
    server: ClusterServer, grouping: str, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    patient = server.run(new_applet(server, f"main() {{ until [ -e {release} ]; do sleep 0.1; done; }}"))
    wait_for(lambda: server.describe(patient)["state"] == "running", "a job runs", server)
    failed = server.await_end(server.run(new_applet(server, takes(300))))
    assert (failed["state"], failed["failureReason"]) == ("failed", "AppInsufficientResourceError")
    said = {
        "grouped": "The job needs more memory than its limit of 200 MiB. ",
        "separate": "The job's memory limit is 200 MiB; its largest process held ",
    }
    assert said[grouping] in failed["failureMessage"]
    assert "Pass a larger --memory-limit: mem1_ssd1_v2_x2 has 4 GiB." in failed["failureMessage"]
    pools = worker_pools(server.mark)
    assert server.await_end(server.run(new_applet(server, takes(50))))["state"] == "done"
    release.touch()
    assert server.await_end(patient)["state"] == "done"
    assert worker_pools(server.mark) == pools
    assert " is lost" not in server.errors
    assert ("The memory limit holds for each process of a job" in server.errors) == (grouping == "separate")


@pytest.mark.parametrize("limits", [("--sizes", "instance")], indirect=True)
def test_a_job_is_held_to_the_memory_of_its_instance_type(server: ClusterServer, grouping: str) -> None:
    # With a control group, the kernel counts what a process has written to.
    failed = server.await_end(server.run(new_applet(server, takes(4200))))
    assert (failed["state"], failed["failureReason"]) == ("failed", "AppInsufficientResourceError")
    said = {
        "grouped": "The job needs more memory than its limit of 4.0 GiB. ",
        "separate": "The job's memory limit is 4.0 GiB; its largest process held ",
    }
    assert said[grouping] in failed["failureMessage"]
    assert "Request an instance type with more memory, such as " in failed["failureMessage"]
    assert server.await_end(server.run(new_applet(server, takes(50))))["state"] == "done"
    assert " is lost" not in server.errors
