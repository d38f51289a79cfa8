"""The handwritten reference pages are complete, and shells complete as they describe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
BIN = Path(sys.executable).parent


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_every_variable_of_ours_is_on_its_page() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "runtime").rglob("*.py")]
    read = set(re.findall(r"[\"'](DX_LOCAL_[A-Z_]+)[\"']", "".join(sources)))
    assert "DX_LOCAL_TOOLS" in read
    assert {name for name in read if f"`{name}`" not in page("environment-variables.md")} == set()


def test_every_exit_code_of_the_help_is_on_its_page() -> None:
    helps = [path.read_text(encoding="utf-8") for path in (ROOT / "tests/cli/help").iterdir()]
    listed = " ".join(text.partition("Exit codes:")[2].partition(".\n")[0] for text in helps)
    codes = set(re.findall(r"\b\d+\b", listed)) - {"128"}  # 128 plus the number of a signal
    assert {"0", "124", "143"} < codes
    rows = set(re.findall(r"^\| (\d+) \|", page("exit-codes.md"), re.MULTILINE)) | {"126", "127"}
    assert codes <= rows


def test_the_glossary_is_in_order() -> None:
    for table in page("glossary.md").split("## ")[1:]:
        words = re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[1:]
        assert words == sorted(words, key=str.casefold)


def completed(shell: str, script: str) -> list[str]:
    done = subprocess.run(
        [shell, "-c", script],
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_bash_completes_a_choice() -> None:
    script = """\
eval "$(_DX_LOCAL_COMPLETE=bash_source dx-local)"
COMP_WORDS=(dx-local run --isolation n) COMP_CWORD=3
_dx_local_completion dx-local
printf '%s\\n' "${COMPREPLY[@]}"
"""
    assert completed("bash", script) == ["namespace", "none"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("program", ["dx-local", "dx-app-wizard", "dx-run-app-locally"])
def test_every_program_prints_its_completion(program: str, shell: str) -> None:
    variable = f"_{program.replace('-', '_').upper()}_COMPLETE"
    script = f"export {variable}={shell}_source; {program}"
    assert f"{shell}_complete" in "".join(completed("bash", script))
