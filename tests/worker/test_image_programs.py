"""Programs of workers that hosts may lack: dx-unpack, mark-section, mark-success, dx-dstat, sudo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from dx_local.worker.programs import IMAGE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.worker.conftest import Workshop


def run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder that is also its home."""
    return subprocess.run(
        [f"{IMAGE}/usr/bin/{program}", *arguments],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def pack(folder: Path, *command: str) -> None:
    """Create an archive of the folder `in` with a command, and remove the folder."""
    content = folder / "in" / "a b" / "-x.txt"
    content.parent.mkdir(parents=True)
    content.write_text("content\n")
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder / "in")


ARCHIVES = {
    "-x.tar": ["tar", "-cf", "./-x.tar", "in"],
    "x.tar.gz": ["tar", "-czf", "x.tar.gz", "in"],
    "x y.TGZ": ["tar", "-czf", "x y.TGZ", "in"],
    "x.tar.bz2": ["tar", "-cjf", "x.tar.bz2", "in"],
    "x.tbz2": ["tar", "-cjf", "x.tbz2", "in"],
    "x.tar.xz": ["tar", "-cJf", "x.tar.xz", "in"],
    "x.zip": ["python3", "-m", "zipfile", "-c", "x.zip", "in"],
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_are_unpacked_and_removed(tmp_path: Path, name: str) -> None:
    if name.endswith("zip") and not shutil.which("unzip"):
        pytest.skip("there is no unzip")
    pack(tmp_path, *ARCHIVES[name])
    assert run(tmp_path, "dx-unpack", name).stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert (tmp_path / "in" / "a b" / "-x.txt").read_text() == "content\n"


@pytest.mark.parametrize(("ending", "program"), [("gz", "gzip"), ("bz2", "bzip2"), ("xz", "xz")])
def test_compressed_files_are_unpacked_where_they_lie(tmp_path: Path, ending: str, program: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "reads.fq").write_text("content\n")
    subprocess.run([program, "sub/reads.fq"], cwd=tmp_path, check=True)
    assert run(tmp_path, "dx-unpack", f"sub/reads.fq.{ending}").returncode == 0
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["reads.fq"]


def test_what_an_archive_holds_is_put_where_it_is_wanted(tmp_path: Path) -> None:
    pack(tmp_path, *ARCHIVES["x.tar.gz"])
    assert run(tmp_path, "dx-unpack", "x.tar.gz", "-o", "wanted").stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["wanted"]
    assert (tmp_path / "wanted" / "a b" / "-x.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no archive given"),
        (["none.tar"], "no such file: none.tar"),
        (["note.txt"], "note.txt: unknown archive format"),
        (["broken.tar.gz"], "cannot unpack ./broken.tar.gz"),
        (["broken.tar.gz", "-o", "out"], "cannot unpack ./broken.tar.gz"),
        (["two.tar", "-o", "out"], "two.tar contains 2 files or folders"),
        (["two.tar", "broken.tar.gz", "-o", "out"], "option -o requires exactly one archive"),
        (["two.tar", "-o"], "option -o requires a name"),
    ],
)
def test_what_cannot_be_unpacked_is_kept(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "note.txt").write_text("text")
    (tmp_path / "broken.tar.gz").write_text("no archive")
    subprocess.run(["tar", "-cf", "two.tar", "note.txt", "broken.tar.gz"], cwd=tmp_path, check=True)
    done = run(tmp_path, "dx-unpack", *arguments)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.tar.gz", "note.txt", "two.tar"]


@pytest.mark.parametrize("text", ["uploading", 'a "quoted" \\ \n thing', "tab\tbell\a", "ünï 'x' $(id) %s"])
def test_a_section_is_why_a_job_fails(tmp_path: Path, text: str) -> None:
    assert run(tmp_path, "mark-section", *text.split(" ")).returncode == 0
    error = json.loads((tmp_path / "job_error.json").read_text())["error"]
    said = text.replace("\a", " ")
    assert error == {
        "type": "AppError",
        "message": f"Error while {said}; please refer to the job log for more details.",
    }


def test_success_forgets_the_section(tmp_path: Path) -> None:
    run(tmp_path, "mark-section", "uploading")
    assert [run(tmp_path, "mark-success").returncode for _ in range(2)] == [0, 0]
    assert list(tmp_path.iterdir()) == []


def test_dstat_wants_seconds(tmp_path: Path) -> None:
    assert run(tmp_path, "dx-dstat", "often").returncode == 2


FASTER_DSTAT = """
set -e
kill $(ps aux | grep pcp-dstat | head -n1 | awk '{print $2}')
dx-dstat 1
main() {
    type -P dx-unpack
    sleep 1.5
}
"""


def test_an_app_has_its_own_dstat(workshop: Workshop) -> None:
    """The code is that of public apps, except for the folder of dx-dstat."""
    job = workshop.run(FASTER_DSTAT, "bash")
    assert job.code == 0, job.said("STDERR")
    program, line = job.said()
    assert program == ("/usr/bin/dx-unpack" if workshop.is_isolated else f"{IMAGE}/usr/bin/dx-unpack")
    assert line.startswith("CPU: ")
    assert line.endswith("MBps")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["printf", "%s|", "a  b", "$HOME", "*"], "a  b|$HOME|*|"),
        (["-nE", "-u", "root", "WORD=a b", "printenv", "WORD"], "a b\n"),
        (["-H", "--user", "root", "--preserve-env=PATH", "--", "echo", "-n"], ""),
        (["-i", "echo", "a'b  c"], "a'b  c\n"),
        (["-s", "echo", "$NO_VALUE", "a  b"], "a  b\n"),
        (["--chdir=/", "pwd"], "/\n"),
        (["-v"], ""),
    ],
)
def test_sudo_runs_the_command(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = run(tmp_path, "sudo", *arguments)
    assert (done.stdout, done.stderr, done.returncode) == (said, "", 0)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["sh", "-c", "exit 7"], 7, ""),
        (["no-such-program"], 1, "sudo: no-such-program: command not found\n"),
        ([], 1, "sudo: no command given\n"),
        (["-z", "true"], 1, "sudo: option -z is not supported here\n"),
        (["-u", "nobody-else", "true"], 0, "not as nobody-else\n"),
    ],
)
def test_sudo_says_what_it_cannot_do(tmp_path: Path, arguments: list[str], status: int, said: str) -> None:
    done = run(tmp_path, "sudo", *arguments)
    assert done.returncode == status
    assert done.stderr.endswith(said)
