"""`dx-local run --watch`: a save starts the next run, and Ctrl-C ends it all."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import pytest
from tests.screens import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

SOURCE = """
import dxpy

@dxpy.entry_point('main')
def main():
    job = dxpy.new_dxjob({}, 'work')
    return {'n': job.get_output_ref('n')}

@dxpy.entry_point('work')
def work():
    return {'n': 1}

dxpy.run()
"""


def test_a_save_starts_the_next_run(make_app: Callable[..., Path]) -> None:
    app = make_app(SOURCE, outputs={"n": "int"}, name="counts")
    source = next((app / "src").iterdir())
    terminal = Terminal("run", "--watch", "--progress", "plain", str(app), rows=60, columns=200)
    try:
        terminal.read_until("n\t1".replace("\t", "       "))
        terminal.read_until("waiting for changes in")
        source.write_text(SOURCE.replace("'n': 1", "'n': 2"))
        terminal.read_until_all(r"changed: src/", r"its code changed: work", r"n {7}2\n+waiting for changes")
        (app / "src" / ".hidden").touch()
        (app / "test-job-workspaces" / "mine").touch()
        (app / "new").mkdir()
        terminal.read_until_all(r"changed: new\n", r"taken over  main, work[^$]*\nwaiting for changes")
        (app / "dxapp.json").write_text("{")
        terminal.read_until_all(r"error: .*dxapp\.json", r"\nwaiting for changes[^\n]*$")
        terminal.process.sendintr()
        assert terminal.read_to_end() == 130
        assert "waiting" not in terminal.shown().splitlines()[-1]
        assert len(list((app / "test-job-workspaces").glob("20*"))) == 3
    finally:
        terminal.process.close(force=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--json",), "--watch cannot be combined with --json"),
        (("--workspace-path", "x"), "--watch cannot be combined with --workspace-path"),
        (("-f", "-"), "--watch cannot be combined with --input-json-file -"),
    ],
)
def test_options_of_a_single_run_are_refused(
    dx_local: DxLocal, echo_app: Path, options: tuple[str, ...], message: str
) -> None:
    done = dx_local("run", echo_app, "--watch", *options)
    assert done.exit_code == 2
    assert message in done.stdout + done.stderr


def test_a_missing_folder_is_named(dx_local: DxLocal) -> None:
    done = dx_local("run", "nowhere", "--watch")
    assert (done.exit_code, done.stderr.splitlines()[0]) == (2, "error: there is no folder 'nowhere'")


def test_the_missing_package_is_named(
    dx_local: DxLocal, echo_app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec

    def find_all_but_one(name: str, *more: Any) -> Any:
        return None if name == "watchfiles" else find(name, *more)

    monkeypatch.setattr(importlib.util, "find_spec", find_all_but_one)
    done = dx_local("run", echo_app, "--watch")
    assert done.exit_code == 2
    assert done.stderr.startswith(
        "error: --watch needs the package watchfiles, which is not installed\n  hint: "
    )
