"""Failures because of a value: the report names the job that returned it, and its source line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.testing import JobFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.testing import Run

    RunApp = Callable[..., Run]
    MakeApp = Callable[..., Path]

IN_PYTHON = """\
import dxpy

@dxpy.entry_point('part')
def part():
    {part}

@dxpy.entry_point('relay')
def relay():
    return {{'n': dxpy.new_dxjob({{}}, 'part').get_output_ref('n')}}

@dxpy.entry_point('gather')
def gather(numbers):
    return {{'n': numbers[0]}}

@dxpy.entry_point('main')
def main():
    {main}

dxpy.run()
"""
FIRST = "return {'n': dxpy.new_dxjob({}, 'part').get_output_ref('n')}"
RELAYED = "return {'n': dxpy.new_dxjob({}, 'relay').get_output_ref('n')}"
GATHERED = (
    "numbers = [dxpy.new_dxjob({}, 'part').get_output_ref('n')]; "
    "return {'n': dxpy.new_dxjob({'numbers': numbers}, 'gather').get_output_ref('n')}"
)
FILE_ID = f"file-{'B' * 24}"
NO_FILE = f"return {{'n': dxpy.dxlink('{FILE_ID}')}}"


def failure_of(dx_run: RunApp, app: Path) -> tuple[str, str, str]:
    """Return the first line of a failure, and its source line and code."""
    with pytest.raises(JobFailedError) as caught:
        dx_run(app)
    first, place, code, *_ = str(caught.value).splitlines()
    return first, place.rpartition("/")[2], code.strip()


@pytest.mark.parametrize(
    ("part", "main", "message"),
    [
        (
            "return {'n': 'three'}",
            RELAYED,
            "main → relay → part: expected int, got string \"three\" (main declares 'n' as int)",
        ),
        ("return {'m': 3}", FIRST, "main → part: the job returned no such output, only 'm'"),
        ("return {'n': None}", FIRST, "main → part: the job returned null"),
        (
            "return {'n': [1]}",
            FIRST.replace("('n')", "('n', index=3)"),
            "main → part: index 3 is outside the array of 1",
        ),
    ],
)
def test_a_wrong_output_is_blamed_on_the_job_that_returned_it(
    dx_run: RunApp, make_app: MakeApp, part: str, main: str, message: str
) -> None:
    app = make_app(IN_PYTHON.format(part=part, main=main), outputs={"n": "int"})
    first = f"main failed: OutputError: output 'n' of {message}"
    assert failure_of(dx_run, app) == (first, "app.py:5", part)


def test_a_job_that_gets_no_input_blames_the_job_that_returned_none(
    dx_run: RunApp, make_app: MakeApp
) -> None:
    app = make_app(IN_PYTHON.format(part="return {'m': 3}", main=GATHERED), outputs={"n": "int"})
    blamed = "output 'n' of main → part: the job returned no such output, only 'm'"
    first = f"main → gather failed: InputError: {blamed}"
    assert failure_of(dx_run, app) == (first, "app.py:5", "return {'m': 3}")


def test_a_file_that_does_not_exist_is_blamed_on_the_job_that_returned_its_id(
    dx_run: RunApp, make_app: MakeApp
) -> None:
    app = make_app(IN_PYTHON.format(part=NO_FILE, main=FIRST), outputs={"n": "file"})
    first = f"main → part failed: OutputError: output 'n': {FILE_ID} does not exist"
    assert failure_of(dx_run, app) == (first, "app.py:5", NO_FILE)


def test_an_input_that_an_entry_point_does_not_have_is_blamed_on_the_line_that_passes_it(
    dx_run: RunApp, make_app: MakeApp
) -> None:
    main = "return {'n': dxpy.new_dxjob({'m': 1}, 'part').get_output_ref('n')}"
    app = make_app(IN_PYTHON.format(part="return {'n': 1}", main=main), outputs={"n": "int"})
    unexpected = "TypeError: part() got an unexpected keyword argument 'm'"
    assert failure_of(dx_run, app) == (
        f"main → part failed: AppInternalError: {unexpected}",
        "app.py:17",
        main,
    )


IN_BASH = """\
main() {
  job=$(dx-jobutil-new-job part)
  dx-jobutil-add-output n "$job:n" --class=jobref
}
part() {
  echo in part
  dx-jobutil-add-output n three --class=string
}
"""


def test_bash_names_the_line_that_adds_the_output(dx_run: RunApp, make_app: MakeApp) -> None:
    app = make_app(IN_BASH, outputs={"n": "int"}, interpreter="bash")
    blamed = "output 'n' of main → part: expected int, got string \"three\" (main declares 'n' as int)"
    code = "dx-jobutil-add-output n three --class=string"
    assert failure_of(dx_run, app) == (f"main failed: OutputError: {blamed}", "app.sh:7", code)
