"""`--debugpy`: a job waits for VS Code; here a small client speaks VS Code's side of the protocol.

Source: https://microsoft.github.io/debug-adapter-protocol
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.screens import DX_LOCAL

from dx_app_wizard.installation import install_hint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]

ADDS = """
import dxpy

@dxpy.entry_point('process')
def process(number):
    total = number + 2
    return {'n': total}

@dxpy.entry_point('main')
def main():
    job = dxpy.new_dxjob({'number': 40}, 'process')
    return {'n': job.get_output_ref('n')}

dxpy.run()
"""


class Client:
    """A client of a debug adapter."""

    def __init__(self, port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            self._stream = connection.makefile("rwb")
        self._sequence = 0

    def send(self, command: str, **arguments: Any) -> None:
        self._sequence += 1
        request = {"seq": self._sequence, "type": "request", "command": command, "arguments": arguments}
        text = json.dumps(request).encode()
        self._stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(text), text))
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()

    def until(self, kind: str, name: str) -> dict[str, Any]:
        """Return the next response to a command, or the next event of a name."""
        while True:
            length = int(self._stream.readline().split(b":")[1])
            self._stream.readline()
            message: dict[str, Any] = json.loads(self._stream.read(length))
            if message["type"] == kind and name in (message.get("command"), message.get("event")):
                return message

    def request(self, command: str, **arguments: Any) -> Any:
        self.send(command, **arguments)
        response = self.until("response", command)
        assert response["success"], response
        return response.get("body")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.slow
def test_a_client_attaches_stops_at_a_breakpoint_and_goes_on(make_app: MakeApp) -> None:
    app, port = make_app(ADDS, outputs={"n": "int"}, name="adds"), free_port()
    options = ["--debugpy", str(port), "--debug-job", "process", "--progress", "plain"]
    with subprocess.Popen(
        [DX_LOCAL, "run", app, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        debug(run, app, port)


def debug(run: subprocess.Popen[str], app: Path, port: int) -> None:
    assert run.stderr
    waiting = f"process | waiting for VS Code to attach to 127.0.0.1:{port}\n"
    seen = next(line for line in run.stderr if line == waiting or "rror" in line)
    assert seen == waiting
    (configuration,) = json.loads((app / ".vscode/launch.json").read_bytes())["configurations"]
    with closing(Client(configuration["connect"]["port"])) as client:
        step(client, configuration, app / "src/adds.py")
        stdout, stderr = run.communicate(timeout=60)
    assert (run.returncode, stdout) == (0, "n\t42\n"), stderr


def step(client: Client, configuration: dict[str, Any], code: Path) -> None:
    client.request("initialize", adapterID="test", pathFormat="path")
    client.send("attach", **configuration)
    client.until("event", "initialized")
    source = {"path": str(code)}
    set_points = client.request("setBreakpoints", source=source, breakpoints=[{"line": 7}])
    assert set_points["breakpoints"][0]["verified"]
    client.request("configurationDone")
    thread = client.until("event", "stopped")["body"]["threadId"]
    frame = client.request("stackTrace", threadId=thread)["stackFrames"][0]
    assert (frame["source"]["path"], frame["line"], frame["name"]) == (source["path"], 7, "process")
    assert client.request("evaluate", expression="total", frameId=frame["id"])["result"] == "42"
    client.send("continue", threadId=thread)


@pytest.mark.parametrize(
    ("interpreter", "message"),
    [
        ("bash", r"debugpy does not debug bash"),
        ("python3", r"port \d+ cannot be used: Address already"),
    ],
)
def test_wrong_use_is_an_error(dx_local: DxLocal, make_app: MakeApp, interpreter: str, message: str) -> None:
    app, port = make_app("main() { :; }", interpreter=interpreter), free_port()
    with socket.create_server(("127.0.0.1", port if interpreter == "python3" else 0)):
        done = dx_local("run", app, "--debugpy", str(port))
    assert (done.exit_code, bool(re.search(message, done.stderr))) == (2, True), done.stderr
    assert not (app / ".vscode").exists()


def test_a_missing_package_is_named(
    dx_local: DxLocal, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "debugpy", None)
    done = dx_local("run", make_app(ADDS), "--debugpy", str(free_port()))
    assert done.exit_code == 2
    assert install_hint("debugpy") in done.stderr
