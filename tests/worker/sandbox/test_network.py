"""The network of jobs: only the API, unless the app requests network access."""

from __future__ import annotations

import socket
import textwrap
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import WARM_TOOLS

from dx_local.engine.executors.log_sources.network_hint import REMARK
from dx_local.platform.execution import job_logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import RunningPlatform

NETWORK = Path("/proc/self/ns/net")
WHICH_NETWORK = f'found = os.readlink("{NETWORK}")'
PROGRAM = """\
import json, os, socket, subprocess, time, dxpy

@dxpy.entry_point("inner")
def inner():
    return {{"found": os.readlink("/proc/self/ns/net")}}

@dxpy.entry_point("main")
def main():
    began = time.monotonic()
    try:
{}
    except OSError as error:
        found = f"{{error.strerror}} after {{time.monotonic() - began:.0f}} s"
    return {{"found": found}}
"""


def found_in_job(running: RunningPlatform, code: str, **fields: Any) -> Any:
    """Run Python as the job of an applet; return its variable `found`, or the message of its OSError."""
    body = textwrap.indent(textwrap.dedent(code), "        ")
    job = running.post(f"/{running.run(PROGRAM.format(body), 'python3', {}, **fields)}/describe")
    assert job["state"] == "done", job["failureMessage"]
    return job["output"]["found"]


@pytest.fixture
def cut_off(running: RunningPlatform) -> RunningPlatform:
    """A platform that can give jobs a network with only the API."""
    if found_in_job(running, WHICH_NETWORK) == str(NETWORK.readlink()):
        pytest.skip("network namespaces are not allowed here")
    return running


@pytest.fixture
def service() -> Iterator[int]:
    """The port of a server on this machine."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        pytest.param("socket.create_connection(('192.0.2.1', 80))", "Network is unreachable", id="IPv4"),
        pytest.param("socket.create_connection(('2001:db8::1', 80))", "Network is unreachable", id="IPv6"),
        pytest.param(
            "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53))",
            "Network is unreachable",
            id="UDP",
        ),
        pytest.param("socket.getaddrinfo('example.org', 80)", "failure in name resolution", id="DNS"),
    ],
)
def test_nothing_outside_is_reachable_and_attempts_fail_at_once(
    cut_off: RunningPlatform, code: str, error: str
) -> None:
    assert found_in_job(cut_off, code).endswith(f"{error} after 0 s")


def test_what_listens_on_this_machine_is_not_reached(cut_off: RunningPlatform, service: int) -> None:
    code = f"found = socket.create_connection(('127.0.0.1', {service})) and 'reached'"
    assert found_in_job(cut_off, code) == "Connection refused after 0 s"
    assert found_in_job(cut_off, code, access={"network": ["*"]}) == "reached"


@pytest.mark.parametrize(
    "code",
    [
        "dxpy.describe(dxpy.JOB_ID)",
        "json.loads(subprocess.getoutput('dx describe --json $DX_JOB_ID'))",
        pytest.param(
            "json.loads(subprocess.getoutput('$(dirname $(which dx))/.plain/dx describe --json $DX_JOB_ID'))",
            marks=WARM_TOOLS,
        ),
    ],
    ids=["dxpy", "dx", "plain dx"],
)
def test_the_api_is_reached(cut_off: RunningPlatform, code: str) -> None:
    assert found_in_job(cut_off, f"found = {code}['state']") == "running"


def test_urls_of_files_are_reached(cut_off: RunningPlatform) -> None:
    code = """
    import urllib.request
    url, headers = dxpy.upload_string("x" * 100_000, wait_on_close=True).get_download_url()
    found = len(urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read())
    """
    assert found_in_job(cut_off, code) == 100_000


def test_jobs_have_their_own_loopback(cut_off: RunningPlatform) -> None:
    code = """
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname()).sendall(b"between parts of the app")
    found = server.accept()[0].recv(100).decode()
    """
    assert found_in_job(cut_off, code) == "between parts of the app"


def test_a_job_may_listen_at_any_port(cut_off: RunningPlatform) -> None:
    code = "found = socket.create_server(('127.0.0.1', 80)).getsockname()[1]"
    assert found_in_job(cut_off, code) == 80


def test_a_job_finds_itself_at_the_addresses_of_this_machine(cut_off: RunningPlatform) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as any_socket:
        try:
            any_socket.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        address = any_socket.getsockname()[0]
    code = f"""
    server = socket.create_server(({address!r}, 0))
    socket.create_connection(server.getsockname()).sendall(b"itself")
    found = server.accept()[0].recv(100).decode()
    """
    with closing(socket.create_server((address, 0))) as other:
        assert found_in_job(cut_off, code) == "itself"
        code = f"found = socket.create_connection({other.getsockname()!r}) and 'reached'"
        assert found_in_job(cut_off, code) == "Connection refused after 0 s"


@pytest.mark.parametrize(
    ("fields", "is_of_machine"),
    [
        ({}, False),
        ({"access": {"network": []}}, False),
        ({"access": {"project": "VIEW"}}, False),
        ({"access": {"network": ["*"]}}, True),
        ({"access": {"network": ["github.com"]}}, True),
        ({"httpsApp": {"ports": [443]}}, True),
    ],
)
@pytest.mark.parametrize(
    "code", [WHICH_NETWORK, "found = dxpy.new_dxjob({}, 'inner').get_output_ref('found')"], ids=["job", "sub"]
)
def test_the_app_says_which_network_its_jobs_have(
    cut_off: RunningPlatform, code: str, fields: dict[str, Any], is_of_machine: bool
) -> None:
    assert (found_in_job(cut_off, code, **fields) == str(NETWORK.readlink())) is is_of_machine


def lines_of(running: RunningPlatform, job: str) -> list[str]:
    def read(context: Any) -> list[str]:
        (path,) = job_logs.log_paths(context.platform, context.store.get("job", job))
        return path.read_text().splitlines()

    return running.inside(read)


def test_the_failure_of_a_job_without_network_access_is_explained(cut_off: RunningPlatform) -> None:
    job = cut_off.run("main() { cat < /dev/tcp/192.0.2.1/80; }", "bash", {})
    assert cut_off.post(f"/{job}/describe")["failureMessage"].endswith(f"\n{REMARK}")
    assert REMARK in lines_of(cut_off, job)


def test_repeated_attempts_are_explained_once(cut_off: RunningPlatform) -> None:
    job = cut_off.run("for i in 1 2 3; do cat < /dev/tcp/192.0.2.1/80 || true; done", "bash", {})
    assert cut_off.post(f"/{job}/describe")["state"] == "done"
    assert lines_of(cut_off, job).count(REMARK) == 1


def test_a_job_with_network_access_gets_no_explanation(cut_off: RunningPlatform) -> None:
    job = cut_off.run(
        "echo connect: Network is unreachable; false", "bash", {}, access={"network": ["x.org"]}
    )
    assert REMARK not in cut_off.post(f"/{job}/describe")["failureMessage"]
    assert REMARK not in lines_of(cut_off, job)
