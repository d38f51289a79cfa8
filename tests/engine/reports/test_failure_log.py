"""Lines of a log that explain a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.engine.reports.failure_log import excerpt, missing_programs

if TYPE_CHECKING:
    from pathlib import Path


def test_a_traceback_is_reduced_to_the_apps_own_frames(tmp_path: Path) -> None:
    lines = [
        "Invoking main with {'n': 1}",
        "before",
        "",
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/src/app.py", line 16, in <module>',
        "    dxpy.run()",
        '  File "/usr/lib/python3/dist-packages/dxpy/utils/exec_utils.py", line 131, in run',
        "    result = ENTRY_POINT_TABLE[job['function']](**job['input'])",
        "             ^^^^^^^^^^^^^^^^^^",
        f'  File "{tmp_path}/src/app.py", line 7, in main',
        "    count()",
        '  File "/usr/lib/python3/json/decoder.py", line 3, in decode',
        "    raise",
        "ValueError: first",
        "  second line of the message",
    ]
    assert excerpt(lines, tmp_path) == [
        "before",
        '  File "src/app.py", line 7, in main',
        "ValueError: first",
        "  second line of the message",
    ]


def test_a_traceback_without_own_frames_keeps_those_of_libraries(tmp_path: Path) -> None:
    frame = '  File "/usr/lib/python3/json/decoder.py", line 3, in decode'
    lines = ["Traceback (most recent call last):", frame, "    raise", "ValueError: x"]
    assert excerpt(lines, tmp_path) == [frame, "ValueError: x"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{app}/src/app.sh: line 3: bwa: command not found", "src/app.sh:3: bwa: command not found"),
        ("/usr/bin/tool: line 3: bwa: command not found", "/usr/bin/tool:3: bwa: command not found"),
        ("/bin/sh: 1: bwa: not found", "bwa: command not found"),
        ("bash: line 1: bwa: command not found", "bash:1: bwa: command not found"),
    ],
)
def test_programs_that_a_shell_did_not_find_are_named_once(tmp_path: Path, line: str, expected: str) -> None:
    text = line.format(app=tmp_path)
    assert missing_programs([text, "going on", text], tmp_path) == (expected,)


@pytest.mark.parametrize("line", ["file x: not found", "command not found", "x: not found", ""])
def test_other_lines_name_no_program(tmp_path: Path, line: str) -> None:
    assert missing_programs([line], tmp_path) == ()
