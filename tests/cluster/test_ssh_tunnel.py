"""Nodes that reach this machine only through ports that ssh -R forwards from another one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dx_local.testing import JobFailedError, run_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import MakeApp

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a network with another machine"),
    pytest.mark.skipif(SSHD is None, reason="no sshd is installed (package openssh-server)"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="the program ip is not installed"),
]

_NUMBER = os.getpid() % 250  # tests may run in several processes at a time
GATEWAY, HERE = f"10.77.{_NUMBER}.5", f"10.77.{_NUMBER}.1"
API_PORT, PARSL_PORT = 18100 + _NUMBER, 19100 + _NUMBER

CODE = """
import dxpy, os, subprocess

@dxpy.entry_point("process")
def process(reads):
    dxpy.download_dxfile(reads, "reads")
    subprocess.check_call("dx upload reads --path copy --brief > id", shell=True)
    return {"copy": dxpy.dxlink(open("id").read().strip()), "host": os.environ["DX_APISERVER_HOST"]}

@dxpy.entry_point("main")
def main(reads):
    job = dxpy.new_dxjob({"reads": reads}, "process")
    return {"copy": job.get_output_ref("copy"), "host": job.get_output_ref("host")}

dxpy.run()
"""


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


@contextmanager
def gateway_machine() -> Iterator[list[str]]:
    """Make a network with one other machine; yield the beginning of commands that run on that."""
    name = f"dx-local-test-{os.getpid()}"
    here = f"dxl{os.getpid() % 10**8}"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", here, "type", "veth", "peer", "name", "gateway", "netns", name)
        _run("ip", "address", "add", f"{HERE}/24", "dev", here)
        _run("ip", "link", "set", here, "up")
        inside = ["ip", "netns", "exec", name]
        _run(*inside, "ip", "address", "add", f"{GATEWAY}/24", "dev", "gateway")
        _run(*inside, "ip", "link", "set", "gateway", "up")
        _run(*inside, "ip", "link", "set", "lo", "up")
        yield inside
    finally:
        # The kernel removes it with the other network, but not before its last connection is closed.
        subprocess.run(["ip", "link", "delete", here], check=False)
        subprocess.run(["ip", "netns", "delete", name], check=False)


@contextmanager
def tunnel(
    inside: list[str],
    folder: Path,
    ports: tuple[int, ...] = (API_PORT, PARSL_PORT),
    gateway_ports: str = "clientspecified",
) -> Iterator[None]:
    """Run an sshd on the gateway, and forward ports from there, as the how-to tells users."""
    for name in ("host", "user"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    (folder / "known").write_text(f"[{GATEWAY}]:2222 {(folder / 'host.pub').read_text()}")
    options = {
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized",
        "ListenAddress": f"{GATEWAY}:2222",
        "PidFile": "none",
        "UsePAM": "no",
        "PermitRootLogin": "prohibit-password",
        "StrictModes": "no",
        "GatewayPorts": gateway_ports,
    }
    config = folder / "sshd_config"
    config.write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    os.makedirs("/run/sshd", exist_ok=True)  # noqa: PTH103 - as Debian's service does
    with (folder / "sshd.log").open("wb") as log:
        server = subprocess.Popen([*inside, str(SSHD), "-D", "-e", "-f", config], stderr=log)
    forwards = [f"-R{GATEWAY}:{port}:127.0.0.1:{port}" for port in ports]
    client: list[str | Path] = [
        *("ssh", "-F", "none", "-N", "-p", "2222", "-i", folder / "user"),
        *("-o", f"UserKnownHostsFile={folder / 'known'}", "-o", "ExitOnForwardFailure=yes"),
        *("-o", "ConnectionAttempts=30", "-v", *forwards, GATEWAY),
    ]
    messages = folder / "ssh.log"
    with messages.open("wb") as log:
        forwarding = subprocess.Popen(client, stdin=subprocess.DEVNULL, stderr=log)
    try:
        while messages.read_text(errors="replace").count("remote forward success") < len(forwards):
            assert forwarding.poll() is None, messages.read_text() + (folder / "sshd.log").read_text()
            time.sleep(0.05)
        yield
    finally:
        for process in (forwarding, server):
            process.terminate()
            process.wait()


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Return the file with the cluster of these tests."""
    file = tmp_path / "cluster.toml"
    file.write_text(
        f'[executor]\non = "local"\nlisten = "{GATEWAY}:{API_PORT}"\nworker_port = {PARSL_PORT}\n'
    )
    return str(file)


@pytest.mark.parametrize("network", [[], ["*"]])
def test_nodes_reach_this_machine_through_a_tunnel(
    make_app: MakeApp, tmp_path: Path, config: str, network: list[str]
) -> None:
    reads = tmp_path / "reads.txt"
    reads.write_text("ACGT\n" * 200_000)
    app = make_app(
        CODE,
        inputs={"reads": "file"},
        outputs={"copy": "file", "host": "string"},
        access={"network": network},
    )
    with gateway_machine() as inside, tunnel(inside, tmp_path):
        output = run_app(app, {"reads": reads}, executor_config=config).output
    assert output["copy"].read_text() == reads.read_text()
    assert output["host"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("ports", "gateway_ports", "message"),
    [
        ((API_PORT, PARSL_PORT), "no", rf"cannot connect to this machine at {GATEWAY}:{PARSL_PORT}\."),
        ((PARSL_PORT,), "clientspecified", rf"it cannot connect to {GATEWAY}:{API_PORT}: .*refused"),
    ],
    ids=["both", "api"],  # xdist requires the same in all processes
)
def test_a_port_that_nodes_do_not_reach_is_named(
    make_app: MakeApp,
    tmp_path: Path,
    config: str,
    ports: tuple[int, ...],
    gateway_ports: str,
    message: str,
) -> None:
    app = make_app("main() { true; }", interpreter="bash")
    with (
        gateway_machine() as inside,
        tunnel(inside, tmp_path, ports, gateway_ports),
        pytest.raises(JobFailedError, match=message) as caught,
    ):
        run_app(app, executor_config=config)
    assert "Traceback" not in str(caught.value)
