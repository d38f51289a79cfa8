"""`dx-local shell`: a shell in place of a job of a kept run."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from tests.screens import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]

PARTS = """
process() {
  echo "part of $reads_name" > part.txt
  dx-jobutil-add-output part "$(dx upload --brief part.txt)" --class=file
}
main() {
  job=$(dx-jobutil-new-job process -ireads="$reads" -inumber:int=7)
  dx-jobutil-add-output part "$job:part" --class=jobref
}
"""


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "platform.sqlite-shm"]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_a_shell_has_what_the_job_left_and_changes_nothing(
    dx_local: DxLocal, make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(
        PARTS, inputs={"reads": "file"}, outputs={"part": "file"}, name="parts", interpreter="bash"
    )
    (tmp_path / "r.fq").write_text("reads\n", encoding="utf-8")
    assert dx_local("run", app, f"-ireads={tmp_path / 'r.fq'}").exit_code == 0
    (run,) = (app / "test-job-workspaces").iterdir()
    before = digests(run)
    terminal = Terminal("shell", "process", "--app", str(app))
    prompt = r"\(dx process\) ~[$#]$"
    assert "--- process as it ended, in a copy; exit ends the shell" in terminal.read_until_all(prompt)
    terminal.type("cat part.txt; echo $number $reads_name", rf"\npart of r.fq\n7 r.fq\n{prompt}")
    terminal.type("dx cat $(grep -o 'file-[0-9A-Za-z]*' job_output.json)", rf"json\)\npart of r.fq\n{prompt}")
    terminal.type('dx cat "$reads"', rf'reads"\nreads\n{prompt}')
    terminal.type("sleep 600", r"\nsleep 600|[$#] sleep 600$")
    terminal.process.send("\x03")
    terminal.read_until_all(rf"\^C\n{prompt}")
    terminal.type("rm part.txt; dx rm -af :/; false", prompt)
    terminal.process.send("exit\r")
    assert terminal.read_to_end() == 0
    assert digests(run) == before
    assert list((app / "test-job-workspaces").iterdir()) == [run]


def test_without_a_terminal_it_is_an_error(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app("main() { :; }", interpreter="bash")
    dx_local("run", app)
    done = dx_local("shell", "--app", app)
    assert (done.exit_code, "error: a shell needs a terminal" in done.stderr) == (2, True)
    done = dx_local("shell", "process", "--app", app)
    assert (done.exit_code, "there is no job 'process'" in done.stderr) == (2, True)
