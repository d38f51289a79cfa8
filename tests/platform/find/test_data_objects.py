from __future__ import annotations

import fnmatch
import re
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core import access
from dx_local.platform.core.context import DEFAULT_USER, Caller, Context, Platform
from dx_local.platform.core.errors import InvalidInput, PermissionDenied, ResourceNotFound
from dx_local.platform.data import contents, object_lookup, objects, projects, records
from dx_local.platform.find import data_objects
from dx_local.platform.find import projects as find_projects
from dx_local.platform.find.conditions import name_is

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Clock

JSON = dict[str, Any]


@pytest.fixture
def garden(context: Context, project: str, clock: Clock) -> dict[str, str]:
    """Records by name: apple, banana, carrot and the hidden date, created a minute apart."""
    described: list[JSON] = [
        {
            "name": "apple",
            "tags": ["fruit", "red"],
            "properties": {"size": "s", "k": "1"},
            "types": ["T", "U"],
        },
        {"name": "banana", "tags": ["fruit"], "properties": {"size": "m"}, "folder": "/f/g"},
        {"name": "carrot", "types": ["T"], "folder": "/f", "close": True},
        {"name": "date", "hidden": True, "folder": "/fg"},
    ]
    made = {}
    for request in described:
        clock.advance(60_000)
        request.update(project=project, parents=True)
        made[request["name"]] = records.new(context, "record", request)["id"]
    return made


def found(context: Context, **request: Any) -> list[str]:
    answer = data_objects.find_data_objects(
        context, "system", {**request, "describe": {"fields": {"name": True}}}
    )
    return [row["describe"]["name"] for row in answer["results"]]


EVERYTHING = ["date", "carrot", "banana", "apple"]


@pytest.mark.usefixtures("garden")
@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, "date carrot banana apple"),
        ({"class": "record"}, "date carrot banana apple"),
        ({"class": "file"}, ""),
        ({"state": "closed"}, "carrot"),
        ({"state": "open", "visibility": "visible"}, "banana apple"),
        ({"visibility": "hidden"}, "date"),
        ({"visibility": "either"}, "date carrot banana apple"),
        ({"name": "apple"}, "apple"),
        ({"name": "Apple"}, ""),
        ({"name": {"glob": "*a*a*"}}, "banana"),
        ({"name": {"glob": "?a*"}}, "date carrot banana"),
        ({"name": {"regexp": "an+a$"}}, "banana"),
        ({"name": {"regexp": "^APP", "flags": "i"}}, "apple"),
        ({"tag": "fruit"}, "banana apple"),
        ({"tags": {"$and": ["fruit", "red"]}}, "apple"),
        ({"tags": {"$or": ["red", {"$and": ["fruit"]}]}}, "banana apple"),
        ({"tags": {"$or": []}}, ""),
        ({"tags": {"$and": []}}, "date carrot banana apple"),
        ({"type": "T"}, "carrot apple"),
        ({"type": {"$and": ["T", "U"]}}, "apple"),
        ({"properties": {"size": "m"}}, "banana"),
        ({"properties": {"size": True, "k": "1"}}, "apple"),
        ({"properties": {"$or": [{"size": "m"}, {"k": True}]}}, "banana apple"),
        ({"properties": {}}, "date carrot banana apple"),
        ({"archivalState": "archived"}, ""),
        ({"region": "aws:us-east-1"}, "date carrot banana apple"),
        ({"region": "azure:westus"}, ""),
        ({"level": "ADMINISTER"}, "date carrot banana apple"),
    ],
)
def test_objects_are_found_by(context: Context, request_: JSON, names: str) -> None:
    assert found(context, **request_) == names.split()


@pytest.mark.usefixtures("garden")
@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ({}, "date carrot banana apple"),
        ({"folder": "/"}, "date carrot banana apple"),
        ({"folder": "/", "recurse": False}, "apple"),
        ({"folder": "/f"}, "carrot banana"),
        ({"folder": "/f/", "recurse": False}, "carrot"),
        ({"folder": "/missing"}, ""),
    ],
)
def test_a_scope_is_a_folder(context: Context, project: str, scope: JSON, names: str) -> None:
    assert found(context, scope={"project": project, **scope}) == names.split()


@pytest.mark.parametrize(
    ("after", "before", "names"),
    [
        ("apple", None, "date carrot banana apple"),
        ("banana", "carrot", "carrot banana"),
        (None, "apple", "apple"),
    ],
)
def test_times_bound_a_search(
    context: Context, garden: dict[str, str], after: str | None, before: str | None, names: str
) -> None:
    created = {
        bound: objects.describe(context, garden[name], {})["created"]
        for bound, name in (("after", after), ("before", before))
        if name
    }
    assert found(context, created=created) == names.split()


