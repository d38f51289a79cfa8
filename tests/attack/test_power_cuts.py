"""Cut the power of a run at any moment: its database opens, and a resumed run puts out the same.

A cut is a copy of the run's folder, taken while the run stands still, that lacks what had not been synced:
the end of the database's log, and bytes of files that the ledger does not have. Slow: `pytest -s` prints what
was lost.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.history.kept_jobs import kept_jobs
from dx_local.engine.history.kept_runs import UnreadableRunError, kept_runs
from dx_local.engine.ledger.ledger import FILE_NAME, read_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

BIN = Path(sys.executable).parent
CUTS = 10
JOBS = 60
APP = f"""
import time
import dxpy

@dxpy.entry_point('main')
def main():
    jobs = [dxpy.new_dxjob({{'n': n}}, 'work') for n in range({JOBS})]
    return {{'all': dxpy.new_dxjob({{'parts': [job.get_output_ref('part') for job in jobs]}}, 'gather')
            .get_output_ref('all')}}

@dxpy.entry_point('work')
def work(n):
    time.sleep(0.1)
    part = dxpy.upload_string(f'part {{n}} ' * 500, name=f'part-{{n}}', wait_on_close=True)
    return {{'part': dxpy.dxlink(part)}}

@dxpy.entry_point('gather')
def gather(parts):
    return {{'all': ''.join(dxpy.open_dxfile(part).read() for part in parts)}}

dxpy.run()
"""

# The layout of SQLite's files, from https://www.sqlite.org/walformat.html and fileformat.html.
WAL_HEADER, FRAME, BACKFILL_ATTEMPTED = 32, 24 + 4096, 128

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def cut(folder: Path, copy: Path, chance: random.Random) -> None:
    """Copy the folder of a run that stands still, without what a power cut could take."""
    shutil.copytree(folder, copy, symlinks=True, ignore=shutil.ignore_patterns("dx-local.reserve"))
    shared = copy / "platform.sqlite-shm"
    if shared.exists():
        synced = struct.unpack_from("=I", shared.read_bytes(), BACKFILL_ATTEMPTED)[0]
        log = copy / "platform.sqlite-wal"
        floor = WAL_HEADER + synced * FRAME if synced else 0
        os.truncate(log, chance.randint(min(floor, log.stat().st_size), log.stat().st_size))
        shared.unlink()
    ledger = copy / FILE_NAME
    known = read_ledger(copy).contents
    for path in (copy / "files").iterdir():
        if path.name.partition(".")[0] in known or path.is_symlink():
            continue
        if path.is_dir() or chance.random() < 0.5:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        else:
            os.truncate(path, chance.randint(0, path.stat().st_size))
    first, *lines = ledger.read_text().splitlines(keepends=True)
    described = json.loads(first)
    described["run"]["boot"] = "before the power cut"
    ledger.write_text(json.dumps(described) + "\n" + "".join(lines))
    os.truncate(ledger, max(len(json.dumps(described)) + 1, ledger.stat().st_size - chance.randint(0, 40)))


def on_the_disk(app: Path) -> set[str]:
    """Return the paths of the done jobs of a cut run whose output the ledger has."""
    (run,) = kept_runs(app)
    known = set(read_ledger(run.folder).contents)
    with suppress(UnreadableRunError), run.opened() as platform:
        made = {
            row["job"]: row["id"]
            for row in platform.store.all(
                dict, "SELECT id, json_extract(created_by, '$.job') AS job FROM object WHERE class = 'file'"
            )
        }
        return {job.path for job in kept_jobs(platform) if job.state == "done" and made.get(job.id) in known}
    return set()


def resumed(app: Path) -> dict[str, Any]:
    done = subprocess.run(
        [BIN / "dx-local", "run", app, "--resume", "-q", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_run_is_resumed_after_a_power_cut(make_app: Callable[..., Path], tmp_path: Path) -> None:
    chance = random.Random(1)
    app = make_app(APP, outputs={"all": "string"}, name="cut")
    started = subprocess.Popen([BIN / "dx-local", "run", app, "-q"], stdout=subprocess.PIPE, text=True)
    cuts: list[tuple[Path, float]] = []
    while started.poll() is None and len(cuts) < CUTS:
        time.sleep(chance.uniform(0.2, 0.6))
        runs = kept_runs(app)
        if not runs or not (runs[0].folder / FILE_NAME).exists():
            continue
        os.kill(started.pid, signal.SIGSTOP)
        with suppress(ProcessLookupError):
            copy = tmp_path / f"cut-{len(cuts)}"
            shutil.copytree(app, copy, ignore=shutil.ignore_patterns("test-job-workspaces"))
            cut(runs[0].folder, copy / "test-job-workspaces" / runs[0].name, chance)
            cuts.append((copy, time.time()))
            os.kill(started.pid, signal.SIGCONT)
    output, _ = started.communicate()
    expected = output.removeprefix("all\t").removesuffix("\n")
    with kept_runs(app)[0].opened() as platform:
        stopped = {
            job.path: platform.store.value("SELECT stopped FROM job WHERE id = ?", job.id) / 1000
            for job in kept_jobs(platform)
        }
    assert cuts
    for copy, moment in cuts:
        safe = on_the_disk(copy)
        result = resumed(copy)
        assert result["error"] is None
        assert result["output"]["all"] == expected
        with kept_runs(copy)[-1].opened() as platform:
            ran = [job.path for job in kept_jobs(platform) if job.state == "done"]
            reused = set(platform.store.column("SELECT id FROM job WHERE reused_from IS NOT NULL"))
            again = [job.path for job in kept_jobs(platform) if job.id not in reused]
        assert not safe & set(again)
        lost = [moment - stopped[path] for path in again if stopped[path] < moment]
        print(
            f"cut: {len(reused)} of {len(ran)} jobs taken over, {len(lost)} finished ones lost,"
            f" the oldest {max(lost, default=0):.2f} s old"
        )
