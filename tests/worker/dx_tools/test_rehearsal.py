"""The tool server rehearses the programs without leaving a trace in what its forks do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import dx_local.worker

if TYPE_CHECKING:
    from dx_local.engine.environments.python_environments import WorkerEnvironment

HELPERS = (
    "dx-jobutil-add-output",
    "dx-jobutil-new-job",
    "dx-upload-all-outputs",
    "dx-download-all-inputs",
)
REHEARSE = """
import json, os, re, socket, sys
sys.path.insert(0, sys.argv[1])
programs, sys.argv = sys.argv[2:], ["dx"]
import dxpy
import urllib3.util.connection
from dx_local.worker.dx_tools import rehearsal
from dxpy.scripts import dx

def state():
    modules = dxpy, dxpy.utils.config, dxpy.utils.printing, urllib3.util.connection, dx, sys
    found = {
        f"{module.__name__}.{name}": id(value) for module in modules for name, value in vars(module).items()
    }
    files = len(os.listdir("/proc/self/fd"))
    return {**found, "environ": dict(os.environ), "argv": list(sys.argv), "files": files}

before, patterns = state(), len(re._cache)
rehearsal.rehearse_dx()
patterns = len(re._cache) - patterns
for program in programs:
    code = compile(open(program, "rb").read(), program, "exec")
    rehearsal.rehearse_helper(program, code)
after = state()
changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
print(json.dumps({"changed": changed, "patterns": patterns, "called": getattr(json, "called", [])}))
"""


PROGRAM = """
import json, sys
json.called = getattr(json, "called", []) + [sys.argv]
print("help")
sys.exit(0)
"""


@pytest.fixture(scope="module")
def rehearsed(
    worker_environment: WorkerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Return the changes that rehearsals made in a process, its compiled patterns, and the calls."""
    runtime = Path(dx_local.worker.__file__).parents[2]
    own = [tmp_path_factory.mktemp("programs") / name for name in ("dx-jobutil-new-job", "dx-other")]
    for program in own:
        program.write_text(PROGRAM)
    programs = [*(worker_environment.bin / name for name in HELPERS), *own]
    done = subprocess.run(
        [worker_environment.python, "-c", REHEARSE, runtime, *programs],
        env={"HOME": "/nonexistent", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_rehearsal_changes_nothing_that_a_call_could_notice(rehearsed: dict[str, Any]) -> None:
    assert rehearsed["changed"] == []


def test_a_rehearsal_of_dx_compiles_regular_expressions(rehearsed: dict[str, Any]) -> None:
    assert rehearsed["patterns"] > 0


def test_only_helpers_that_print_their_help_first_are_rehearsed(rehearsed: dict[str, Any]) -> None:
    ((program, *arguments),) = rehearsed["called"]
    assert (Path(program).name, arguments) == ("dx-jobutil-new-job", ["--help"])
