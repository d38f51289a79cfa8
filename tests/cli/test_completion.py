"""Completion with Tab in real shells: the words that a shell passes on after it has completed them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest
from tests.cli.conftest import BIN

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = """
import dxpy

@dxpy.entry_point('main')
def main(reads, ratio=1):
    for _ in range(3):
        dxpy.new_dxjob({}, 'process')

@dxpy.entry_point('process')
def process():
    pass

dxpy.run()
"""
SHELLS = {
    "bash": ("bash", "--norc", "--noprofile", "-i"),
    "zsh": ("zsh", "-f", "-i"),
    "fish": ("fish", "--no-config", "-i"),
}
START = {
    "bash": "bind 'set enable-bracketed-paste off'; eval \"$(dx-local completion bash)\"",
    "zsh": 'autoload -Uz compinit; compinit -D; bindkey -e; eval "$(dx-local completion zsh)"',
    "fish": "dx-local completion fish | source",
}
COMPLETED = [
    ("dx-local comp\tbash", "completion bash"),
    ("dx-local run --isol\tname\t", "run --isolation namespace"),
    ("dx-local run -ire\tdxa\t", "run -ireads=dxapp.json"),
    ("dx-local run -i rat\t", "run -i ratio="),
    ("dx-local run --function pro\t", "run --function process"),
    ("dx-local logs process\\[2\t", "logs process[2]"),
    ("dx-local logs 'process[2\t", "logs process[2]"),
    ("dx-local rerun --run la\tma\t", "rerun --run last main"),
    ("dx-local run --debug-on AppI\t", "run --debug-on AppInternalError"),
    ("dx-local report la\t", "report last"),
    ("dx-local test two-\t", "test two-reads"),
]


@pytest.fixture(scope="module")
def app(make_module_app: Callable[..., Path]) -> Path:
    """An app with a test case and a kept run."""
    app = make_module_app(SOURCE, inputs={"reads": "file", "ratio": "float?"}, name="counts")
    (app / "test" / "cases").mkdir(parents=True)
    (app / "test" / "cases" / "two-reads.json").write_text("{}")
    subprocess.run([BIN / "dx-local", "run", app, "-q", "-ireads=dxapp.json"], cwd=app, check=True)
    return app


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_completes_words(app: Path, tmp_path: Path, name: str) -> None:
    """The line is printed by echo, so that quotation marks have done their work."""
    program, *options = SHELLS[name]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    shell = pexpect.spawn(
        program, options, cwd=app, encoding="utf-8", timeout=60, dimensions=(50, 200),
        env={"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path), "TERM": "dumb", "LANG": "C.UTF-8",
             "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))},
    )  # fmt: skip
    try:
        shell.sendline(f"{START[name]}; echo rea''dy")
        shell.expect("ready\r?\n")
        found = [_echoed(shell, typed) for typed, _ in COMPLETED]
    finally:
        shell.close(force=True)
    assert found == [expected for _, expected in COMPLETED]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("run", "-i"), ["-ireads=", "-iratio="]),
        (("run", "--isolation", "n"), ["namespace", "none"]),
        (("run", "--isolation", "=", "n"), ["namespace", "none"]),
        (("run", "--function", ""), ["main", "process"]),
        (("logs", ""), ["main", "process", r"process\[2\]", r"process\[3\]"]),
        (("logs", "'process[3"), ["process[3]"]),
        (("logs", "--app", "missing", ""), []),
        (("test", "x"), []),
    ],
)
def test_candidates_are_offered(app: Path, words: tuple[str, ...], expected: list[str]) -> None:
    assert _offered(app, words) == expected


def test_jobs_to_run_again_are_those_of_the_last_whole_run(app: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(app, tmp_path / "app")
    subprocess.run([BIN / "dx-local", "rerun", "process", "-q"], cwd=copy, check=True)
    assert _offered(copy, ("logs", "")) == ["process"]
    assert _offered(copy, ("rerun", "process")) == ["process", r"process\[2\]", r"process\[3\]"]


def _offered(app: Path, words: tuple[str, ...]) -> list[str]:
    """Return the words that bash offers for the last word, without options."""
    typed = " ".join(f"'{word}'" if "'" not in word else f'"{word}"' for word in ("dx-local", *words))
    script = f"""\
eval "$(dx-local completion bash)"
COMP_WORDS=({typed}) COMP_CWORD={len(words)}
_dx_local_completion dx-local 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        ["bash", "-c", script], cwd=app, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    offered = [line for line in done.stdout.splitlines() if line]
    return [word for word in offered if not word.startswith("--")]


def _echoed(shell: pexpect.spawn[str], typed: str) -> str:
    """Type words with tabs, then print the line instead of running it, and return what was printed."""
    shell.send(f'{typed}\x01echo "<" \x05 ">"\r')
    shell.expect(r"\n[^\n]*< dx-local ([^\n]*?) >\r?\n")
    match = shell.match
    assert isinstance(match, re.Match)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", match[1]).strip()
