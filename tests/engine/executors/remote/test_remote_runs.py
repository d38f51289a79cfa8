"""Whole runs on a node: same outputs as locally, plain data to the node, losses, waiting jobs, refusals."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.engine.executors.remote.engines import (
    LosingEngine,
    ProcessEngine,
    WatchedEngine,
    executor_of,
    own_address,
)
from tests.worker.containers.image_files import BUSYBOX, busybox_layer, docker_archive

from dx_local.engine.cluster.node_sizes import NodeSize
from dx_local.engine.executors import registry
from dx_local.engine.executors.remote.engine import EngineUnusableError
from dx_local.engine.executors.remote.node.node_name import NODE_VARIABLE
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.scheduling import stalls
from dx_local.engine.session import Observer
from dx_local.engine.settings import JobSettings
from dx_local.errors import UsageError
from dx_local.testing import JobFailedError, run_app

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from tests.conftest import MakeApp

USES_EVERYTHING = """
import os, subprocess, dxpy

@dxpy.entry_point("leaf")
def leaf(reads):
    dxpy.download_dxfile(reads["$dnanexus_link"], "reads")
    subprocess.check_call("dx upload reads --path copy --brief > id", shell=True)
    print("leaf has read the file")
    return {"size": os.path.getsize("reads"), "copy": dxpy.dxlink(open("id").read().strip())}

@dxpy.entry_point("mid")
def mid(reads):
    job = dxpy.new_dxjob({"reads": reads}, "leaf")
    subprocess.check_call(["dx", "wait", job.get_id()])
    return job.describe()["output"]

@dxpy.entry_point("main")
def main(reads):
    job = dxpy.new_dxjob({"reads": reads}, "mid")
    job.wait_on_done()
    found = job.describe()["output"]
    breakpoint()
    tool = subprocess.check_output(["/shared/tool"]).decode().strip()
    return {"copy": found["copy"], "size": found["size"], "tool": tool, "long": "x" * 3_000_000}

dxpy.run()
"""
OUTPUTS = {"copy": "file", "size": "int", "tool": "string", "long": "string"}


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> type[WatchedEngine]:
    """Make the executor `watched`, and return the class of its engines."""
    kind = type("Watched", (WatchedEngine,), {"assignments": [], "results": []})
    monkeypatch.setitem(registry.EXECUTORS, "watched", executor_of(kind))
    monkeypatch.setenv(NODE_VARIABLE, "n1")
    return kind


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.parametrize("network", [[], ["*"]])
def test_a_node_gives_the_outputs_of_this_machine_and_gets_plain_data(
    make_app: MakeApp, tmp_path: Path, watched: type[WatchedEngine], network: list[str]
) -> None:
    """The node reaches this machine by an address of its own, so that connections are encrypted."""
    app = make_app(USES_EVERYTHING, inputs={"reads": "file"}, outputs=OUTPUTS, access={"network": network})
    tool = app / "resources" / "shared" / "tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/bash\necho the tool runs\n")
    tool.chmod(0o755)
    reads = tmp_path / "reads.txt"
    reads.write_text("ACGT\n" * 20_000)
    own = own_address()
    run = run_app(app, {"reads": reads}, executor="watched", max_parallel=1, listen=own)
    assert run.output["copy"].read_text() == reads.read_text()
    assert (run.output["size"], run.output["tool"]) == (100_000, "the tool runs")
    assert len(run.output["long"]) == 3_000_000
    (source,) = (app / "src").iterdir()
    line = source.read_text().splitlines().index("    breakpoint()") + 1
    assert f"breakpoint() at src/{source.name}:{line} passed over: no terminal" in run.log
    assert run.log.count("leaf has read the file\n") == 1
    assert len(watched.assignments) == 3
    assert not [text for text in watched.assignments if str(tmp_path) in text]
    assert all(json.loads(text)["control"].startswith(f"https://{own}:") for text in watched.assignments)
    assert max(map(len, watched.results)) < 1_000_000
    report = json.loads((run.folder / "report.json").read_text())
    assert report["jobs"]["node"] == ["n1"] * 3


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.skipif(not BUSYBOX.exists(), reason="the image is made from /bin/busybox")
def test_a_job_on_a_node_loads_and_runs_an_image(make_app: MakeApp) -> None:
    code = """main() {
    docker load -i /busy.tar
    dx-jobutil-add-output said "$(docker run --rm busy:1 echo hello)" --class=string
}
"""
    app = make_app(code, outputs={"said": "string"}, interpreter="bash")
    (app / "resources").mkdir()
    (app / "resources" / "busy.tar").write_bytes(docker_archive([busybox_layer()], "busy:1"))
    assert run_app(app, executor="thread").output == {"said": "hello"}


@pytest.mark.slow
def test_a_node_that_reaches_no_package_index_gets_wheels(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    kind: Any = type("Apart", (ProcessEngine,), {"assignments": [], "results": [], "cache": cache})
    monkeypatch.setitem(registry.EXECUTORS, "apart", executor_of(kind))
    app = make_app(
        "import dxpy\n@dxpy.entry_point('main')\ndef main():\n"
        "    import six, pip\n    return {'six': six.__version__, 'pip': six.__file__}\ndxpy.run()\n",
        outputs={"six": "string", "pip": "string"},
        runSpec={"execDepends": [{"name": "six", "package_manager": "pip", "version": "1.16.0"}]},
        access={"network": ["*"]},
    )
    output = run_app(app, executor="apart").output
    assert output["six"] == "1.16.0"
    assert output["pip"].startswith(str(cache))
    assert list(cache.glob("dx-local/wheels/*/six-1.16.0-*.whl"))


LOSES_A_PIECE = """
import os, time, dxpy

