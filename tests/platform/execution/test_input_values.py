"""Defaults of inputs that link to other inputs are resolved when a job starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.platform.conftest import make_applet

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.data import records
from dx_local.platform.execution import applets, job_descriptions
from dx_local.platform.workflows import analyses, workflows

if TYPE_CHECKING:
    from dx_local.platform.core.context import Context

JSON = dict[str, Any]


def to(field: str, **more: Any) -> JSON:
    return {"$dnanexus_link": {"input": field, **more}}


def declared(name: str, io_class: str = "string", **more: Any) -> JSON:
    return {"name": name, "class": io_class, **more}


SAMPLE = declared("sample", "record")
LABEL = declared("label", default=to("sample", metadata="name"))


@pytest.fixture
def record(context: Context, project: str) -> str:
    """A record called NA12878, of batch 7."""
    asked = {"project": project, "name": "NA12878", "properties": {"batch": "7"}, "close": True}
    record_id: str = records.new(context, "record", asked)["id"]
    return record_id


def inputs_of_run(context: Context, project: str, spec: list[JSON], given: JSON) -> JSON:
    applet = make_applet(context, project, inputSpec=spec)
    job = applets.run_applet(context, applet, {"project": project, "input": given})["id"]
    described: JSON = job_descriptions.describe_job(context, job, {})["originalInput"]
    return described


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (to("sample", metadata="name"), "NA12878"),
        (to("sample", metadata="properties.batch"), "7"),
        (to("base"), "plain"),
    ],
)
def test_a_default_is_what_it_links_to(
    context: Context, project: str, record: str, label: JSON, expected: str
) -> None:
    spec = [SAMPLE, declared("base", default="plain"), declared("label", default=label)]
    assert inputs_of_run(context, project, spec, {"sample": link(record)})["label"] == expected


def test_what_is_given_wins_over_the_link(context: Context, project: str, record: str) -> None:
    given = {"sample": link(record), "label": "mine"}
    assert inputs_of_run(context, project, [SAMPLE, LABEL], given)["label"] == "mine"


def test_a_chain_of_defaults_is_followed(context: Context, project: str, record: str) -> None:
    spec = [declared("title", default=to("label")), SAMPLE, LABEL]
    assert inputs_of_run(context, project, spec, {"sample": link(record)})["title"] == "NA12878"


def test_of_an_output_to_come_the_default_is_a_reference(context: Context, project: str) -> None:
    first = make_applet(context, project, inputSpec=[], outputSpec=[declared("made", "record")])
    job = applets.run_applet(context, first, {"project": project, "input": {}})["id"]
    given = {"sample": {"$dnanexus_link": {"job": job, "field": "made"}}}
    found = inputs_of_run(context, project, [SAMPLE, LABEL], given)["label"]
    assert found == {"$dnanexus_link": {"job": job, "field": "made", "metadata": "name"}}


def test_an_optional_input_without_what_it_links_to_has_no_value(context: Context, project: str) -> None:
    spec = [{**SAMPLE, "optional": True}, {**LABEL, "optional": True}]
    assert inputs_of_run(context, project, spec, {}) == {}


def test_a_required_one_says_what_has_no_value(context: Context, project: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        inputs_of_run(context, project, [{**SAMPLE, "optional": True}, LABEL], {})
    (problem,) = caught.value.details["problems"]
    assert problem == (
        "missing required input 'label' of class string, whose default is the name of the input 'sample',"
        " which has no value"
    )


def test_a_circle_of_defaults_is_refused(context: Context, project: str) -> None:
    spec = [declared("a", default=to("b")), declared("b", default=to("a"))]
    with pytest.raises(InvalidInput, match="'a', 'b' link to each other in a circle"):
        inputs_of_run(context, project, spec, {})


def test_a_link_to_no_input_makes_no_applet(context: Context, project: str) -> None:
    spec = [declared("label", default=to("sampel", metadata="name"))]
    with pytest.raises(InvalidInput, match=r"inputSpec\[0\].default: there is no input 'sampel'"):
        make_applet(context, project, inputSpec=spec)


@pytest.mark.parametrize(
    ("bound", "expected"),
    [({}, "NA12878"), ({"label": to("sample", metadata="properties.batch")}, "7")],
    ids=["default", "bound"],
)
def test_stages_resolve_links_too(
    context: Context, project: str, record: str, bound: JSON, expected: str
) -> None:
    applet = make_applet(context, project, inputSpec=[SAMPLE, LABEL])
    other = make_applet(context, project, inputSpec=[declared("text")])
    stages = [
        {"id": "one", "executable": applet, "input": {"sample": link(record), **bound}},
        {
            "id": "two",
            "executable": other,
            "input": {"text": {"$dnanexus_link": {"stage": "one", "inputField": "label"}}},
        },
    ]
    workflow = workflows.new(context, "workflow", {"project": project, "name": "W", "stages": stages})["id"]
    started = workflows_run(context, workflow, project)
    inputs = [job_descriptions.describe_job(context, job, {})["originalInput"] for job in started]
    assert (inputs[0]["label"], inputs[1]["text"]) == (expected, expected)


def test_metadata_of_a_workflow_input(context: Context, project: str, record: str) -> None:
    applet = make_applet(context, project, inputSpec=[declared("label")])
    name = {"$dnanexus_link": {"workflowInputField": "sample", "metadata": "name"}}
    asked = {
        "project": project,
        "name": "W",
        "inputs": [SAMPLE],
        "stages": [{"id": "one", "executable": applet, "input": {"label": name}}],
    }
    workflow = workflows.new(context, "workflow", asked)["id"]
    (job,) = workflows_run(context, workflow, project, {"sample": link(record)})
    assert job_descriptions.describe_job(context, job, {})["originalInput"] == {"label": "NA12878"}


def workflows_run(context: Context, workflow: str, project: str, given: JSON | None = None) -> list[str]:
    """Run a workflow; return the jobs of its stages."""
    asked = {"project": project, "input": given or {}}
    jobs: list[str] = analyses.run(context, workflow, asked)["stages"]
    return jobs
