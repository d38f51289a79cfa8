"""Secrets on a node that no job in a sandbox can read: Parsl's keys, tokens, the processes of the node."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_local.testing import run_app
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LOOKS_AROUND = """
import glob, os, dxpy

def readable(path):
    try:
        with open(path, "rb") as file:
            return file.read(1 << 16)
    except OSError:
        return b""

@dxpy.entry_point("main")
def main(shared):
    mine = str(os.getpid())
    others = [pid for pid in os.listdir("/proc") if pid.isdigit() and pid != mine]
    environments = [readable("/proc/%s/environ" % pid) for pid in others]
    commands = [readable("/proc/%s/cmdline" % pid) for pid in others]
    files = [os.path.join(parent, name) for parent, _, names in os.walk(shared) for name in names]
    return {
        "files": files,
        "own": sorted(os.environ),
        "variables": sorted({
            entry.partition(b"=")[0].decode() for text in environments for entry in text.split(b"\\0")
        }),
        "commands": [text.replace(b"\\0", b" ").decode() for text in commands],
        "open": [os.readlink("/proc/self/fd/%s" % name) for name in os.listdir("/proc/self/fd")
                 if os.path.exists("/proc/self/fd/%s" % name)],
        "temporary": [path for places in ("/tmp/*/*/*", "/var/tmp/*", "/dev/shm/*")
                      for path in glob.glob(places)],
    }

dxpy.run()
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a folder for Parsl that jobs would see if it were not hidden: neither in a home nor in /tmp."""
    if not os.access("/opt", os.W_OK):
        pytest.skip("only root can make a folder outside homes and /tmp")
    folder = Path(tempfile.mkdtemp(dir="/opt"))
    yield folder
    remove_tree(folder, ignore_errors=True)


@pytest.mark.usefixtures("sandboxed")
def test_a_job_in_a_sandbox_finds_no_secret_of_its_node(
    make_app: MakeApp, tmp_path: Path, shared: Path
) -> None:
    config = tmp_path / "cluster.toml"
    config.write_text(f'[executor]\non = "local"\nnodes = 1\nrun_dir = "{shared}"\n')
    (shared / "visible").write_text("")
    names = ("files", "own", "variables", "commands", "open", "temporary")
    app = make_app(
        LOOKS_AROUND,
        inputs={"shared": "string"},
        outputs=dict.fromkeys(names, "array:string"),
        access={"network": ["*"]},
    )
    found = run_app(app, {"shared": str(shared)}, executor_config=str(config)).output
    assert found["files"] == [str(shared / "visible")]
    of_schedulers = ("PARSL", "SLURM", "BUSY_")
    variables = (*found["own"], *found["variables"])
    assert not [name for name in variables if name.startswith(of_schedulers)]
    assert not [text for text in found["commands"] if "parsl" in text]
    assert not [path for path in found["open"] if str(shared) in path]
    assert sum(path.startswith("socket:") for path in found["open"]) == 2, "those for messages of its log"
    (own_folder,) = found["temporary"]
    assert "/jobs/main-job-" in own_folder
