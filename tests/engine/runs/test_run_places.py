"""Run apps in folders with unusual names, owners and file systems."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.conftest import io_spec, write_app

from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Iterator

BASH = """\
main() {
    cat /opt/brought > /tmp/copy
    file=$(dx upload --brief /tmp/copy)
    dx cat "$file"
    dx-download-all-inputs > /dev/null
    cat "$reads_path"
    dx-jobutil-add-output n "$(dx-jobutil-new-job part):n" --class=jobref
}
part() { dx-jobutil-add-output n 3 --class=int; }
"""

PYTHON = """\
import dxpy, subprocess

@dxpy.entry_point("part")
def part():
    return {"n": 3}

@dxpy.entry_point("main")
def main(reads):
    dxpy.download_dxfile(reads, "reads.txt")
    subprocess.check_call("dx cat $(dx upload --brief /opt/brought); cat reads.txt", shell=True)
    return {"n": dxpy.new_dxjob({}, "part").get_output_ref("n")}

dxpy.run()
"""

NAMES = {
    "blanks": "two  words",
    "quotes": 'it\'s "so"',
    "newline": "two\nlines",
    "letters": "Müller 😀",
    "marks": "$(x) `y` *:c,d\\e",
}


@pytest.fixture(params=[*NAMES, "link", "/dev/shm", "/var/tmp"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Folders with unusual names, a link to one, and folders that jobs have for themselves."""
    if request.param.startswith("/"):
        if not Path(request.param).is_dir():
            pytest.skip(f"there is no {request.param} here")
        with tempfile.TemporaryDirectory(dir=request.param) as folder:
            yield Path(folder)
        return
    folder = tmp_path / NAMES.get(request.param, "target")
    folder.mkdir()
    if request.param == "link":
        (tmp_path / "link").symlink_to("target")
        folder = tmp_path / "link"
    yield folder


@pytest.mark.parametrize(("interpreter", "code"), [("bash", BASH), ("python3", PYTHON)])
def test_an_app_runs_there(place: Path, monkeypatch: pytest.MonkeyPatch, interpreter: str, code: str) -> None:
    temporary = place / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    spec = {
        "inputSpec": io_spec({"reads": "file"}),
        "outputSpec": io_spec({"n": "int"}),
        "interpreter": interpreter,
    }
    app = write_app(place / "app", code, spec)
    (app / "resources" / "opt").mkdir(parents=True)
    (app / "resources" / "opt" / "brought").write_text("brought\n")
    (place / "reads.txt").write_text("ACGT\n")
    run = run_app(app, {"reads": place / "reads.txt"}, folder=place / "run")
    assert run.output == {"n": 3}
    assert "brought\nACGT\n" in run.log
    assert list(temporary.iterdir()) == []
