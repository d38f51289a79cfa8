"""Failures of builds that their user can understand, and their way into a job's error."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

NO_SANDBOX = (
    "An asset is built from the changes to a sandbox, which jobs do not have here: leave out --isolation none"
    " and DX_LOCAL_ISOLATION, or let `dx-local doctor` name what prevents sandboxes."
)


class BuildError(Exception):
    """A build cannot succeed: the reason with the way out, and the last lines of a program that failed."""

    def __init__(self, reason: str, last_lines: Sequence[str] = ()) -> None:
        quoted = "".join(f"\n  {line}" for line in last_lines)
        super().__init__(f"{reason} Its last lines:{quoted}" if quoted else reason)
        self.reason = reason


def run_build(build: Callable[..., dict[str, Any]], job_input: dict[str, Any]) -> dict[str, Any]:
    """Return the output of a build; a BuildError ends the job with an AppError, without a traceback.

    Source for job_error.json: `save_error` in dxpy.utils.exec_utils.
    """
    try:
        return build(**job_input)
    except BuildError as error:
        _fail(error)


def _fail(error: BuildError) -> NoReturn:
    content = {"error": {"type": "AppError", "message": str(error)}}
    Path("~/job_error.json").expanduser().write_text(json.dumps(content) + "\n", encoding="utf-8")
    print(error.reason, file=sys.stderr)  # the lines are in the log already
    sys.exit(1)
