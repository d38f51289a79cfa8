"""Any request about apps is carried out or rejected, and aliases stay consistent."""

from __future__ import annotations

import string
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.examples import share_of

from dx_local.api.routes import ROUTES
from dx_local.platform.apps import app_members, app_views, apps
from dx_local.platform.core.context import DEFAULT_USER, Caller, Context, Platform
from dx_local.platform.core.errors import ApiError, InvalidInput
from dx_local.platform.core.schema import AppRow
from dx_local.platform.data import projects
from dx_local.platform.execution import app_names, applets
from dx_local.platform.find import apps as find_apps

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.platform.core.context import JSON

KEYS = (
    "access", "applet", "authorizedUsers", "batchInput", "billTo", "categories", "category", "commonInput",
    "created", "describe", "details", "developer", "developers", "fields", "initializeFrom", "input", "limit",
    "makeDefault", "name", "openSource", "project", "published", "regionalOptions", "resources", "starting",
    "tags", "title", "version",
)  # fmt: skip
METHODS = sorted(method for class_name, method in ROUTES if class_name == "app" and method != "new")
texts = st.text(max_size=4) | st.sampled_from(
    ["1.0.0", "2.0.0", "default", "user-a", "PUBLIC", "aws:us-east-1"]
)
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["applet", "glob", "id", "after", "aws:us-east-1"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
requests = st.dictionaries(st.sampled_from(KEYS), values, max_size=3)
quickly = settings(
    max_examples=share_of(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def new_applet(context: Context) -> str:
    project = projects.new(context, "project", {"name": "P"})["id"]
    request = {"project": project, "dxapi": "1.0.0", "inputSpec": [], "outputSpec": []}
    run_spec = {"interpreter": "bash", "code": ""}
    applet: str = applets.new_applet(context, "applet", {**request, "runSpec": run_spec})["id"]
    return applet


@pytest.mark.parametrize("method", METHODS)
def test_no_request_breaks_a_method(context: Context, method: str) -> None:
    applet = new_applet(context)
    function = ROUTES["app", method].function
    address = st.sampled_from(["app-a", "app-a/1.0.0", "app-", "app-a/", "app-a/../b", f"app-{'0' * 24}"])

    @quickly
    @given(address, requests)
    def any_request(named: str, request: JSON) -> None:
        with suppress(InvalidInput):
            apps.new(context, "app", {"name": "a", "version": "1.0.0", "applet": applet})
        with suppress(ApiError), context.store.transaction():
            assert isinstance(function(context, named, request), dict)

    any_request()


@quickly
@given(request=requests)
def test_no_request_breaks_a_search(context: Context, request: JSON) -> None:
    with suppress(ApiError):
        assert "next" in find_apps.find_apps(context, "system", request)


@pytest.mark.parametrize("key", [key for key in KEYS if key != "version"])
def test_no_request_breaks_the_making_of_an_app(context: Context, key: str) -> None:
    applet = new_applet(context)

    @quickly
    @given(values, st.integers(0, 10**9))
    def any_value(value: Any, number: int) -> None:
        request = {"name": "a", "version": f"{number}.0.0", "applet": applet, key: value}
        with suppress(ApiError), context.store.transaction():
            app_views.describe(context, apps.new(context, "app", request)["id"], {})

    any_value()


names = st.sampled_from("ab")
versions = st.sampled_from(["1.0.0", "2.0.0", "3.0.0"])
tags = st.sampled_from(["default", "beta", *string.ascii_lowercase[:2]])


class Aliases(RuleBasedStateMachine):
    """Versions are created and deleted, and tags move: every alias names one existing version."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.platform = Platform.open(self.folder)
        self.context = Context(self.platform, Caller(DEFAULT_USER))
        self.platform.store.execute("DELETE FROM app")
        self.platform.store.execute("DELETE FROM app_alias")
        self.applet = new_applet(self.context)

    @rule(name=names, version=versions)
    def make(self, name: str, version: str) -> None:
        with suppress(ApiError):
            apps.new(self.context, "app", {"name": name, "version": version, "applet": self.applet})

    @rule(name=names, version=versions, tag=tags)
    def tag(self, name: str, version: str, tag: str) -> None:
        with suppress(ApiError):
            app_members.add_tags(self.context, f"app-{name}/{version}", {"tags": [tag]})
            assert app_names.find(self.context.store, f"app-{name}/{tag}")["version"] == version

    @rule(name=names, tag=tags)
    def untag(self, name: str, tag: str) -> None:
        with suppress(ApiError):
            app_members.remove_tags(self.context, f"app-{name}/{tag}", {"tags": [tag]})

    @rule(name=names, tag=tags | versions)
    def delete(self, name: str, tag: str) -> None:
        with suppress(ApiError):
            apps.delete(self.context, f"app-{name}/{tag}", {})

    @rule(name=names, version=versions)
    def publish(self, name: str, version: str) -> None:
        with suppress(ApiError):
            apps.publish(self.context, f"app-{name}/{version}", {"makeDefault": True})
            assert app_names.find(self.context.store, f"app-{name}")["version"] == version

    @invariant()
    def every_version_answers_to_its_number(self) -> None:
        for row in self.platform.store.all(AppRow, "SELECT * FROM app WHERE NOT deleted"):
            assert app_names.find(self.platform.store, f"app-{row['name']}/{row['version']}") == row
            assert app_names.aliases(self.platform.store, row)[0] == row["version"]

    @invariant()
    def no_alias_means_what_is_gone(self) -> None:
        assert not self.platform.store.exists(
            "SELECT 1 FROM app_alias LEFT JOIN app ON app.id = app_alias.app"
            " WHERE app.id IS NULL OR app.deleted OR app.name != app_alias.name"
        )

    def teardown(self) -> None:
        self.platform.store.close()


def test_aliases_stay_in_order(tmp_path: Path) -> None:
    machine = type("AliasesHere", (Aliases,), {"folder": tmp_path})
    once = settings(max_examples=share_of(25), stateful_step_count=20, deadline=None)
    run_state_machine_as_test(machine, settings=once)
