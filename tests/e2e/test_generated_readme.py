"""The commands in the README of a generated app, typed as they stand there by one who just found it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import ServedPlatform

    from dx_app_wizard.answers.choices import Language, Pattern

    MakeApp = Callable[[Language, Pattern, str], Path]

BIN = Path(sys.executable).parent
NEEDS_AN_ACCOUNT = ["dx login"]
QUICK = "basic"
TEMPLATES = [
    pytest.param(language, pattern, marks=() if pattern == QUICK else pytest.mark.slow)
    for language in LANGUAGES
    for pattern in PATTERNS
]


def commands(readme: Path) -> list[str]:
    """Return the lines of all blocks of shell commands, comments included."""
    blocks = re.findall(r"```sh\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(("language", "pattern"), TEMPLATES)
def test_every_command_works(
    make_app: MakeApp, served: ServedPlatform, language: Language, pattern: Pattern
) -> None:
    """`dx build` builds on our own platform, as there is no other here."""
    app = make_app(language, pattern, "typical")
    platform = served.variables()
    platform |= {
        "PATH": f"{BIN}:{platform['PATH']}",
        "XDG_CACHE_HOME": str(served.environment.bin.parents[3]),
    }
    typed = [line for line in commands(app / "Readme.developer.md") if line not in NEEDS_AN_ACCOUNT]
    assert [line.split("#")[0].split()[:2] for line in typed] == [
        ["dx-local", "lint"], ["dx-local", "run"], ["dx-local", "test"], ["dx-local", "run"],
        ["python", "-m"], ["python", "-m"], ["dx", "build"],
    ]  # fmt: skip
    for command in typed:
        local = {} if command.startswith("dx ") else {"DX_APISERVER_HOST": "nowhere.invalid"}
        done = subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=app,
            env=platform | local,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_the_app_that_dx_builds_has_the_readmes(make_app: MakeApp, served: ServedPlatform) -> None:
    app = make_app("bash", "basic", "typical")
    applet = re.search(r"applet-\w+", served.dx("build", str(app)))
    assert applet
    described = served.post(
        f"/{applet[0]}/describe", {"fields": {"description": True, "developerNotes": True}}
    )
    assert described["description"] == (app / "Readme.md").read_text()
    assert described["developerNotes"] == (app / "Readme.developer.md").read_text()


def test_only_the_code_and_resources_are_built(make_app: MakeApp, served: ServedPlatform) -> None:
    app = make_app("bash", "basic", "typical")
    find = ("find", "data", "--brief", "--class", "file", "--visibility", "either")
    served.dx("build", str(app))
    assert served.dx(*find) == ""
    (app / "resources").mkdir()
    (app / "resources" / "notes").touch()
    served.dx("build", "--overwrite", str(app))
    assert (
        len(served.dx("find", "data", "--brief", "--class", "file", "--visibility", "either").splitlines())
        == 1
    )


def test_git_ignores_what_runs_and_tools_leave(make_app: MakeApp) -> None:
    app = make_app("python", "basic", "typical")
    left = ["test-job-workspaces/x/log.txt", "src/__pycache__/x.pyc", ".pytest_cache/x", ".ruff_cache/x"]
    subprocess.run(["git", "init", "-q"], cwd=app, check=True)
    ignored = subprocess.run(
        ["git", "check-ignore", *left, "src/x.py", "test/input.json"],
        cwd=app, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ignored.stdout.splitlines() == left
