"""A node shares nothing with the submitting machine but `run_dir`: neither home nor temporary folder."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cluster.cluster_server import ClusterServer
from tests.cluster.conftest import skip_without_slurm
from tests.cluster.slurm import slurm

from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

COUNTS = """
import dxpy, os, subprocess

@dxpy.entry_point("main")
def main(reads):
    dxpy.download_dxfile(reads["$dnanexus_link"], "reads")
    with open("count", "w") as file:
        file.write(subprocess.check_output(["wc", "-c", "reads"], text=True).split()[0])
    return {"count": dxpy.dxlink(dxpy.upload_local_file("count")), "sees": os.path.exists(HIDDEN)}

dxpy.run()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder with a short path: Slurm makes the temporary folder on nodes too, for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="home-"))
    yield folder
    remove_tree(folder)


def test_jobs_run_where_nothing_but_run_dir_is_shared(home: Path, tmp_path: Path, make_app: MakeApp) -> None:
    skip_without_slurm()
    shared = tmp_path / "shared"
    shared.mkdir()
    (home / "reads").write_text("ACGT\n" * 1000)
    code = f"HIDDEN = {str(home / 'reads')!r}\n{COUNTS}"
    app = make_app(code, inputs={"reads": "file"}, outputs={"count": "file", "sees": "boolean"})
    config = home / "cluster.toml"
    config.write_text(f'[executor]\nrun_dir = "{shared}"\n[executor.provider]\nexclusive = true\n')
    options = ("--on", "slurm", "--executor-config", str(config))
    with slurm(nodes=1, hidden=home) as cluster, ClusterServer.on_slurm(home, cluster, options) as server:
        reads = server.dx("upload", home / "reads", "--brief", "--wait")
        applet = json.loads(server.dx("build", app))["id"]
        job = server.run(applet, input={"reads": {"$dnanexus_link": reads}})
        ended = server.await_end(job)
        assert ended["state"] == "done", ended.get("failureMessage")
        assert ended["output"]["sees"] is False
        assert server.dx("cat", ended["output"]["count"]["$dnanexus_link"]) == "5000"
