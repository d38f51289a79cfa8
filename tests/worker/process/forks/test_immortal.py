"""Immortal objects: in versions of Python with the known layout, harmless in forks; none in others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dx_local.worker
from dx_local.engine.environments.python_versions import find_python
from dx_local.engine.environments.tool_client import native_client

if TYPE_CHECKING:
    from collections.abc import Callable

RUNTIME = Path(dx_local.worker.__file__).parents[2]

# Defines `counts(object)`, whether references to an object are counted.
BEGINNING = """
import collections, ctypes, gc, json, os, re, sys, threading, weakref
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from dx_local.worker.process.forks import immortal
from dx_local.worker.process.native import load_library

def counts(thing):
    count = ctypes.c_ssize_t.from_address(id(thing))
    before, references = count.value, [thing] * 3
    return count.value == before + 3

class Node:
    def __init__(self, name):
        self.name = name
        self.self = self

old = Node("old-" + str(os.getpid()))
library = load_library(Path(sys.argv[2]))
assert library is not None
immortal.freeze(library)
"""
IS_COUNTED = "print(counts(old), counts(old.name), counts(json.dumps), counts(Node), counts(Node('new')))"
# A fork that uses, changes and removes old and new objects, with threads and collections of garbage.
IN_A_FORK = """
pid = os.fork()
if pid == 0:
    dead = []
    new = Node("new")
    weakref.finalize(new, dead.append, "new")
    weakref.finalize(old, dead.append, "old")
    old.self = None
    del old, new
    gc.enable()
    threads = [threading.Thread(target=re.compile, args=(str(n),)) for n in range(9)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    Node.__init__ = lambda self, name: None
    sys.modules.pop("json")
    import json
    json.loads(json.dumps([Node(1).__dict__, collections.Counter("aab")]))
    try:
        json.loads("{")
    except ValueError as error:
        text = str(error)
    text += ""
    for name in list(globals()):
        if name not in ("os", "sys", "gc", "dead"):
            del globals()[name]
    gc.collect()
    sys.stdout.write(str(sorted(dead)))
    sys.stdout.flush()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
new = Node("new")
gone = weakref.ref(new)
del new
gc.collect()
print(gone())
"""


def run_frozen(interpreter: Path, code: str, library: Path) -> str:
    """Return what the code prints."""
    command = [str(interpreter), "-I", "-c", code, str(RUNTIME), str(library)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled library."""
    client = native_client(tmp_path_factory.mktemp("cache"))
    if client is None:
        pytest.skip("there is no compiler here")
    return client.with_suffix(".so")


@pytest.fixture(params=["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"])
def python(request: pytest.FixtureRequest, library: Path) -> tuple[str, Callable[[str], str]]:
    """A version of Python, and a function that runs code in it after its objects were frozen."""
    interpreter = find_python(request.param)
    if interpreter is None:
        pytest.skip(f"Python {request.param} is not installed")

    def run(code: str) -> str:
        return run_frozen(interpreter, BEGINNING + code, library)

    return request.param, run


def test_references_are_counted_in_other_versions(
    python: tuple[str, Callable[[str], str]],
) -> None:
    version, run = python
    expected = "False False False False True" if version in ("3.12", "3.13") else "True " * 5
    assert run(IS_COUNTED).strip() == expected.strip()


def test_forks_use_old_objects_and_remove_new_ones(python: tuple[str, Callable[[str], str]]) -> None:
    version, run = python
    dead = "['new']" if version in ("3.12", "3.13") else "['new', 'old']"
    assert run(IN_A_FORK).splitlines() == [f"{dead}None"]


@pytest.mark.parametrize("change", ["abiflags='t'", "abiflags='d'", "version_info=(3, 14)"])
def test_another_kind_of_python_is_left_alone(library: Path, change: str) -> None:
    name, _, value = change.partition("=")
    code = BEGINNING.replace("immortal.freeze", f"sys.{name} = {value}\nimmortal.freeze") + IS_COUNTED
    assert run_frozen(Path(sys.executable), code, library).split() == ["True"] * 5
