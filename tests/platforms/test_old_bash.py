"""A bash older than 4.4, as on macOS and CentOS 7, runs no code of an app.

No real one can be had here, so it is this machine's with another version in it. What bash 3.2 itself makes of
our own scripts is not tested; `test_own_scripts.py` reads them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.platforms.surroundings import DX_LOCAL, Surroundings, links_to_programs, old_bash, script

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeApp

pytestmark = pytest.mark.platforms

CODE = """
set -u
shopt -s inherit_errexit
main() {
    local -a none=()
    printf '%s' "${none[@]}"
    dx-jobutil-add-output told "$BASH_VERSION $(bash -c 'echo $BASH_VERSION')"
}
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All programs of this machine except bash."""
    return links_to_programs(tmp_path_factory.mktemp("programs") / "bin", frozenset({"bash"}))


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(CODE, interpreter="bash", outputs={"told": "string"})


def with_bash(folder: Path, version: str, *more: Path) -> Surroundings:
    old = old_bash(folder / version, version)
    return Surroundings({"PATH": os.pathsep.join(map(str, (old, *more)))})


@pytest.mark.parametrize(
    "version",
    ["3.2", pytest.param("4.2", marks=pytest.mark.slow), pytest.param("4.3", marks=pytest.mark.slow)],
)
def test_an_old_bash_fails_the_job_before_its_code_runs(
    tmp_path: Path, programs: Path, app: Path, version: str
) -> None:
    done = with_bash(tmp_path, version, programs).run("run", app, "--json", "--isolation", "none")
    assert done.returncode == 6
    failure = json.loads(done.stdout)["failure"]
    place = tmp_path / version / "bash"
    assert failure["reason"] == "AppInternalError"
    assert failure["message"] == (
        f"Bash {version} ({place}) is too old: jobs need 4.4 or newer, and workers have 5. Install a newer"
        " bash, on macOS with `brew install bash`."
    )
    assert "inherit_errexit" not in " ".join(failure["logTail"])


@pytest.mark.slow
def test_bash_4_4_is_new_enough(tmp_path: Path, programs: Path, app: Path) -> None:
    done = with_bash(tmp_path, "4.4", programs).run("run", app, "--json", "--isolation", "none")
    told = json.loads(done.stdout)["output"]["told"].split()
    assert [version[:4] for version in told] == ["4.4.", "4.4."]


def test_a_newer_bash_in_path_runs_the_job(tmp_path: Path, app: Path) -> None:
    newer = shutil.which("bash")
    assert newer
    version = subprocess.check_output([newer, "-c", 'printf %s "$BASH_VERSION"'], text=True)
    surroundings = with_bash(tmp_path, "3.2", *map(type(tmp_path), os.environ["PATH"].split(os.pathsep)))
    done = surroundings.run("run", app, "--json", "--isolation", "none")
    assert json.loads(done.stdout)["output"] == {"told": f"{version} {version}"}


@pytest.mark.slow
@pytest.mark.parametrize("place", ["/opt/homebrew/bin", "/usr/local/bin"])
def test_the_bash_of_homebrew_is_found_outside_path(
    tmp_path: Path, programs: Path, app: Path, place: str
) -> None:
    if subprocess.run(["unshare", "-Urm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("user namespaces are not allowed here")
    surroundings = with_bash(tmp_path, "3.2", programs)
    mounts = script(f"""
        set -e
        mount -t tmpfs none {"/opt" if place.startswith("/opt") else "/usr/local"}
        mkdir -p {place}
        cp /bin/bash {place}/bash
        exec "$@"
    """)
    surroundings.prefix = ["unshare", "-Urm", "sh", "-c", mounts, "sh"]
    done = surroundings.run("run", app, "--json", "--isolation", "none")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["output"]["told"].split()
    assert told[0] == told[1]
    assert not told[0].startswith("3.2")


def test_the_doctor_reports_an_old_bash(tmp_path: Path, programs: Path) -> None:
    done = with_bash(tmp_path, "3.2", programs).run("doctor", "--json")
    bash = json.loads(done.stdout)["bash"]
    assert (bash["path"], bash["version"]) == (None, None)
    assert bash["problem"].startswith("Bash 3.2 (")


def test_the_doctor_names_the_bash_of_jobs() -> None:
    done = subprocess.run([DX_LOCAL, "doctor"], capture_output=True, text=True, check=True)
    version = subprocess.check_output(["bash", "-c", 'printf %s "$BASH_VERSION"'], text=True)
    assert f"{version} (runs apps written in bash)" in done.stdout