def test_objects_are_found_by_their_links(context: Context, project: str, garden: dict[str, str]) -> None:
    details = {"deep": [link(garden["apple"])]}
    records.new(context, "record", {"project": project, "name": "pie", "details": details})
    assert found(context, link=garden["apple"]) == ["pie"]


def test_objects_are_found_by_id(context: Context, garden: dict[str, str]) -> None:
    assert found(context, id=[garden["apple"], garden["carrot"]]) == ["carrot", "apple"]


def test_a_result_without_describe_is_project_and_id(
    context: Context, project: str, garden: dict[str, str]
) -> None:
    answer = data_objects.find_data_objects(context, "system", {"name": "apple"})
    assert answer == {"results": [{"project": project, "id": garden["apple"]}], "next": None}


@pytest.mark.usefixtures("garden")
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_pages_follow_one_another(context: Context, limit: int) -> None:
    names, cursor = [], None
    while True:
        request = {"limit": limit, "describe": True, "starting": cursor}
        answer = data_objects.find_data_objects(context, "system", request)
        names += [row["describe"]["name"] for row in answer["results"]]
        cursor = answer["next"]
        if cursor is None:
            break
        assert len(answer["results"]) == limit
    assert names == EVERYTHING


def test_the_last_modified_object_comes_first(context: Context, garden: dict[str, str], clock: Clock) -> None:
    clock.advance(60_000)
    objects.add_tags(context, garden["banana"], {"tags": ["ripe"]})
    assert found(context) == ["banana", "date", "carrot", "apple"]


@pytest.mark.usefixtures("garden")
def test_objects_of_a_project_come_together_in_pages(context: Context, clock: Clock) -> None:
    for name in ("second", "third"):
        clock.advance(1)
        other = projects.new(context, "project", {"name": name})["id"]
        records.new(context, "record", {"project": other, "name": name})
    first = data_objects.find_data_objects(context, "system", {"limit": 5})
    assert found(context, limit=5) == [*EVERYTHING, "second"]
    assert found(context, starting=first["next"]) == ["third"]


def test_a_page_begins_where_its_first_object_was(
    context: Context, project: str, garden: dict[str, str]
) -> None:
    cursor = data_objects.find_data_objects(context, "system", {"limit": 1})["next"]
    assert (cursor["project"], cursor["id"]) == (project, garden["carrot"])
    contents.remove_objects(context, project, {"objects": [garden["carrot"]]})
    assert found(context, starting=cursor) == ["banana", "apple"]


def test_a_page_may_begin_at_any_object(context: Context, project: str, garden: dict[str, str]) -> None:
    assert found(context, starting={"project": project, "id": garden["banana"]}) == ["banana", "apple"]


def test_changes_on_the_way_hide_nothing_that_is_to_come(
    context: Context, clock: Clock, project: str
) -> None:
    names = [f"r{number}" for number in range(7)]
    for name in names:
        records.new(context, "record", {"project": project, "name": name})
    seen, cursor = [], None
    while True:
        clock.advance(1)
        request = {"limit": 2, "describe": True, "starting": cursor}
        answer = data_objects.find_data_objects(context, "system", request)
        for row in answer["results"]:
            seen.append(row["describe"]["name"])
            objects.add_tags(context, row["id"], {"tags": ["seen"]})
        if (cursor := answer["next"]) is None:
            break
    assert sorted(seen) == names


@pytest.mark.parametrize(
    "wrong", [{"folder": "/a"}, {"project": "P"}, {"project": "project-x", "recurse": 1}]
)
def test_a_scope_needs_a_project_that_is_there(context: Context, wrong: JSON) -> None:
    with pytest.raises((InvalidInput, ResourceNotFound)):
        data_objects.find_data_objects(context, "system", {"scope": wrong})


def test_labels_are_found_as_they_are_now(context: Context, project: str, garden: dict[str, str]) -> None:
    objects.remove_tags(context, garden["apple"], {"tags": ["fruit"]})
    objects.set_properties(context, garden["banana"], {"properties": {"size": None, "new": "1"}})
    contents.remove_objects(context, project, {"objects": [garden["carrot"]]})
    assert (found(context, tags="fruit"), found(context, tags="red")) == (["banana"], ["apple"])
    assert (found(context, properties={"size": True}), found(context, properties={"new": "1"})) == (
        ["apple"],
        ["banana"],
    )


