"""Apps made of scripts: options read by running, by reading, and from other languages."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.wizard.importing.conftest import CLICK

from dx_app_wizard.importing import landlock
from dx_app_wizard.importing.scripts import python_run
from dx_app_wizard.importing.scripts.python_run import ScriptError
from dx_app_wizard.importing.scripts.script_import import command_of_script

if TYPE_CHECKING:
    from collections.abc import Callable

Wizard = Any

KMERS = {
    "kmer": {"class": "int", "default": 31, "help": "length of k-mers"},
    "method": {"class": "string", "default": "fast", "choices": ["fast", "exact"]},
    "no_header": {"class": "boolean", "default": False},
    "ref": {"class": "file", "optional": True, "help": "reference file"},
    "reads": {"class": "array:file", "help": "reads as FASTQ"},
}
TOP = {
    "top": {"class": "int", "default": 3, "help": "Rows to keep"},
    "mode": {"class": "string", "default": "a", "choices": ["a", "b"]},
    "upper": {"class": "boolean", "default": False},
    "tag": {"class": "array:string", "optional": True},
    "table": {"class": "file"},
}
TYPER = '''\
from enum import Enum
from pathlib import Path
from typing import List, Optional
import typer
class Mode(str, Enum):
    a = "a"
    b = "b"
def main(
    table: Path = typer.Argument(..., exists=True),
    log: typer.FileText = typer.Option(None, help="Log to read"),
    top: int = typer.Option(3, "--top", "-n", help="Rows to keep"),
    mode: Mode = Mode.a,
    upper: bool = typer.Option(False, "--upper/--no-upper"),
    scale: float = 0.5,
    tag: Optional[List[str]] = typer.Option(None),
    out: Path = typer.Option(..., help="Output TSV"),
) -> None:
    """Keep the first rows."""
typer.run(main)
'''
TYPER_TOP = {
    "log": {"class": "file", "optional": True, "help": "Log to read"},
    "top": {"class": "int", "default": 3, "help": "Rows to keep"},
    "mode": {"class": "string", "default": "a", "choices": ["a", "b"]},
    "upper": {"class": "boolean", "default": False},
    "scale": {"class": "float", "default": 0.5},
    "tag": {"class": "array:string", "optional": True},
    "table": {"class": "file"},
}
ROWS = {
    "input": {"class": "file", "help": "input table"},
    "top": {"class": "int", "default": 5, "help": "rows (at most)"},
    "scale": {"class": "float", "default": 0.5},
    "quiet": {"class": "boolean", "default": False},
}
FIRST = {
    "input": {"class": "file", "help": "input table"},
    "n": {"class": "int", "default": 3, "help": "rows"},
    "verbose": {"class": "boolean", "default": False},
}


SUBCOMMANDS = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_subparsers().add_parser("x")
parser.parse_args()
"""


@pytest.mark.parametrize(
    ("script", "run", "inputs"),
    [
        ("kmers.py", True, KMERS),
        ("kmers.py", False, KMERS),
        pytest.param("top.py", False, TOP, marks=pytest.mark.slow),
        ("rows.R", True, ROWS),
        ("first.sh", True, FIRST),
    ],
)
@pytest.mark.usefixtures("home")
def test_the_options_become_inputs(
    files: Callable[..., None], script: str, run: bool, inputs: dict[str, Any]
) -> None:
    files()
    found = command_of_script(Path(script), run=run)
    declared = {
        parameter["name"]: {key: value for key, value in parameter.items() if key != "name"}
        for parameter in found.inputs
    }
    assert declared == inputs
    assert "{>table" in found.text or "{>result" in found.text


@pytest.mark.parametrize(
    ("library", "text", "inputs"),
    [
        pytest.param("click", CLICK, TOP, id="click"),
        pytest.param("typer", TYPER, TYPER_TOP, id="typer", marks=pytest.mark.slow),
    ],
)
def test_real_click_and_typer_are_read_by_running(
    files: Callable[..., None], library: str, text: str, inputs: dict[str, Any]
) -> None:
    pytest.importorskip(library)
    files(top_py=f"#!{sys.executable}\n{text}")
    found = command_of_script(Path("top.py"))
    declared = {
        parameter["name"]: {key: value for key, value in parameter.items() if key != "name"}
        for parameter in found.inputs
    }
    assert declared == inputs
    assert found.description == "Keep the first rows."
    assert found.packages == (f"pip:{library}",)
    assert "{>result:file:*.tsv}" in found.text


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.py", "import no_such_module_here\n", "No module named"),
        ("a.py", "raise SystemExit('stop')\n", "stop"),
        ("a.py", SUBCOMMANDS,
         "has subcommands (x)"),
        ("a.R", "print(1)\n", "no make_option"),
        ("a.sh", "echo\n", "does not use getopts"),
        ("a.rb", "puts 1\n", "no script in Python, R or bash"),
    ],
)  # fmt: skip
def test_a_script_whose_options_cannot_be_read_is_an_error(
    files: Callable[..., None], name: str, text: str, message: str
) -> None:
    files()
    Path(name).write_text(text)
    with pytest.raises(ScriptError, match=message.replace("(", r"\(").replace(")", r"\)")):
        command_of_script(Path(name))


def test_a_script_becomes_an_app_with_a_test(wizard: Wizard, files: Callable[..., None]) -> None:
    files()
    done = wizard(
        "app",
        "--no-input",
        "--from-script",
        "kmers.py",
        "--trial",
        "--sample",
        "reads=r.fastq",
        "--sample",
        "kmer=4",
    )
    assert done.code == 0, done.stderr
    assert json.loads(Path("app/test/input.json").read_text()) == {"kmer": 4, "reads": ["test/data/r.fastq"]}
    spec = json.loads(Path("app/dxapp.json").read_text())
    assert spec["summary"] == "Count k-mers"
    (golden,) = Path("app/test/cases/sample").iterdir()
    assert golden.read_text().splitlines() == ["ACGT\t10", "CGTA\t10", "GTAC\t10", "TACG\t5"]
    assert Path("app/resources/home/dnanexus/kmers.py").is_file()


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("while True:\n    pass\n", "within 1 s"),
        ("while True:\n    print('x' * 9999)\n", "before it had written 64 MiB"),
    ],
)
def test_a_script_that_never_ends_is_stopped(
    files: Callable[..., None], monkeypatch: pytest.MonkeyPatch, text: str, limit: str
) -> None:
    files(a_py=text)
    monkeypatch.setattr(python_run, "TIME_LIMIT", 1 if limit == "within 1 s" else 60)
    with pytest.raises(ScriptError, match=limit) as raised:
        command_of_script(Path("a.py"))
    assert "--no-run" in str(raised.value.hint)


@pytest.mark.skipif(not landlock.version(), reason="the kernel has no Landlock")
def test_a_script_that_is_read_cannot_write_outside_of_its_folder(
    files: Callable[..., None], tmp_path: Path
) -> None:
    files(a_py=f"open({str(tmp_path / 'made')!r}, 'w')\n")
    with pytest.raises(ScriptError, match="Permission denied"):
        command_of_script(Path("a.py"))
    assert not (tmp_path / "made").exists()
