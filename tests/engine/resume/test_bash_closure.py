"""The code on which an entry point of a bash app depends."""

from __future__ import annotations

import pytest

from dx_local.engine.resume.code.closure import closure_of
from dx_local.engine.resume.code.parts import WHOLE_FILE

APP = """#!/usr/bin/env bash
set -euo pipefail

limit=4

count() {
  awk 'END { print NR }' "$1"
}

gather() { sort "$@"; }

cleanup() { rm -f tmp; }

helper() {
  export -f count
  ls | xargs -I{} bash -c 'count {}'
}

main() {
  echo "process"
  job=$(dx-jobutil-new-job process -i x=1)
  dx-jobutil-add-output out "$(count input)"
}

process() {
  trap cleanup EXIT
  helper
}

postprocess() {
  gather a b > out
}
"""
ALL = {"main", "process", "postprocess"}


def affected(before: str, after: str) -> set[str]:
    assert before in APP
    changed = APP.replace(before, after)
    return {name for name in ALL if closure_of(APP, "bash", name) != closure_of(changed, "bash", name)}


@pytest.mark.parametrize(
    ("before", "after", "entry_points"),
    [
        pytest.param('sort "$@"', 'sort -u "$@"', {"postprocess"}, id="a function on one line"),
        pytest.param(
            "END { print NR }", "END { print 1 }", {"main", "process"}, id="in a substitution, xargs"
        ),
        pytest.param("rm -f tmp", "rm -rf tmp", {"process"}, id="in a trap"),
        pytest.param("limit=4", "limit=5", ALL, id="outside of functions"),
        pytest.param("\nlimit=4", "\n# why\nlimit=4", set(), id="a comment outside of functions"),
        pytest.param("ls |", "ls -a |", {"process"}, id="through another function"),
        pytest.param('echo "process"', 'echo "Process"', {"main"}, id="the entry point itself"),
    ],
)
def test_only_jobs_that_reach_a_change_run_again(before: str, after: str, entry_points: set[str]) -> None:
    assert affected(before, after) == entry_points


@pytest.mark.parametrize(
    "computed",
    [
        'eval "$x"',
        '"$program" a',
        "source other.sh",
        ". lib/x.sh",
        'trap "$handler" EXIT',
        "declare -f",
        'bash "$x"',
    ],
)
def test_computed_names_make_the_whole_file_count(computed: str) -> None:
    code = APP.replace('sort "$@"', computed)
    assert {part.name for part in closure_of(code, "bash", "postprocess")} == {WHOLE_FILE}
    assert WHOLE_FILE not in {part.name for part in closure_of(code, "bash", "main")}


def test_an_exported_function_counts() -> None:
    code = APP.replace('sort "$@"', "export -f count; run-all")
    assert "count" in {part.name for part in closure_of(code, "bash", "postprocess")}


def test_the_environment_file_defines_no_functions() -> None:
    code = APP.replace('sort "$@"', "source ~/environment")
    assert WHOLE_FILE not in {part.name for part in closure_of(code, "bash", "postprocess")}


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("main() {", id="not bash"),
        pytest.param("main() { a; }; b() { c; }\n", id="two functions on a line"),
        pytest.param("main() { a; }\nmain() { b; }\n", id="a function defined twice"),
        pytest.param("run() { a; }\n", id="no such function"),
        pytest.param("main() { a; } && main\n", id="code after a function"),
    ],
)
def test_what_cannot_be_divided_is_one_part(code: str) -> None:
    assert {part.name for part in closure_of(code, "bash", "main")} == {WHOLE_FILE}


def test_a_function_in_another_one_is_part_of_it() -> None:
    code = "main() {\n  inner() { echo 1; }\n  inner\n}\nother() { inner; }\n"
    assert {part.name for part in closure_of(code, "bash", "other")} == {"other", "main", "top-level code"}
