"""`dx login` and `dx logout` as clients of a local platform: no token leaves this machine."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.conftest import WARM_TOOLS
from tests.local_server import DX_LOCAL, LocalServer, user_variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.environments.python_environments import WorkerEnvironment


# A dx of the user's, which notes the hosts that it looks up or connects to.
WATCHED_DX = """\
#!{python}
import runpy, sys
def note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        host = arguments[1][0] if event == "socket.connect" else arguments[0]
        with open({hosts!r}, "a") as file:
            print(host, file=file)
sys.addaudithook(note)
runpy.run_path({real!r}, run_name="__main__")
"""


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """The file in which the user's dx notes hosts."""
    return tmp_path / "hosts"


@pytest.fixture
def users_dx(tmp_path: Path, hosts: Path, worker_environment: WorkerEnvironment) -> Path:
    """A folder with the user's dx, the real one but for its notes."""
    folder = tmp_path / "own"
    folder.mkdir()
    real = str(worker_environment.bin / "dx")
    program = WATCHED_DX.format(python=worker_environment.python, hosts=str(hosts), real=real)
    (folder / "dx").write_text(program)
    (folder / "dx").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("login")) as running:
        yield running


def in_shell(
    server: LocalServer, script: str, path: Path | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a script in a shell that `dx-local env` has made a client, maybe one with a dx of the user's."""
    variables = user_variables(server.home)
    if path is not None:
        variables["PATH"] = f"{path}:{variables['PATH']}"
    return subprocess.run(
        ["sh", "-c", f'eval "$({DX_LOCAL} env --state state)"; {script}'],
        env=variables,
        cwd=server.home,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,  # without a terminal, at which getpass would ask
    )


def token_of(server: LocalServer) -> str:
    """Return the token that new shells get."""
    token: str = json.loads((server.state / "dx-local.json").read_text())["token"]
    return token


def settings_of(server: LocalServer) -> dict[str, str]:
    """Return what dx remembers."""
    found: dict[str, str] = json.loads((server.state / "dnanexus_config" / "environment.json").read_text())
    return found


def username_of(server: LocalServer) -> str:
    """Return the user whom dx remembers."""
    return (server.state / "dnanexus_config" / "DX_USERNAME").read_text()


def test_login_with_a_token_stays_here(server: LocalServer, users_dx: Path, hosts: Path) -> None:
    script = f"dx login --noprojects --token {token_of(server)} && dx whoami"
    done = in_shell(server, script, users_dx)
    assert (done.returncode, done.stdout, done.stderr) == (0, "local\n", "")
    assert set(hosts.read_text().split()) == {"127.0.0.1"}
    assert username_of(server) == "local"
    assert settings_of(server)["DX_APISERVER_HOST"] == "127.0.0.1"


def test_login_with_the_dx_that_we_offer_stays_here(server: LocalServer) -> None:
    (server.state / "dnanexus_config" / "DX_USERNAME").unlink(missing_ok=True)
    done = in_shell(server, f"dx login --noprojects --token {token_of(server)}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert username_of(server) == "local"


def test_a_command_of_exec_logs_in_at_its_platform(tmp_path: Path, users_dx: Path, hosts: Path) -> None:
    variables = user_variables(tmp_path)
    done = subprocess.run(
        [DX_LOCAL, "exec", "--", "dx", "login", "--noprojects", "--token", "some-secret"],
        env={**variables, "PATH": f"{users_dx}:{variables['PATH']}"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "the token could not be found" in done.stderr.replace("\n", " ")
    assert set(hosts.read_text().split()) == {"127.0.0.1"}


def test_a_token_of_dnanexus_is_shown_to_this_server_only(
    server: LocalServer, users_dx: Path, hosts: Path
) -> None:
    done = in_shell(server, "dx login --noprojects --token some-secret", users_dx)
    assert "Could not obtain username from auth server" in done.stderr
    assert set(hosts.read_text().split()) == {"127.0.0.1"}


def test_login_with_a_password_is_refused_here(server: LocalServer, users_dx: Path, hosts: Path) -> None:
    done = in_shell(server, "dx login", users_dx, stdin="me\nsecret\n")
    assert done.returncode != 0
    assert "Acquiring credentials from http://127.0.0.1:" in done.stdout
    assert "dx-local has no passwords" in done.stderr.replace("\n", " ")
    assert set(hosts.read_text().split()) == {"127.0.0.1"}


def test_no_user_is_made_elsewhere(server: LocalServer, users_dx: Path, hosts: Path) -> None:
    command = "dx new user --username someone --email someone@example.com --first Some"
    done = in_shell(server, command, users_dx)
    assert "dx-local has a single user" in done.stderr
    assert set(hosts.read_text().split()) == {"127.0.0.1"}


def test_cleared_settings_name_this_platform(server: LocalServer) -> None:
    done = in_shell(server, "dx clearenv --reset")
    assert (done.returncode, done.stderr) == (0, "")
    assert settings_of(server)["DX_APISERVER_HOST"] == "127.0.0.1"


def test_logout_destroys_the_token_and_new_shells_get_another(
    tmp_path: Path, users_dx: Path, hosts: Path
) -> None:
    with LocalServer(tmp_path) as server:
        token = token_of(server)
        done = in_shell(server, "dx logout; dx whoami", users_dx)
        assert f"Deleted token with signature {hashlib.sha256(token.encode()).hexdigest()}" in done.stdout
        assert "InvalidAuthentication" in done.stderr
        assert set(hosts.read_text().split()) == {"127.0.0.1"}
        assert in_shell(server, "dx whoami").stdout == "local\n"
        assert token_of(server) != token


LOGIN_IN_JOB = r"""
main() {
    rm -f ~/.dnanexus_config/DX_USERNAME
    token=$(echo "$DX_SECURITY_CONTEXT" | sed -E 's/.*"auth_token": "([^"]*)".*/\1/')
    dx login --noprojects --token "$token"
    test "$(cat ~/.dnanexus_config/DX_USERNAME)" = local
}
"""


@WARM_TOOLS
def test_a_job_without_network_logs_in(server: LocalServer) -> None:
    described = server.final(server.run(server.new_applet("login", LOGIN_IN_JOB)))
    assert described["state"] == "done", described.get("failureMessage")
