"""Tests that searches use an index, so that their cost does not grow with the size of the project."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.platform.core.context import DEFAULT_USER, Caller, Context, Platform
from dx_local.platform.core.store import Row
from dx_local.platform.data import contents, object_lookup, projects, records
from dx_local.platform.find import candidates, data_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
JSON = dict[str, Any]


@pytest.fixture
def plans(context: Context, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that receives SQLite's query plan of each query of copies that returns rows."""
    details: list[str] = []
    rows, column = context.store.all, context.store.column

    def explain(sql: str, *values: Any) -> None:
        steps = [row["detail"] for row in rows(Row, f"EXPLAIN QUERY PLAN {sql}", *values)]
        details.extend(step for step in steps if "placement" in step or "TEMP B-TREE" in step)

    def explained_rows(row_type: type[Any], sql: str, *values: Any) -> list[Any]:
        explain(sql, *values)
        return rows(row_type, sql, *values)

    def explained_column(sql: str, *values: Any) -> list[Any]:
        explain(sql, *values)
        return column(sql, *values)

    monkeypatch.setattr(context.store, "all", explained_rows)
    monkeypatch.setattr(context.store, "column", explained_column)
    return details


@pytest.mark.parametrize(
    ("request_", "index"),
    [
        ({}, "INDEX placement_by_time (project=?)"),
        ({"class": "file"}, "INDEX placement_by_class (project=? AND class=?)"),
        ({"name": {"regexp": "a"}}, "INDEX placement_by_time (project=?)"),
        ({"properties": {"$or": [{"k": "v"}]}}, "INDEX placement_by_time (project=?)"),
    ],
)
def test_searches_with_many_results_read_in_the_order_of_results(
    context: Context, project: str, plans: list[str], request_: JSON, index: str
) -> None:
    data_objects.find_data_objects(context, "system", {"scope": {"project": project}, **request_})
    assert plans == [f"SEARCH placement USING {index}"]


@pytest.mark.parametrize(
    ("request_", "index"),
    [
        ({"name": "a"}, "INDEX placement_by_name (project=? AND name=?)"),
        ({"name": {"glob": "a*"}}, "INDEX placement_by_name (project=? AND name>? AND name<?)"),
        ({"name": {"glob": "*.bam"}}, "INDEX placement_by_ending (project=? AND <expr>>? AND <expr><?)"),
        ({"id": ["file-1", "file-2"]}, "PRIMARY KEY (project=? AND object=?)"),
        ({"link": "file-1"}, "PRIMARY KEY (project=? AND object=?)"),
        ({"tags": {"$and": ["a", "b"]}}, "PRIMARY KEY (project=? AND object=?)"),
        ({"properties": {"k": "v"}}, "PRIMARY KEY (project=? AND object=?)"),
        ({"properties": {"k": True}}, "PRIMARY KEY (project=? AND object=?)"),
    ],
)
def test_searches_with_few_candidates_read_only_those(
    context: Context, project: str, plans: list[str], request_: JSON, index: str
) -> None:
    data_objects.find_data_objects(context, "system", {"scope": {"project": project}, **request_})
    assert plans == [f"SEARCH placement USING {index}", "USE TEMP B-TREE FOR ORDER BY"]


@pytest.mark.parametrize(
    ("scope", "columns"),
    [({"recurse": False}, "project=? AND folder=?"), ({}, "project=? AND folder>? AND folder<?")],
)
def test_a_folder_is_read_alone(
    context: Context, project: str, plans: list[str], scope: JSON, columns: str
) -> None:
    data_objects.find_data_objects(
        context, "system", {"scope": {"project": project, "folder": "/f", **scope}}
    )
    assert plans[0] == f"SEARCH placement USING INDEX placement_by_folder ({columns})"


def test_of_several_ranges_the_smallest_is_read(
    context: Context, project: str, plans: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "MAX_CANDIDATES", 3)
    for name in ("a.txt", "b.txt", "c.txt", "c.bam"):
        records.new(context, "record", {"project": project, "name": name})
    for glob in ("*.txt", "c*", "c*.bam"):
        data_objects.find_data_objects(
            context, "system", {"scope": {"project": project}, "name": {"glob": glob}}
        )
    assert [plan.split()[4] for plan in plans if "SEARCH" in plan] == [
        "placement_by_time",
        "placement_by_name",
        "placement_by_ending",
    ]


@pytest.mark.usefixtures("project")
def test_names_and_lists_are_found_by_folder(context: Context, project: str, plans: list[str]) -> None:
    item = {"project": project, "name": "a", "folder": "/"}
    object_lookup.resolve_data_objects(context, "system", {"objects": [item]})
    contents.list_folder(context, project, {"folder": "/", "describe": True})
    assert [plan for plan in plans if "SEARCH" in plan] == [
        "SEARCH placement USING INDEX placement_by_folder (project=? AND folder=? AND name=?)",
        "SEARCH placement USING INDEX placement_by_folder (project=? AND folder=?)",
    ]


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """A strategy for searches among 108 records that differ in name, folder, tags and properties."""
    platform = Platform.open(tmp_path_factory.mktemp("platform"))
    user = Context(platform, Caller(DEFAULT_USER))
    project = projects.new(user, "project", {"name": "P"})["id"]
    names = ["a", "ab", "b.a", r"a*b", r"\a", "a[b]", "ba", "á", "A"]
    labels: list[JSON] = [{}, {"tags": ["x"], "properties": {"k": "1"}}, {"tags": ["x", "y"]}]
    for name, path, more in itertools.product(names, ("/", "/f", "/f/g", "/f!"), labels):
        request = {"project": project, "name": name, "folder": path, "parents": True, **more}
        records.new(user, "record", request)
    yield user
    platform.store.close()


def grammar(terms: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Combine terms by `$and` and `$or`."""
    return st.recursive(
        terms,
        lambda inner: st.builds(
            lambda operator, operands: {operator: operands},
            st.sampled_from(["$and", "$or"]),
            st.lists(inner, max_size=3),
        ),
        max_leaves=4,
    )


GLOBS = st.text(r"ab*?[]\.á", max_size=5)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "ab", "a*b"]) | GLOBS.map(lambda glob: {"glob": glob}),
        "tags": grammar(st.sampled_from(["x", "y", "z"])),
        "properties": grammar(st.sampled_from([{"k": "1"}, {"k": True}, {"k": "2"}, {}])),
        "class": st.sampled_from(["record", "file"]),
    },
)
FOLDERS = st.fixed_dictionaries(
    {"folder": st.sampled_from(["/", "/f", "/f/g", "/g"])}, optional={"recurse": st.booleans()}
)


@given(REQUESTS, FOLDERS, st.integers(1, 1000))
def test_the_chosen_index_does_not_change_the_results(
    varied: Context, request_: JSON, scope: JSON, limit: int
) -> None:
    (project,) = varied.store.column("SELECT id FROM project")
    asked = {**request_, "scope": {"project": project, **scope}, "limit": limit}
    by_range = data_objects.find_data_objects(varied, "system", asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "MAX_CANDIDATES", 0)
        assert data_objects.find_data_objects(varied, "system", asked) == by_range