def test_links_are_found_as_they_are_now(context: Context, project: str, garden: dict[str, str]) -> None:
    pie = records.new(context, "record", {"project": project, "name": "pie"})["id"]
    objects.set_details(context, pie, [link(garden["apple"])])
    objects.set_details(context, pie, [link(garden["banana"])])
    assert (found(context, link=garden["apple"]), found(context, link=garden["banana"])) == ([], ["pie"])


def nested(depth: int) -> JSON:
    return {"$and": [nested(depth - 1)]} if depth else {"$or": ["a"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"class": "fruit"},
        {"describe": "yes"},
        {"link": ["record-x"]},
        {"name": {"glob": "*" * 5000}},
        {"tags": nested(40)},
        {"tags": {"$or": ["a"] * 600}},
        {"properties": {f"k{number}": "v" for number in range(600)}},
        {"starting": {"project": "project-x", "id": "record-x"}},
        {"limit": 1001},
        {"limit": "many"},
        {"state": "ajar"},
        {"visibility": "maybe"},
        {"name": 7},
        {"name": {"glob": 7}},
        {"name": {"regexp": "("}},
        {"name": {"regexp": "a", "flags": "q"}},
        {"tags": {"$not": ["a"]}},
        {"tags": {"$and": "a"}},
        {"properties": {"k": 1}},
        {"properties": {"$and": [{"k": "v"}], "other": "w"}},
        {"level": "GOD"},
        {"starting": "here"},
        {"starting": {"sequence": 1}},
        {"scope": "project"},
        {"scope": {"project": 1}},
        {"created": {"after": "yesterday"}},
        {"id": "record-x"},
    ],
)
def test_a_search_that_cannot_be_is_invalid(context: Context, wrong: JSON) -> None:
    with pytest.raises(InvalidInput):
        data_objects.find_data_objects(context, "system", wrong)


@pytest.mark.usefixtures("garden")
def test_a_job_finds_only_visible_objects(context: Context, job_context: Context) -> None:
    (workspace, _) = access.visible_projects(job_context)
    records.new(job_context, "record", {"project": workspace, "name": "mine"})
    other = projects.new(context, "project", {"name": "other"})["id"]
    records.new(context, "record", {"project": other, "name": "foreign"})
    assert found(job_context, **{"class": "record"}) == ["mine", *EVERYTHING]
    assert found(job_context, scope={"project": workspace}) == ["mine"]
    with pytest.raises(PermissionDenied):
        found(job_context, scope={"project": other})


def matches(name: str, wanted: Any) -> bool:
    condition = name_is("name", wanted)
    connection = sqlite3.connect(":memory:")
    try:
        sql = f"SELECT 1 FROM (SELECT ? AS name) WHERE {condition.sql}"
        return connection.execute(sql, (name, *condition.values)).fetchone() is not None
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("name", "glob", "expected"),
    [
        ("a*b", r"a\*b", True),
        ("axb", r"a\*b", False),
        ("a?b", r"a\?b", True),
        ("a\\b", r"a\\b", True),
        ("[ab]", "[ab]", True),
        ("a", "[ab]", False),
        ("a[b", r"a\[b", True),
        ("a\nb", "a?b", True),
        ("ab", "a", False),
    ],
)
def test_globs_have_escapes_and_no_brackets(name: str, glob: str, expected: bool) -> None:
    assert matches(name, {"glob": glob}) is expected


TEXT = st.text(alphabet="ab*?[]-^!\\", max_size=6)


@given(TEXT)
def test_an_escaped_glob_matches_just_its_text(name: str) -> None:
    glob = re.sub(r"([*?\\\[])", r"\\\1", name)
    assert matches(name, {"glob": glob})
    assert not matches(name + "x", {"glob": glob})


@given(st.text(alphabet="ab[]*?", max_size=6), st.text(alphabet="ab[]", max_size=6))
def test_globs_match_as_shells_do(glob: str, name: str) -> None:
    without_brackets = glob.replace("[", "[[]")
    assert matches(name, {"glob": glob}) == fnmatch.fnmatchcase(name, without_brackets)


def resolved(context: Context, project: str, *items: JSON, **more: Any) -> list[list[str]]:
    answer = object_lookup.resolve_data_objects(
        context, "system", {"objects": list(items), "project": project, **more}
    )
    return [[row["id"] for row in rows] for rows in answer["results"]]


