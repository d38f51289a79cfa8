"""The lists of the pages of a platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.service.ui.lists import platform_lists, project_lists
from dx_local.platform.data import files
from dx_local.platform.execution import job_events

if TYPE_CHECKING:
    from dx_local.platform.core.context import Context


def run_of(context: Context) -> list[Any]:
    (row,) = platform_lists(context.store, context.now())["lists"][0]["rows"]
    return list(row)


def test_a_run_is_listed_from_its_creation_to_its_end(job_context: Context, clock: Any) -> None:
    job = str(job_context.caller.job)
    assert run_of(job_context)[2] == {"state": "waiting"}
    job_events.start(job_context.platform, job)
    clock.advance(3000)
    assert run_of(job_context)[2:5:2] == [{"state": "running"}, {"ms": 3000}]
    clock.advance(1000)
    job_events.terminate(job_context.platform, job)
    job_context.store.update("job", job, state="terminated", stopped=clock())
    clock.advance(1000)
    assert run_of(job_context)[2:5:2] == [{"state": "terminated"}, {"ms": 4000}]


def test_the_sentence_counts(job_context: Context) -> None:
    sentence = platform_lists(job_context.store, job_context.now())["sentence"]
    assert sentence == "1 run, 1 in progress; 1 project."


@pytest.mark.parametrize("state", ["open", "closed"])
def test_only_closed_files_can_be_downloaded(context: Context, project: str, state: str) -> None:
    file_id = files.new(context, "file", {"project": project, "name": "reads.fastq"})["id"]
    context.store.update("object", file_id, state=state)
    (row,) = project_lists(context.store, project)["lists"][0]["rows"]
    link = {"text": "reads.fastq", "href": f"/ui/file/{file_id}"}
    assert row[1] == (link if state == "closed" else "reads.fastq")
