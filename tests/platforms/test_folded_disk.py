"""Runs on a disk that ignores upper and lower case and cannot reserve space."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.platforms.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.platforms]

CODE = """
main() {
    mkdir one two
    echo a > one/Reads.fq.gz
    echo b > two/reads.fq.gz
    a=$(dx upload --brief one/Reads.fq.gz)
    b=$(dx upload --brief two/reads.fq.gz)
    dx-jobutil-add-output both "$a" --class=array:file
    dx-jobutil-add-output both "$b" --class=array:file
    dx-jobutil-add-output calls "$a" --class=file
    dx-jobutil-add-output Calls "$b" --class=file
}
"""
OUTPUTS = {"both": "array:file", "calls": "file", "Calls": "file"}
DISTINCT = {
    "both/0/Reads.fq.gz": "a\n",
    "both/1/reads.fq.gz": "b\n",
    "calls/Reads.fq.gz": "a\n",
    "calls/reads~2.fq.gz": "b\n",
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    try:
        import mfusepy  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: F401
    except (ImportError, OSError) as error:
        pytest.skip(f"takes mfusepy from PyPI, and libfuse: {error}")
    folder, mounted = tmp_path / "folder", tmp_path / "mounted"
    folder.mkdir()
    mounted.mkdir()
    program = Path(__file__).with_name("folded_disk.py")
    server = subprocess.Popen([sys.executable, program, folder, mounted], stderr=subprocess.PIPE, text=True)
    while not os.path.ismount(mounted):
        if server.poll() is not None:
            assert server.stderr
            pytest.skip(f"a disk cannot be mounted here: {server.stderr.read()}")
        time.sleep(0.02)
    yield mounted
    server.terminate()
    server.communicate()


def content(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_outputs_whose_names_differ_in_case_stay_apart(disk: Path, make_app: MakeApp) -> None:
    app = make_app(CODE, interpreter="bash", outputs=OUTPUTS)
    done = Surroundings().run("run", app, "--out", disk / "out")
    assert done.returncode == 0, done.stderr
    assert content(disk / "out") == DISTINCT
    message = (
        f"Output 'Calls': this disk ignores upper and lower case; saved to {disk}/out/Calls/reads~2.fq.gz"
    )
    assert done.stderr.count("Output 'Calls'") == 1
    assert message in done.stderr


def test_an_app_on_such_a_disk_runs(disk: Path, make_app: MakeApp) -> None:
    app = make_app(CODE, interpreter="bash", outputs=OUTPUTS, name="mounted/app")
    done = Surroundings().run("run", app, "--json")
    assert done.returncode == 0, done.stderr
    assert content(Path(json.loads(done.stdout)["workspace"], "out")) == DISTINCT