def test_names_are_resolved_side_by_side(context: Context, project: str, garden: dict[str, str]) -> None:
    items = ({"name": "apple"}, {"name": "banana"}, {"name": "banana", "folder": "/f/g"})
    assert resolved(context, project, *items) == [[garden["apple"]], [], [garden["banana"]]]
    assert resolved(context, project, {"name": "carrot"}, folder="/f") == [[garden["carrot"]]]


def test_a_name_may_resolve_to_several_objects(context: Context, project: str) -> None:
    made = [records.new(context, "record", {"project": project, "name": "n"})["id"] for _ in range(2)]
    assert resolved(context, project, {"name": "n"}) == [made[::-1]]


@pytest.mark.parametrize(
    "wrong", [{}, {"objects": "x"}, {"objects": [{}]}, {"objects": [{"name": "x"}] * 1001}]
)
def test_names_that_cannot_be_resolved_are_invalid(context: Context, project: str, wrong: JSON) -> None:
    with pytest.raises(InvalidInput):
        object_lookup.resolve_data_objects(context, "system", {"project": project, **wrong})


def test_many_objects_are_described_with_errors_in_their_places(
    context: Context, project: str, garden: dict[str, str]
) -> None:
    apple, nothing = garden["apple"], f"record-{'0' * 24}"
    fields = {"fields": {"name": True}}
    request = {"objects": [{"id": apple, "describe": fields}, nothing, {"id": apple, "project": project}, 7]}
    first, second, third, last = object_lookup.describe_data_objects(context, "system", request)["results"]
    assert first == {"describe": {"id": apple, "name": "apple"}}
    assert second["error"]["type"] == "ResourceNotFound"
    assert third["describe"]["state"] == "open"
    assert last["error"]["type"] == "InvalidInput"


def test_options_for_a_class_describe_all_of_it(context: Context, garden: dict[str, str]) -> None:
    request = {"objects": [garden["apple"]], "classDescribeOptions": {"record": {"fields": {"name": True}}}}
    (result,) = object_lookup.describe_data_objects(context, "system", request)["results"]
    assert result["describe"] == {"id": garden["apple"], "name": "apple"}


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        ({}, "beta alpha"),
        ({"name": "alpha"}, "alpha"),
        ({"name": {"glob": "*a"}}, "beta alpha"),
        ({"tags": "t"}, "alpha"),
        ({"properties": {"k": "v"}}, "alpha"),
        ({"region": "aws:us-east-1"}, "alpha"),
        ({"region": ["aws:us-east-1", "azure:westus"]}, "beta alpha"),
        ({"billTo": "user-local"}, "beta alpha"),
        ({"billTo": "org-x"}, ""),
        ({"public": True}, ""),
        ({"level": "CONTRIBUTE", "explicitPermission": True}, "beta alpha"),
        ({"limit": 1}, "beta"),
        ({"limit": 1, "starting": 1}, "alpha"),
    ],
)
def test_projects_are_found_by(context: Context, clock: Clock, request_: JSON, names: str) -> None:
    projects.new(context, "project", {"name": "alpha", "tags": ["t"], "properties": {"k": "v"}})
    clock.advance(1)
    projects.new(context, "project", {"name": "beta", "region": "azure:westus"})
    answer = find_projects.find_projects(context, "system", {**request_, "describe": True})
    assert [row["describe"]["name"] for row in answer["results"]] == names.split()


def test_a_job_finds_projects_at_its_level(job_context: Context, project: str) -> None:
    everywhere = find_projects.find_projects(job_context, "system", {})["results"]
    assert [(row["id"], row["level"]) for row in everywhere] == [(project, "VIEW")]
    assert find_projects.find_projects(job_context, "system", {"level": "UPLOAD"})["results"] == []


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A platform for many searches, with one record in it."""
    platform = Platform.open(tmp_path_factory.mktemp("platform"))
    context = Context(platform, Caller(DEFAULT_USER))
    project = projects.new(context, "project", {"name": "P"})["id"]
    records.new(context, "record", {"project": project, "name": "r"})
    yield context
    platform.store.close()


@given(
    st.dictionaries(
        st.sampled_from(
            ["name", "tags", "type", "properties", "scope", "created", "limit", "starting", "id"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["$and", "$or", "glob", "regexp", "after", "project"]), inner
                )
            ),
            max_leaves=5,
        ),
    )
)
def test_no_request_breaks_a_search(lasting: Context, request_: JSON) -> None:
    with suppress(InvalidInput, ResourceNotFound):
        assert data_objects.find_data_objects(lasting, "system", request_)["next"] is None
