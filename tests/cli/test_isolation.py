"""`--isolation`: sandboxes if the machine allows them, and the warning otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import MakeApp

SAYS_HOME = 'main() { dx-jobutil-add-output home "$HOME"; }'
COMMAND = str(Path(sys.executable).with_name("dx-local"))


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(SAYS_HOME, interpreter="bash", outputSpec=[{"name": "home", "class": "string"}])


def on_a_strict_system(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run dx-local in a user namespace in which no others can be made."""
    return on_a_system("echo 0 > /proc/sys/user/max_user_namespaces", *arguments)


def on_a_system(change: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run dx-local in a user and a mount namespace after a change."""
    script = f'{change}; exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", script, "sh", COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.fixture(autouse=True, scope="module")
def needs_namespaces() -> None:
    if subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces are not allowed here")


@pytest.mark.usefixtures("sandboxed")
def test_without_namespaces_a_run_goes_on_and_says_once_what_differs(app: Path) -> None:
    done = on_a_strict_system("run", app, "--json", "--progress", "plain")
    result = json.loads(done.stdout)
    assert result["output"]["home"].startswith(result["workspace"])
    assert done.stderr.count("without a sandbox") == 1
    assert "lets its users make no more namespaces" in done.stderr


def test_namespaces_that_were_asked_for_and_are_not_there_fail_the_run(app: Path) -> None:
    done = on_a_strict_system("run", app, "--json", "--isolation", "namespace")
    assert done.returncode == 6
    failure = json.loads(done.stdout)["failure"]
    assert failure["reason"] == "ExecutionError"
    assert "--isolation namespace is not possible here" in failure["message"]


# As in many containers, which keep a part of /proc from their processes.
MASKED = "mount -t tmpfs x /proc/fs"


def test_without_a_proc_of_their_own_jobs_share_the_processes_and_it_is_said_once(app: Path) -> None:
    done = on_a_system(MASKED, "run", app, "--json", "--isolation", "namespace")
    assert json.loads(done.stdout)["output"] == {"home": "/home/dnanexus"}
    assert done.stderr.count("Jobs see and reach the processes of this machine") == 1
    assert "jobs see the processes" in json.loads(on_a_system(MASKED, "doctor", "--json").stdout)["isolation"]


def test_the_doctor_knows() -> None:
    done = subprocess.run([COMMAND, "doctor", "--json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["isolation"] == "namespace"
    assert json.loads(on_a_strict_system("doctor", "--json").stdout)["isolation"].startswith("none: ")


@pytest.mark.parametrize(
    ("options", "variable", "is_isolated"),
    [
        (["--isolation", "none"], "", False),
        pytest.param([], "none", False, marks=pytest.mark.slow),
        (["--isolation", "namespace"], "none", True),
        pytest.param([], "", True, marks=pytest.mark.slow),
    ],
)
def test_flag_and_variable_choose(app: Path, options: list[str], variable: str, is_isolated: bool) -> None:
    done = subprocess.run(
        ["env", f"DX_LOCAL_ISOLATION={variable}", COMMAND, "run", app, "--json", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (json.loads(done.stdout)["output"]["home"] == "/home/dnanexus") is is_isolated
    assert "without a sandbox" not in done.stderr


# Folders in which something is mounted cannot be covered as a whole; the app lies in one of them.
MANY_MOUNTS = """
mount -t tmpfs x /opt && cp -r "$1" /opt/app && mkdir -p /opt/tmp /opt/inner /opt/app/resources/opt/tool
mount -t tmpfs x /opt/inner && mount -t tmpfs x /var/cache && mount --bind /etc/hosts /etc/hosts
mount --bind /usr/share/doc /usr/share/doc
echo there | tee /opt/inner/file > /opt/app/resources/opt/tool/file
"""
SAYS_MUCH = """
main() {
    cat /opt/tool/file /opt/inner/file /opt/app/resources/opt/tool/file | uniq -c
    mkdir /var/cache/new /var/lib/new /usr/local/new /opt/new /usr/share/new /etc/new
    cmp /etc/hosts /opt/app/hosts
    ls /usr/share/doc | grep -q . && dx-jobutil-add-output home "$HOME"
}
"""


@pytest.mark.parametrize(
    "temporary", ["/tmp", *(pytest.param(name, marks=pytest.mark.slow) for name in ("/var/tmp", "/opt/tmp"))]
)
def test_an_app_lies_among_mounts_in_folders_of_the_system(make_app: MakeApp, temporary: str) -> None:
    app = make_app(SAYS_MUCH, interpreter="bash", outputSpec=[{"name": "home", "class": "string"}])
    (app / "hosts").write_bytes(Path("/etc/hosts").read_bytes())
    script = f"{MANY_MOUNTS} TMPDIR={temporary} exec {COMMAND} run /opt/app --json --isolation namespace"
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-ec", script, "sh", app], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["output"] == {"home": "/home/dnanexus"}
    assert "3 there" in done.stderr
