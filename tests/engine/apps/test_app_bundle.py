"""Build an applet from an app's folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.apps.app_bundle import install, load_app
from dx_local.errors import AppFindingsError, UsageError
from dx_local.platform.data import objects
from dx_local.platform.execution import applets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.platform.core.context import Context

    MakeApp = Callable[..., Path]

CODE = "main() { true; }\n"


@pytest.fixture
def folder(make_app: MakeApp) -> Path:
    return make_app(CODE, interpreter="bash", categories=["Reports"], tags=["mine"])


def applet_of(context: Context, project: str, folder: Path) -> dict[str, Any]:
    applet = install(context, load_app(folder), project)
    return objects.describe(context, applet, {"properties": True})


def test_the_applet_has_the_code_of_the_source_file(context: Context, project: str, folder: Path) -> None:
    applet = install(context, load_app(folder), project)
    assert applets.get_applet(context, applet, {})["runSpec"]["code"] == CODE


def test_the_applet_has_the_name_of_the_app(context: Context, project: str, folder: Path) -> None:
    assert applet_of(context, project, folder)["name"] == "app"


def test_categories_become_tags(context: Context, project: str, folder: Path) -> None:
    assert applet_of(context, project, folder)["tags"] == ["mine", "Reports"]


def test_jobs_find_source_and_resources_where_they_lie(context: Context, project: str, folder: Path) -> None:
    (folder / "resources").mkdir()
    row = context.store.get("object", install(context, load_app(folder), project))
    assert row
    assert row["fields"]["local"] == {
        "source": str(folder.resolve() / "src" / "app.sh"),
        "resources": str(folder.resolve() / "resources"),
        "assets": [],
        "objects": [],
        "apps": [],
    }


def test_an_app_may_have_its_code_in_dxapp_json(folder: Path) -> None:
    spec = json.loads((folder / "dxapp.json").read_text())
    del spec["runSpec"]["file"]
    spec["runSpec"]["code"] = "echo inline\n"
    (folder / "dxapp.json").write_text(json.dumps(spec))
    app = load_app(folder)
    assert (app.code, app.source) == ("echo inline\n", None)


def test_a_missing_folder_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        load_app(tmp_path / "nowhere")


def test_every_finding_of_a_faulty_app_is_told(make_app: MakeApp) -> None:
    folder = make_app(CODE, interpreter="bash", inputs={"a": "integer", "b": "str"})
    with pytest.raises(AppFindingsError) as caught:
        load_app(folder)
    assert {finding.path for finding in caught.value.findings} >= {"inputSpec[0].class", "inputSpec[1].class"}


def test_what_the_platform_would_refuse_is_wrong_use(
    context: Context, project: str, make_app: MakeApp
) -> None:
    folder = make_app(CODE, interpreter="bash", treeTurnaroundTimeThreshold=0)
    with pytest.raises(
        UsageError, match=r"dxapp\.json does not define a valid applet: .*treeTurnaroundTimeThreshold"
    ):
        install(context, load_app(folder), project)


def test_an_app_for_other_regions_is_wrong_use(context: Context, project: str, make_app: MakeApp) -> None:
    folder = make_app(CODE, interpreter="bash", regionalOptions={"azure:westus": {"systemRequirements": {}}})
    with pytest.raises(UsageError, match="does not support the region aws:us-east-1, only azure:westus"):
        install(context, load_app(folder), project)
