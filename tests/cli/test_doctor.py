from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests import missing_calls
from tests.conftest import WARM_TOOLS
from tests.forked import run_ours

from dx_local.api import coverage
from dx_local.api.coverage import as_markdown, implemented
from dx_local.api.routes import ROUTES
from dx_local.engine.environments import python_environments
from dx_local.engine.surroundings.checks import cache

ROOT = Path(__file__).parents[2]


def run_doctor(
    *options: str, folder: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return run_ours("dx-local", ["doctor", *options], {**os.environ, **variables}, folder)


def doctor(*options: str) -> str:
    done = run_doctor(*options)
    assert done.returncode == 0
    return done.stdout


def test_it_says_what_there_is() -> None:
    lines = [line.split("\t") for line in doctor().splitlines()]
    # The surroundings that are not good follow the programs, and depend on the machine.
    assert [name for name, text in lines if not text.startswith(("limited: ", "bad: "))] == [
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


SURROUNDINGS = (
    *("system", "sandbox", "network", "compiler", "warm tools", "locks", "file system", "cache"),
    *("temporary folder", "certificates", "bash", "locale"),
)


def test_the_table_has_a_line_for_each_surrounding(tmp_path: Path) -> None:
    done = run_doctor("--ci", folder=tmp_path)
    lines = [line for line in done.stdout.splitlines() if "→" not in line]
    assert [line[:16].rstrip() for line in lines] == list(SURROUNDINGS)
    assert done.returncode == 0
    answer = json.loads(run_doctor("--ci", "--json", folder=tmp_path).stdout)
    assert [each["name"] for each in answer["surroundings"]] == list(SURROUNDINGS)


def test_what_lets_runs_fail_is_the_exit_code(tmp_path: Path) -> None:
    done = run_doctor("--ci", PATH=str(tmp_path), SSL_CERT_FILE="/missing.pem")
    assert done.returncode == 1
    assert "bash              bad      " in done.stdout
    assert "SSL_CERT_FILE names /missing.pem, which is missing\n" in done.stdout
    assert "→ Correct or unset SSL_CERT_FILE.\n" in done.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write anywhere")
def test_an_app_that_cannot_store_runs_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "dxapp.json").touch()
    tmp_path.chmod(0o500)
    done = run_doctor("--ci", folder=tmp_path)
    tmp_path.chmod(0o700)
    assert done.returncode == 1
    assert "file system       bad      a run of this app cannot be stored" in done.stdout
    assert "→ Pass --workspace-path with a folder that you can write to.\n" in done.stdout


def test_worker_environments_of_any_python_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(python_environments, "find_python", lambda _version: Path(sys.executable))
    request = python_environments.request_of_python("3.12" if sys.version_info[:2] != (3, 12) else "3.8")
    assert request is not None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "dx-local/environments" / python_environments.key_of_environment(request)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").symlink_to(sys.executable)
    (folder / "dx-local.json").write_text("{}")
    assert str(folder) in cache(tmp_path).finding


def test_what_makes_runs_slower_is_no_failure() -> None:
    done = run_doctor("--ci", DX_LOCAL_TOOLS="plain")
    assert done.returncode == 0
    assert "→ Unset DX_LOCAL_TOOLS.\n" in done.stdout
    assert (
        "warm tools\tlimited: each call of dx in a job starts a Python: "
        in run_doctor(DX_LOCAL_TOOLS="plain").stdout
    )


@WARM_TOOLS
@pytest.mark.skipif(not missing_calls.is_possible(), reason="this system has no seccomp")
def test_missing_locks_and_sandboxes_are_found(tmp_path: Path) -> None:
    # Processes that see no lock would remove the folder of this one from /tmp.
    with tempfile.TemporaryDirectory(dir="/tmp") as temporary:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tests.missing_calls", f"mount=EPERM,{missing_calls.NO_LOCKS}"),
                *(Path(sys.executable).with_name("dx-local"), "doctor", "--ci", "--json"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": temporary},
            capture_output=True,
            check=True,
        )
    found = {each["name"]: each for each in json.loads(done.stdout)["surroundings"]}
    limited = [name for name, each in found.items() if each["state"] == "limited"]
    assert limited == ["sandbox", "network", "locks"], found
    assert all(each["remedy"] for each in found.values() if each["state"] != "good")
