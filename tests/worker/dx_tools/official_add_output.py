"""Run dxpy's dx-jobutil-add-output again and again in one process, started by the worker's Python.

Each line of the input is a JSON object with a call's arguments and the home folder; each line of the output
has the exit code and the text on both streams. The first argument is the program.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main() -> None:
    """Answer calls until the input ends."""
    program = sys.argv[1]
    code = compile(Path(program).read_bytes(), program, "exec", dont_inherit=True)
    for line in sys.stdin:
        call = json.loads(line)
        sys.argv = [program, *call["arguments"]]
        os.environ["HOME"] = call["home"]
        print(json.dumps(run(code)), flush=True)


def run(code: Any) -> dict[str, Any]:
    """Run the program as `__main__`; return how it ended."""
    out, err = io.StringIO(), io.StringIO()
    status: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exec(code, {"__name__": "__main__"})
        except SystemExit as error:
            status = error.code or 0
        except BaseException:  # noqa: BLE001  (its traceback is part of the answer)
            traceback.print_exc()
            status = 1
    return {"code": status, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    main()
