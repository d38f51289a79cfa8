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
        "set -ea",
        "set -o allexport",
        'export -f "$x"',
        'bash "$0" process',
        'cat "${BASH_SOURCE[0]}"',
        "gath*",
        "gath{er,}",
    ],
)
def test_computed_names_make_the_whole_file_count(computed: str) -> None:
    code = APP.replace('sort "$@"', computed)
    assert {part.name for part in closure_of(code, "bash", "postprocess")} == {WHOLE_FILE}
    assert WHOLE_FILE not in {part.name for part in closure_of(code, "bash", "main")}


@pytest.mark.parametrize(
    "literal", ["awk '{ print $0 }'", 'awk "{ print \\$0 }"', "set -euo pipefail", "[ -f x ]"]
)
def test_names_in_the_source_do_not(literal: str) -> None:
    code = APP.replace('sort "$@"', literal)
    assert WHOLE_FILE not in {part.name for part in closure_of(code, "bash", "postprocess")}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("main() {\ncat <<X\n#1\nX\n}\n", "main() {\ncat <<X\n#2\nX\n}\n", id="a here-document"),
        pytest.param("x='\n# 1\n'\nmain() { a; }\n", "x='\n# 2\n'\nmain() { a; }\n", id="a string"),
        pytest.param(
            "cat <<X\na\nX\nmain() { a; }\n", "cat <<X\na\n\nX\nmain() { a; }\n", id="an empty line"
        ),
        pytest.param("cat <<X\na\nX\nmain() { a; }\n", "cat <<X\na \nX\nmain() { a; }\n", id="a space"),
        pytest.param("main() {\na \\\nb\n}\n", "main() {\na \\ \nb\n}\n", id="a space after a backslash"),
        pytest.param(
            "main() {\na \\\nb\n}\n", "main() {\na \\\n# x\nb\n}\n", id="a comment that ends a line"
        ),
        pytest.param("#!/bin/bash\nmain() { a; }\n", "#!/bin/sh\nmain() { a; }\n", id="the first line"),
        pytest.param(
            "command_not_found_handle() { a; }\nmain() { a; }\n",
            "command_not_found_handle() { b; }\nmain() { a; }\n",
            id="the function that bash calls itself",
        ),
        pytest.param(
            "lib/f() { a; }\nmain() { lib/f; }\n", "lib/f() { b; }\nmain() { lib/f; }\n", id="a slash"
        ),
    ],
)
def test_a_change_of_the_code_is_noticed(before: str, after: str) -> None:
    assert closure_of(before, "bash", "main") != closure_of(after, "bash", "main")


@pytest.mark.parametrize(
    "after", ["main() {\n  # why\n  a\n\n  b  \n}\n", "\n# why\nmain() {\n  a\n  b\n}\n"]
)
def test_comments_and_layout_do_not_count(after: str) -> None:
    assert closure_of("main() {\n  a\n  b\n}\n", "bash", "main") == closure_of(after, "bash", "main")


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
