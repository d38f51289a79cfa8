"""Apps for Python 2: run if Python 3 accepts their code, rejected with the line otherwise."""

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

OLD = {"interpreter": "python2.7", "runSpec": {"release": "14.04"}}


def test_code_that_python_3_reads_runs(dx_run: RunApp, make_app: MakeApp) -> None:
    code = "import dxpy\n\n@dxpy.entry_point('main')\ndef main():\n    print('in it')\n"
    run = dx_run(make_app(code, **OLD))
    assert (run.state, "in it" in run.log) == ("done", True)


def test_other_code_ends_at_once_with_its_place(dx_run: RunApp, make_app: MakeApp) -> None:
    app = make_app("import dxpy\n\nprint 'x'\n", **OLD)
    with pytest.raises(JobFailedError) as caught:
        dx_run(app)
    said = str(caught.value)
    assert "AppInternalError" in said
    assert "  src/app.py:3: Missing parentheses" in said
    assert "      print 'x'\nWrite print(…)" in said
    assert "hint:" not in said  # the message contains it
    assert caught.value.run.log == ""
