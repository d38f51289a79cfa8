"""Nodes that cannot run jobs end the run with a message of ours: no shared folder, another Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cluster.cluster_server import ClusterServer, wait_for
from tests.cluster.conftest import skip_without_slurm
from tests.cluster.slurm import slurm

if TYPE_CHECKING:
    from tests.cluster.conftest import ServeOnSlurm
    from tests.cluster.slurm import Slurm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CODE = "main() { true; }"
_OLDEST_MINOR = 10
_PACKAGES = ("dx_app_wizard", "dx_local")
"""Minor version of the oldest Python that runs dx-local."""


def failure_of(server: ClusterServer) -> str:
    """Run a job that no node can run, and return its failure message."""
    ended = server.await_end(server.run(server.new_applet("trivial", CODE)))
    assert ended["state"] == "failed"
    return str(ended["failureMessage"])


def test_a_node_without_the_shared_folder(tmp_path: Path) -> None:
    skip_without_slurm()
    shared = tmp_path / "shared"
    shared.mkdir()
    config = tmp_path / "cluster.toml"
    config.write_text(f'[executor]\nrun_dir = "{shared}"\n[executor.provider]\nexclusive = true\n')
    options = ("--on", "slurm", "--executor-config", str(config))
    with (
        slurm(nodes=1, hidden=shared) as cluster,
        ClusterServer.on_slurm(tmp_path, cluster, options) as server,
    ):
        message = failure_of(server)
        assert "A batch job ended before a worker came up on its node." in message
        assert f"Nodes must see the folder '{shared}/dx-local-" in message
        assert "set `run_dir` in [executor]" in message


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("/nowhere/python3", "No such file or directory"),
        ("{folder}/bin/python", "No module named"),
        ("{folder}/bin/with-other-parsl", "has Parsl 2020.1.1, but dx-local runs with Parsl"),
        ("{folder}/bin/other-minor-version", "has Python 3.{minor}, but dx-local runs with Python 3."),
    ],
)
def test_a_node_with_another_python(
    serve_on_slurm: ServeOnSlurm,
    tmp_path: Path,
    python: str,
    message: str,
) -> None:
    folder = tmp_path / "other"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", folder], check=True)
    _write_python_with_other_parsl(folder)
    minor = _write_other_python(folder) if "{minor}" in message else None
    config = tmp_path / "cluster.toml"
    config.write_text(f'[executor]\npython = "{python.format(folder=folder)}"\n')
    with serve_on_slurm("--executor-config", str(config)) as server:
        failed = failure_of(server)
        assert "before a worker came up on its node. It printed:" in failed
        assert message.format(minor=minor) in failed


def _write_other_python(folder: Path) -> int:
    """Write a program that runs another Python, one of jobs, with our packages; return its minor version."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for python in sorted(cache.glob("dx-local/environments/python3.*/bin/python"), reverse=True):
        version = re.match(r"python3\.(\d+)", python.parents[1].name)
        if version and int(version[1]) >= _OLDEST_MINOR and int(version[1]) != sys.version_info.minor:
            program = folder / "bin" / "other-minor-version"
            packages = ":".join(
                path
                for path in sys.path
                if "site-packages" in path or any(Path(path, name).exists() for name in _PACKAGES)
            )
            program.write_text(f'#!/bin/sh\nPYTHONPATH={packages} exec {python} "$@"\n')
            program.chmod(0o755)
            return int(version[1])
    pytest.skip("There is no worker environment of another Python.")


def _write_python_with_other_parsl(folder: Path) -> None:
    """Write a program that runs our Python with the metadata of another Parsl before that of its own."""
    metadata = folder / "metadata" / "parsl-2020.1.1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: parsl\nVersion: 2020.1.1\n")
    program = folder / "bin" / "with-other-parsl"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={metadata.parent} exec {sys.executable} "$@"\n')
    program.chmod(0o755)


def test_the_reason_of_slurm_is_printed(cluster: Slurm, serve_on_slurm: ServeOnSlurm, tmp_path: Path) -> None:
    config = tmp_path / "cluster.toml"
    config.write_text("[executor]\ncores_per_node = 2\n")
    script = tmp_path / "taken.sh"
    script.write_text("#!/bin/sh\nsleep 600\n")
    cluster.run("sbatch", "--nodes=2", "--exclusive", "--output=/dev/null", str(script))
    with serve_on_slurm("--executor-config", str(config)) as server:
        job = server.run(server.new_applet("trivial", CODE))
        wait_for(lambda: "waiting for nodes: PENDING, Resources" in server.errors, "the reason", server)
        assert server.describe(job)["state"] == "running"


def test_a_scheduler_that_refuses_the_request(serve_on_slurm: ServeOnSlurm, tmp_path: Path) -> None:
    config = tmp_path / "cluster.toml"
    config.write_text('[executor]\n[executor.provider]\npartition = "nowhere"\n')
    with serve_on_slurm("--executor-config", str(config)) as server:
        message = failure_of(server)
        assert "A node could not be requested" in message
        assert "invalid partition" in message.lower()
