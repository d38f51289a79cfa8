"""The advice on instance types."""

from __future__ import annotations

from typing import Any

import pytest

from dx_app_wizard.dxapp.instances import find_instance_type
from dx_local.engine.reports.entry_points import smallest_type, summary, system_requirements
from dx_local.engine.reports.job_rows import Job

REGION = "aws:us-east-1"
GIB = 1 << 30


def job(**changes: Any) -> Job:
    done = Job(
        id="job-1", label="process", entry_point=0, parent=None, state="done", created=0, started=0,
        stopped=10_000, tries=1, memory=GIB, cpu_seconds=8.0, disk=1000, reused=False, again=None, node=None,
        reason=None, message=None, log=None,
    )  # fmt: skip
    return done._replace(**changes)


@pytest.mark.parametrize(
    ("memory", "disk", "cores"),
    [(GIB, 0, 0.1), (6 * GIB, 0, 1.0), (GIB, 300 * 10**9, 1.0), (GIB, 0, 7.1), (100 * GIB, 10**12, 30.0)],
)
def test_the_smallest_type_has_room_to_spare(memory: int, disk: int, cores: float) -> None:
    found = smallest_type(REGION, memory, disk, cores)
    assert found
    assert found.memory_bytes >= 1.5 * memory
    assert found.storage_bytes >= 2 * disk
    assert found.cores >= cores - 0.25
    assert not found.accelerator


def test_a_tiny_job_gets_two_cores_and_no_more() -> None:
    found = smallest_type(REGION, 1000, 1000, 0.0)
    assert found
    assert found.cores == min(2, found.cores)


def test_no_type_is_large_enough_for_a_petabyte() -> None:
    assert smallest_type(REGION, GIB, 10**15, 1.0) is None


def advice_on(instance_type: str, *jobs: Job) -> dict[str, object]:
    made = summary(("app", "process", instance_type), REGION, jobs, [])
    assert made["advice"]
    return made["advice"]  # type: ignore[no-any-return]


def test_busy_cores_count() -> None:
    assert advice_on("mem1_ssd1_v2_x2", job(cpu_seconds=158.0))["cores"] == 16


def test_the_start_of_a_short_job_does_not_count_as_busy() -> None:
    assert advice_on("mem1_ssd1_v2_x2", job(stopped=100, cpu_seconds=1.0))["cores"] == 2


def test_a_type_that_is_right_is_confirmed() -> None:
    advised = str(advice_on("mem1_ssd1_v2_x8", job())["instanceType"])
    assert advice_on(advised, job())["isPresent"] is True
    assert system_requirements([summary(("app", "process", advised), REGION, [job()], [])], REGION) == []


def test_entry_points_without_advice_keep_their_type() -> None:
    unmeasured = job(memory=None, cpu_seconds=None, started=None, stopped=None)
    summaries = [
        summary(("app", "main", "mem1_ssd1_v2_x8"), REGION, [job()], []),
        summary(("app", "late", "mem1_ssd1_v2_x8"), REGION, [unmeasured], []),
    ]
    (advised,) = system_requirements(summaries, REGION)
    assert advised["systemRequirements"]["late"] == {"instanceType": "mem1_ssd1_v2_x8"}
    main = find_instance_type(advised["systemRequirements"]["main"]["instanceType"], REGION)
    assert main
    assert main.cores < 8


def test_an_accelerator_is_never_advised_away() -> None:
    assert summary(("app", "main", "mem3_ssd1_gpu_x8"), REGION, [job()], [])["advice"] is None


def test_jobs_that_ended_with_another_did_not_fail_by_themselves() -> None:
    jobs = [
        job(state="failed", reason="AppError"),
        job(state="failed", reason="JobTreeFailure"),
        job(state="terminated"),
        job(reused=True, memory=None, started=1, stopped=1),
    ]
    made = summary(("app", "process", "mem1_ssd1_v2_x8"), REGION, jobs, [])
    assert (made["failed"], made["ended"], made["reused"], made["samples"]) == (1, 2, 1, 0)
    assert made["advice"] is None


def test_a_job_that_ran_out_of_memory_counts() -> None:
    killed = job(state="failed", reason="AppInsufficientResourceError", memory=7 * GIB)
    made = summary(("app", "process", "mem1_ssd1_v2_x2"), REGION, [job(), killed], [])
    assert made["samples"] == 1
    assert made["advice"]["memory"] >= 10 * GIB
