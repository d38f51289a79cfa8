"""The first lines of installed programs: those of uv and pip are recognized, and ours start."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dx_local.worker.dx_tools.launchers import read_launcher, write_launcher

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("lines", "python"),
    [
        ("#!/env/bin/python", "/env/bin/python"),
        ("#!/env/bin/python3.12 ", "/env/bin/python3.12"),
        ("#!/bin/sh\n'''exec' '/a b/bin/python' \"$0\" \"$@\"\n' '''", "/a b/bin/python"),  # uv
        ("#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''", "/a b/bin/python"),  # pip
        ("#!/bin/sh\n'''exec' /long/bin/python \"$0\" \"$@\"\n' '''", "/long/bin/python"),  # pip
    ],
)
def test_launchers_of_installers_are_recognized(lines: str, python: str) -> None:
    found = read_launcher(f"{lines}\nimport sys\n".encode())
    assert found == (python, b"import sys\n")


@pytest.mark.parametrize(
    "program", ["", "echo", "#!/bin/sh\necho\n", "#!/bin/sh\n'''exec' x\n' '''\n", "\x7fELF"]
)
def test_other_programs_have_none(program: str) -> None:
    found = read_launcher(program.encode())
    assert found is None


@pytest.mark.parametrize("name", ["short", "with blanks", "it's", "long" * 40, 'größe "x" $HOME'])
def test_a_program_starts_under_any_path_of_its_python(tmp_path: Path, name: str) -> None:
    python = tmp_path / name / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    program = tmp_path / "program"
    program.write_text(
        write_launcher(str(python), "-IS") + "import sys\nprint(sys.argv[1:], sys.flags.no_site)\n"
    )
    program.chmod(0o755)
    done = subprocess.run([program, "a b", "c"], capture_output=True, text=True, check=True)
    assert done.stdout == "['a b', 'c'] 1\n"
