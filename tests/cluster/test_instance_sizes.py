"""Jobs that take the cores of their instance types have nodes of their own for each size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.testing import JobFailedError, run_app

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SHARES = """
import os, dxpy

def cores_of_share():
    pid = os.getpid()
    while pid > 1:
        with open("/proc/%d/cmdline" % pid) as file:
            words = file.read().split("\\0")
        if any(word.endswith("process_worker_pool.py") for word in words):
            return float(words[words.index("-c") + 1])
        with open("/proc/%d/stat" % pid) as file:
            pid = int(file.read().rpartition(")")[2].split()[1])

@dxpy.entry_point("main")
def main():
    jobs = [dxpy.new_dxjob({}, "process") for _ in range(2)]
    return {"own": cores_of_share(), "others": [job.get_output_ref("own") for job in jobs]}

@dxpy.entry_point("process")
def process():
    return {"own": cores_of_share()}

dxpy.run()
"""


def test_jobs_of_two_sizes_run_on_nodes_of_their_own(make_app: MakeApp, tmp_path: Path) -> None:
    config = tmp_path / "cluster.toml"
    config.write_text('[executor]\non = "local"\nnodes = 2\ncores_per_node = 2\n')
    types = {"main": {"instanceType": "mem1_hdd2_x1"}, "process": {"instanceType": "mem1_ssd1_v2_x2"}}
    app = make_app(
        SHARES, outputs={"own": "float", "others": "array:float"}, runSpec={"systemRequirements": types}
    )
    run = run_app(app, executor_config=str(config), sizes="instance", isolation="none")
    assert run.output == {"own": 1.0, "others": [2.0, 2.0]}


def test_a_size_that_no_node_has_is_refused(make_app: MakeApp) -> None:
    types = {"main": {"instanceType": "mem1_ssd1_v2_x72"}}
    app = make_app("main() { :; }", interpreter="bash", runSpec={"systemRequirements": types})
    with pytest.raises(JobFailedError, match=r"needs 72 cores and .* but the largest node has \d+ cores"):
        run_app(app, on="local", nodes=2, sizes="instance", isolation="none")
