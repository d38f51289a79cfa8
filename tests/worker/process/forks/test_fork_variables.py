"""Forks have exactly their own environment variables, whatever was set before the fork."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dx_local.worker

RUNTIME = Path(dx_local.worker.__file__).parents[2]
OWN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
JOBS = [
    {"PATH": "/usr/bin:/bin", "HOME": "/home/one", "SECRET": "first"},
    {"PATH": "/usr/bin:/bin", "HOME": "/home/one", "SECRET": "second", "MORE": "ä\n"},
    {"PATH": "/bin", "HOME": "/home/one", "SECRET": "third", "MORE": "ä\n"},
    {"SECRET": "fourth"},
    {"PATH": "/bin", "SECRET": "fifth", "EMPTY": ""},
]
# Prints the variables of `env` in the fork for each job, and those of this process after each fork.
PROGRAM = """
import json, os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from dx_local.worker.process.forks.fork_variables import ForkVariables

def listed():
    done = subprocess.run(["/usr/bin/env", "-0"], capture_output=True, check=True)
    return dict(text.split("=", 1) for text in done.stdout.decode().split("\\0")[:-1])

found = []
variables = ForkVariables()
for job in json.loads(sys.argv[2]):
    variables.expect(job)
    reading, writing = os.pipe()
    if os.fork() == 0:
        variables.become(job)
        os.write(writing, json.dumps([listed(), dict(os.environ)]).encode())
        os._exit(0)
    os.wait()
    found.append([*json.loads(os.read(reading, 1 << 16)), dict(os.environ)])
variables.restore()
print(json.dumps([found, dict(os.environ)]))
"""


@pytest.fixture(scope="module")
def found() -> tuple[list[list[dict[str, str]]], dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "-c", PROGRAM, RUNTIME, json.dumps(JOBS)],
        env=OWN,
        capture_output=True,
        text=True,
        check=True,
    )
    forks, restored = json.loads(done.stdout)
    return forks, restored


@pytest.mark.parametrize("position", range(len(JOBS)))
def test_a_fork_has_its_own_variables(
    found: tuple[list[list[dict[str, str]]], dict[str, str]], position: int
) -> None:
    of_programs, of_python, _ = found[0][position]
    assert of_programs == of_python == JOBS[position]


def test_the_parent_has_only_variables_that_two_forks_share(
    found: tuple[list[list[dict[str, str]]], dict[str, str]],
) -> None:
    parents = [parent for _, _, parent in found[0]]
    assert [parent.get("SECRET") for parent in parents] == [None] * len(JOBS)
    assert parents[0] == OWN
    assert parents[1] == {"PATH": "/usr/bin:/bin", "HOME": "/home/one"}
    assert parents[2] == {"HOME": "/home/one", "MORE": "ä\n"}


def test_its_own_variables_come_back(found: tuple[list[list[dict[str, str]]], dict[str, str]]) -> None:
    assert found[1] == OWN
