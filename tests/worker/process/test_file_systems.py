from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests import missing_calls

from dx_local.worker.process import file_systems

ROOT = Path(__file__).parents[3]


def test_the_type_is_that_of_the_kernel(tmp_path: Path) -> None:
    found = subprocess.run(["stat", "-f", "-c", "%T", tmp_path], capture_output=True, text=True, check=True)
    names = {"overlayfs": "overlay", "ext2/ext3": "ext4"}
    kind = found.stdout.strip()
    assert file_systems.type_of(tmp_path) == names.get(kind, kind)
    assert file_systems.type_of("/proc") == "proc"


def test_the_type_of_what_is_missing_is_unknown(tmp_path: Path) -> None:
    assert file_systems.type_of(tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("kind", "is_shared"),
    [
        ("nfs4", True), ("lustre", True), ("gpfs", True), ("cifs", True), ("9p", True), ("fuse.sshfs", True),
        ("ext4", False), ("overlay", False), ("fuseblk", False), ("fuse.bindfs", False), (None, False),
    ],
)  # fmt: skip
def test_other_hosts_share_some_types(kind: str | None, is_shared: bool) -> None:
    assert file_systems.is_network(kind) is is_shared


@pytest.mark.skipif(not missing_calls.is_possible(), reason="this system has no seccomp")
@pytest.mark.parametrize("error", ["ENOSYS", "ENOLCK", "EOPNOTSUPP"])
def test_refused_locks_are_noticed(tmp_path: Path, error: str) -> None:
    assert file_systems.has_record_locks(tmp_path)
    module = "dx_local.worker.process.file_systems"
    code = f"import sys, {module}; print({module}.has_record_locks(sys.argv[1]))"
    simulated = [sys.executable, "-m", "tests.missing_calls", f"record-locks={error}"]
    done = subprocess.run(
        [*simulated, sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
    assert list(tmp_path.iterdir()) == []
