"""Control code uses nothing that Python does not have on macOS, as mypy finds out from typeshed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

# The first time, mypy reads everything, which takes minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.platforms, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]

# These run on Linux only: is_supported() and set_up() return False elsewhere.
ONLY_ON_LINUX = (
    "runtime/dx_local/worker/sandbox/",
    "runtime/dx_local/worker/containers/",
    "runtime/dx_local/worker/dx_tools/",
    "runtime/dx_local/worker/process/linux.py",
    "wizard/dx_app_wizard/importing/landlock.py",
)
# These are looked up at run time.
GUARDED = {
    ("runtime/dx_local/platform/core/local_bytes.py", "copy_file_range"),
    ("runtime/dx_local/engine/executors/zygote.py", "pidfd_open"),
}
ERROR = re.compile(r'^([^:]+):\d+: error: Module has no attribute "(\w+)"', re.MULTILINE)


def test_every_attribute_exists_on_macos() -> None:
    # Not in the cache of `make check`, of which another system would invalidate all.
    options = ["--platform", "darwin", "--no-warn-unreachable", "--cache-dir=.mypy_cache/darwin"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "wizard", "runtime"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    found = set(ERROR.findall(done.stdout))
    assert found >= GUARDED  # mypy has looked
    assert {(file, name) for file, name in found - GUARDED if not file.startswith(ONLY_ON_LINUX)} == set()
