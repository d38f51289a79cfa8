"""Large JSON values of jobs, stored in files beside the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.platform.conftest import refused_by_full_disk

from dx_local.platform.data import file_bytes
from dx_local.platform.execution import applets, job_descriptions, job_events

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platform.conftest import Runner

    from dx_local.platform.core.context import Context

LARGE = {"text": ["é" * 1000] * 2000, "more": {str(n): n for n in range(50_000)}}


def values(context: Context) -> list[Path]:
    return list(context.platform.folder.glob("values/*"))


def running_job(context: Context, runner: Runner, output_class: str = "hash") -> str:
    spec = [{"name": "n", "class": output_class}]
    applet = runner.make_applet(outputSpec=spec)
    request = {"project": runner.project, "input": {"n": 1}}
    job: str = applets.run_applet(context, applet, request)["id"]
    job_events.start(context.platform, job)
    return job


def output_of(context: Context, job: str) -> Any:
    return job_descriptions.describe_job(context, job, {})["output"]


def test_a_large_output_is_kept_beside_the_database(context: Context, runner: Runner) -> None:
    job = running_job(context, runner)
    job_events.finish(context.platform, job, {"n": LARGE})
    assert output_of(context, job) == {"n": LARGE}
    (file,) = values(context)
    assert file.stat().st_size > 2_000_000
    stored = context.store.value("SELECT length(CAST(output AS BLOB)) AS size FROM job WHERE id = ?", job)
    assert stored < 100


def test_a_large_output_is_kept_once(context: Context, runner: Runner) -> None:
    for _ in range(2):
        job_events.finish(context.platform, running_job(context, runner), {"n": LARGE})
    assert len(values(context)) == 1


def test_a_large_output_that_is_rolled_back_leaves_no_file(context: Context, runner: Runner) -> None:
    job = running_job(context, runner)
    with refused_by_full_disk(context.store):
        job_events.finish(context.platform, job, {"n": LARGE})
    assert values(context) == []
    job_events.finish(context.platform, job, {"n": LARGE})
    assert output_of(context, job) == {"n": LARGE}


def test_a_file_that_a_killed_server_was_writing_is_removed(context: Context, runner: Runner) -> None:
    job_events.finish(context.platform, running_job(context, runner), {"n": LARGE})
    kept = values(context)
    (kept[0].parent / ".0123.tmp").write_text("unfinished")
    file_bytes.remove_unfinished(context.platform)
    assert values(context) == kept


def test_references_to_and_in_a_large_output_are_resolved(context: Context, runner: Runner) -> None:
    small, large = running_job(context, runner, "int"), running_job(context, runner)
    reference = {"$dnanexus_link": {"job": small, "field": "n"}}
    job_events.finish(context.platform, large, {"n": {**LARGE, "reference": reference}})
    job_events.finish(context.platform, small, {"n": 7})
    assert output_of(context, large) == {"n": {**LARGE, "reference": 7}}
    applet = runner.make_applet(inputSpec=[{"name": "n", "class": "hash"}])
    given = {"n": {"$dnanexus_link": {"job": large, "field": "n"}}}
    job = applets.run_applet(context, applet, {"project": runner.project, "input": given})["id"]
    assert job_descriptions.describe_job(context, job, {})["input"] == {"n": {**LARGE, "reference": 7}}
