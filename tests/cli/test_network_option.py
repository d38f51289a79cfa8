"""`--network`: network access of jobs, and the warning if it cannot be restricted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_local.testing import run_app

if TYPE_CHECKING:
    from tests.conftest import MakeApp

COMMAND = str(Path(sys.executable).with_name("dx-local"))
NETWORK = Path("/proc/self/ns/net")
SAYS_NETWORK = f'main() {{ dx-jobutil-add-output network "$(readlink {NETWORK})"; }}'
# Worlds can be made there, networks cannot.
WITHOUT_NETWORKS = 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$@"'


@pytest.fixture(autouse=True, scope="module")
def needs_namespaces() -> None:
    if subprocess.run(["unshare", "-Urn", "true"], capture_output=True, check=False).returncode:
        pytest.skip("network namespaces are not allowed here")


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(SAYS_NETWORK, interpreter="bash", outputSpec=[{"name": "network", "class": "string"}])


@pytest.mark.usefixtures("sandboxed")
@pytest.mark.parametrize(
    ("options", "variable", "is_of_machine"),
    [
        pytest.param([], "", False, marks=pytest.mark.slow),
        (["--network", "allow"], "", True),
        pytest.param([], "allow", True, marks=pytest.mark.slow),
        (["--network", "auto"], "allow", False),
        pytest.param(["--isolation", "none"], "", True, marks=pytest.mark.slow),
    ],
)
def test_flag_and_variable_choose(app: Path, options: list[str], variable: str, is_of_machine: bool) -> None:
    done = subprocess.run(
        ["env", f"DX_LOCAL_NETWORK={variable}", COMMAND, "run", app, "--json", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (json.loads(done.stdout)["output"]["network"] == str(NETWORK.readlink())) is is_of_machine
    assert "network" not in done.stderr


def test_the_variable_is_for_tests_with_run_app_too(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DX_LOCAL_NETWORK", "allow")
    assert run_app(app).output["network"] == str(NETWORK.readlink())


def run_without_networks(app: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ["unshare", "-Ur", "sh", "-c", WITHOUT_NETWORKS, "sh", COMMAND, "run", str(app), "--json"]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("sandboxed")
def test_where_there_can_be_no_network_of_their_own_it_is_said_once(app: Path) -> None:
    done = run_without_networks(app)
    assert json.loads(done.stdout)["output"]["network"] == str(NETWORK.readlink())
    assert done.stderr.count("All jobs have network access") == 1


def test_isolation_that_was_asked_for_is_isolation_of_the_network_too(app: Path) -> None:
    done = run_without_networks(app, "--isolation", "namespace")
    failure = json.loads(done.stdout)["failure"]
    assert failure["reason"] == "ExecutionError"
    assert "--isolation namespace is not possible here" in failure["message"]
