"""The gaps between objects are filled: objects that are made later go side by side."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dx_local.worker

RUNTIME = Path(dx_local.worker.__file__).parents[2]
SIZES = (16, 48, 112, 512)
# Removes a few of many objects of each size, and prints in how many pages eight others are then: one by one
# in the gaps, or side by side.
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from dx_local.worker.process.forks.object_pools import fill_gaps

def made(size, count):
    return [object() if size == 16 else bytes(size - sys.getsizeof(b"")) for _ in range(count)]

def pages(size):
    return len({id(each) // 4096 for each in made(size, 8)})

sizes = json.loads(sys.argv[2])
old = {size: made(size, 2_000_000 // size) for size in sizes}
for objects in old.values():
    del objects[::200]
before = {size: pages(size) for size in sizes}
fill_gaps()
print(json.dumps([before, {size: pages(size) for size in sizes}]))
"""


@pytest.fixture(scope="module")
def pages() -> list[dict[str, int]]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, RUNTIME, json.dumps(SIZES)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[dict[str, int]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("size", SIZES)
def test_objects_go_side_by_side_after_the_gaps_are_filled(pages: list[dict[str, int]], size: int) -> None:
    before, after = (found[str(size)] for found in pages)
    assert before >= 5
    assert after <= 3
