"""docs/reference/api.md is true: of every method it says whether it is there, and which test calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.route_record import PAGE, SHOWN_BY, exists, merged, read_shown_by

from dx_local.api import coverage
from dx_local.api.methods import DXPY, DXPY_VERSION, LEFT_OUT, NOT_SERVED, PARTLY
from dx_local.api.routes import ROUTES

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.environments.python_environments import WorkerEnvironment

RECORD = "run: pytest TESTS --record-routes, with the tests that call it"

# Calls every function of dxpy.api with something that says what it would have sent.
ASK_DXPY = """
import inspect, json, re, dxpy, dxpy.api
def snake(name):
    return re.sub("(?<=[a-z])([A-Z]+)", lambda found: "_" + found[1].lower(), name)
dxpy.api.DXHTTPRequest = lambda path, *_, **__: path.rpartition("/")[2]
found = []
for name, function in inspect.getmembers(dxpy.api, inspect.isfunction):
    if function.__module__ != "dxpy.api" or name.startswith("_"):
        continue
    wanted = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    method = function(*("x" for each in wanted if each.kind is each.POSITIONAL_OR_KEYWORD))
    found.append((name[: -len(snake(method)) - 1].replace("_", ""), method))
print(json.dumps([dxpy.TOOLKIT_VERSION, found]))
"""


def test_every_route_has_a_test_that_exists() -> None:
    shown_by = read_shown_by()
    assert set(map(coverage.name_of, coverage.served())) == shown_by.keys(), RECORD
    assert [test for test in set(shown_by.values()) if not exists(test)] == [], RECORD


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == coverage.as_markdown(read_shown_by()), (
        "run: python -m dx_local.api.coverage tests/api/shown_by.json > docs/reference/api.md"
    )


def test_the_client_has_the_methods_that_we_think_it_has(worker_environment: WorkerEnvironment) -> None:
    command = [str(worker_environment.python), "-c", ASK_DXPY]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    version, found = json.loads(answer)
    assert version == DXPY_VERSION
    assert {(class_name, method) for class_name, method in found} == DXPY
    assert len(found) == len(DXPY)


def test_methods_that_are_not_served_have_no_route() -> None:
    assert NOT_SERVED & (ROUTES.keys() | DXPY) == set()


def test_what_is_missing_is_said_of_methods_that_are_there() -> None:
    assert PARTLY.keys() - ROUTES.keys() == set()


def test_reasons_are_given_for_classes_of_which_methods_are_missing() -> None:
    assert LEFT_OUT.keys() <= {class_name for class_name, _ in DXPY - coverage.served()}


def test_without_a_test_there_is_no_page(tmp_path: Path) -> None:
    shown_by = dict(read_shown_by())
    del shown_by["file/upload"]
    (tmp_path / "shown_by.json").write_text(json.dumps(shown_by))
    command = [sys.executable, "-m", "dx_local.api.coverage", str(tmp_path / "shown_by.json")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no test shows file/upload" in done.stderr


def test_the_command_prints_the_page_and_the_numbers() -> None:
    command = [sys.executable, "-m", "dx_local.api.coverage", str(SHOWN_BY)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == PAGE.read_text(encoding="utf-8")
    assert done.stderr == coverage.numbers() + "\n"


A, B = "tests/api/test_api_table.py::test_every_route_has_a_test_that_exists", "tests/a.py::test_that_is_gone"


@pytest.mark.parametrize(
    ("before", "recorded", "after"),
    [
        ({"file/new": A}, {}, A),
        ({"file/new": A}, {A: {"file/new"}, B: {"file/new"}}, A),
        ({"file/new": A}, {A: {"file/close"}, B: {"file/new"}}, B),
        ({"file/new": B}, {A: {"file/new"}}, A),
        ({}, {B: {"file/new", "file/close"}, A: {"file/new"}}, A),
        ({}, {f"{A}[case]": {"file/new"}, B: {"file/new", "file/close"}}, B),
    ],
)
def test_recording_keeps_what_still_holds(
    before: dict[str, str], recorded: dict[str, set[str]], after: str
) -> None:
    assert merged(before, recorded)["file/new"] == after
