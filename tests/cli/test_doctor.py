from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from tests.forked import run_ours

from dx_local.api import coverage
from dx_local.api.coverage import as_markdown, implemented
from dx_local.api.routes import ROUTES

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


def run_doctor(
    *options: str, folder: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return run_ours("dx-local", ["doctor", *options], {**os.environ, **variables}, folder)


def doctor(*options: str) -> str:
    done = run_doctor(*options)
    assert done.returncode == 0
    return done.stdout


def test_it_says_what_there_is() -> None:
    names = [line.split("\t")[0] for line in doctor().splitlines()]
    assert names == [
        *("dx-local", "Python", "dxpy", "release 20.04", "release 24.04", "execDepends"),
        *("isolation", "dx in jobs", "cache", "bash", "git", "shellcheck", "API", "policy"),
    ]


def test_it_says_what_is_done_for_dependencies() -> None:
    answer = json.loads(doctor("--json"))
    assert answer["debianPackages"]["checked"] is (shutil.which("dpkg-query") is not None)
    assert {release: python["version"] for release, python in answer["pythonOfRelease"].items()} == {
        "20.04": "3.8",
        "24.04": "3.12",
    }


def test_it_lists_every_route() -> None:
    assert doctor("--routes") == as_markdown()
    assert sum(len(methods) for methods in implemented().values()) == len(ROUTES) - len(coverage.rejected())


def test_it_speaks_to_programs() -> None:
    answer = json.loads(doctor("--json"))
    assert answer["routes"] == implemented()
    assert answer["error"] is None


def test_it_says_where_each_setting_comes_from(tmp_path: Path) -> None:
    file = tmp_path / ".dx-app-wizard.toml"
    file.write_text('[policy]\nrelease = "24.04"\n', encoding="utf-8")
    done = run_doctor(folder=tmp_path)
    assert done.stdout.endswith(f'policy\t{file}\n  policy.release = "24.04"\t{file}:2\n')


def test_it_refuses_a_bad_policy(tmp_path: Path) -> None:
    (tmp_path / ".dx-app-wizard.toml").write_text("[policy]\nrelase = 1\n", encoding="utf-8")
    done = run_doctor(folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "policy.relase: no such key; did you mean 'release'?" in done.stderr


def test_the_environment_wins_over_the_files(tmp_path: Path) -> None:
    (tmp_path / ".dx-app-wizard.toml").write_text('[wizard]\nregion = "aws:eu-west-2"\n', encoding="utf-8")
    done = run_doctor(folder=tmp_path, DX_APP_WIZARD_REGION="aws:eu-central-1")
    place = "the environment variable DX_APP_WIZARD_REGION"
    assert done.stdout.endswith(f'  wizard.region = "aws:eu-central-1"\t{place}\n')
