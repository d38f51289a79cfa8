"""The page docs/reference/api.md: it is up to date, and lists the status and a test of every method."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.route_record import METHOD_TESTS, PAGE, exists, merged, read_method_tests

from dx_local.api import coverage
from dx_local.api.methods import DXPY, DXPY_VERSION, LIMITATIONS, NOT_SERVED, UNSERVED_CLASSES
from dx_local.api.routes import ROUTES

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.environments.python_environments import WorkerEnvironment

RECORD = "run: pytest TESTS --record-routes, with the tests that call it"

# Calls every function of dxpy.api, with DXHTTPRequest replaced by a function that returns the method.
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
    tests = read_method_tests()
    assert set(map(coverage.name_of, coverage.served())) == tests.keys(), RECORD
    assert [test for test in set(tests.values()) if not exists(test)] == [], RECORD


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == coverage.as_markdown(read_method_tests()), (
        "run: python -m dx_local.api.coverage tests/api/method_tests.json > docs/reference/api.md"
    )


def test_the_table_contains_exactly_the_methods_of_the_client(worker_environment: WorkerEnvironment) -> None:
    command = [str(worker_environment.python), "-c", ASK_DXPY]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    version, found = json.loads(answer)
    assert version == DXPY_VERSION
    assert {(class_name, method) for class_name, method in found} == DXPY
    assert len(found) == len(DXPY)


def test_methods_that_are_not_served_have_no_route() -> None:
    assert NOT_SERVED & (ROUTES.keys() | DXPY) == set()


def test_only_methods_with_a_route_have_limitations() -> None:
    assert LIMITATIONS.keys() - ROUTES.keys() == set()


def test_only_classes_with_missing_methods_have_a_reason() -> None:
    assert UNSERVED_CLASSES.keys() <= {class_name for class_name, _ in DXPY - coverage.served()}


def test_a_page_requires_a_test_of_each_method(tmp_path: Path) -> None:
    tests = dict(read_method_tests())
    del tests["file/upload"]
    (tmp_path / "method_tests.json").write_text(json.dumps(tests))
    command = [sys.executable, "-m", "dx_local.api.coverage", str(tmp_path / "method_tests.json")]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no test calls file/upload" in done.stderr


def test_the_command_prints_the_page_and_the_numbers() -> None:
    command = [sys.executable, "-m", "dx_local.api.coverage", str(METHOD_TESTS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout == PAGE.read_text(encoding="utf-8")
    assert done.stderr == coverage.numbers() + "\n"


A, B = "tests/api/test_coverage.py::test_every_route_has_a_test_that_exists", "tests/a.py::test_that_is_gone"


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
def test_recording_keeps_tests_that_still_call_their_route(
    before: dict[str, str], recorded: dict[str, set[str]], after: str
) -> None:
    assert merged(before, recorded)["file/new"] == after