def own_try():
    return dxpy.describe(dxpy.JOB_ID, fields={"try": True})["try"]

@dxpy.entry_point("process")
def process(i, above):
    print("piece", i, flush=True)
    if i == 1 and above + own_try() == 0:
        time.sleep(1000)
    return {"i": i}

@dxpy.entry_point("main")
def main():
    jobs = [dxpy.new_dxjob({"i": i, "above": own_try()}, "process") for i in range(3)]
    return {"found": [job.get_output_ref("i") for job in jobs]}

dxpy.run()
"""


class LosesPieceOnce(LosingEngine):
    """Loses the node of the first job with the input 1."""

    def is_lost(self, assignment: Mapping[str, Any]) -> bool:
        given = json.loads(assignment["home"]["job_input.json"])
        return bool(given == {"i": 1, "above": 0} and assignment["try_number"] == 0)


class Recorder(Observer):
    """Keeps the messages for the user."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def announce(self, message: str) -> None:
        self.messages.append(message)


@pytest.mark.parametrize(("restartable", "submitted"), [("all", {5}), ("master", {7, 8})])
def test_a_lost_job_is_restarted_and_its_late_result_is_dropped(
    make_app: MakeApp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    restartable: str,
    submitted: set[int],
) -> None:
    kind: Any = type("Losing", (LosesPieceOnce,), {"assignments": [], "results": []})
    monkeypatch.setitem(registry.EXECUTORS, "losing", executor_of(kind))
    app = make_app(
        LOSES_A_PIECE,
        outputs={"found": "array:int"},
        runSpec={
            "restartableEntryPoints": restartable,
            "executionPolicy": {"restartOn": {"UnresponsiveWorker": 1}},
        },
    )
    settings = JobSettings(executor="losing", max_parallel=2)
    observer = Recorder()
    run = asyncio.run(run_once(RunRequest(app=app, settings=settings, folder=tmp_path / "run"), observer))
    assert run.output == {"found": [0, 1, 2]}
    assert len(kind.assignments) in submitted
    # Killed, or rejected by the API, which takes the token of a lost try for unknown.
    lost = [json.loads(result)["exit_code"] for result in kind.results if '"exit_code": 0' not in result]
    assert 0 < len(lost) <= 4
    advice = [message for message in observer.messages if "restartableEntryPoints" in message]
    assert len(advice) == (restartable == "master")


def test_jobs_that_wait_for_each_other_on_all_workers_end_with_a_sentence(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, watched: type[WatchedEngine]
) -> None:
    monkeypatch.setattr(stalls, "PATIENCE_SECONDS", 0.5)
    app = make_app(
        "import dxpy\n@dxpy.entry_point('main')\ndef main(depth):\n    if depth:\n"
        "        dxpy.new_dxjob({'depth': depth - 1}, 'main').wait_on_done()\ndxpy.run()\n",
        inputs={"depth": "int"},
    )
    assert run_app(app, {"depth": 3}, executor="watched", max_parallel=1).state == "done"
    with pytest.raises(JobFailedError, match="All 4 places for jobs on the nodes are taken"):
        run_app(app, {"depth": 4}, executor="watched", max_parallel=1)
    assert len(watched.assignments) == 4 + 5


@pytest.mark.parametrize("moment", ["start", "submit", "result"])
def test_an_engine_that_is_unusable_ends_the_run_with_its_words(
    make_app: MakeApp, watched: type[WatchedEngine], moment: str
) -> None:
    tries = []

    def fail(*_: object) -> None:
        tries.append(moment)
        raise EngineUnusableError("the interchange has ended", "Look at its log.")

    def fail_later(_engine: object, _assignment: object, done: Future[dict[str, Any]]) -> None:
        tries.append(moment)
        done.set_exception(EngineUnusableError("the interchange has ended", "Look at its log."))

    broken = {"start": ("start", fail), "submit": ("submit", fail), "result": ("submitted", fail_later)}
    setattr(watched, *broken[moment])
    with pytest.raises(JobFailedError, match=r"the interchange has ended\n *Look at its log\."):
        run_app(make_app("main() { sleep 1000; }", interpreter="bash"), executor="watched")
    assert tries == [moment]


def test_a_job_that_is_larger_than_all_nodes_is_not_submitted(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, watched: type[WatchedEngine]
) -> None:
    monkeypatch.setattr(watched, "node_size", lambda _: NodeSize(2, 1 << 30))
    app = make_app("main() { :; }", interpreter="bash")
    with pytest.raises(
        UsageError, match=r"needs \d+ cores and .* but the largest node has 2 cores and 1.0 GiB"
    ):
        run_app(app, executor="watched", sizes="instance")
    assert watched.assignments == []


def test_a_subjob_that_is_larger_than_all_nodes_is_not_tried_twice(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, watched: type[WatchedEngine]
) -> None:
    monkeypatch.setattr(watched, "node_size", lambda _: NodeSize(2, 4 << 30))
    app = make_app(
        "main() {\n  dx-jobutil-new-job part --instance-type mem1_ssd1_v2_x8\n}\npart() { :; }\n",
        interpreter="bash",
        runSpec={"systemRequirements": {"main": {"instanceType": "mem1_ssd1_v2_x2"}}},
    )
    with pytest.raises(JobFailedError, match="entry point 'part' needs 8 cores"):
        run_app(app, executor="watched", sizes="instance")
    assert len(watched.assignments) == 1
