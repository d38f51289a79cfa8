"""`dx-local serve` in a state folder whose file system has no locks, or is shared with other hosts."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests import surroundings
from tests.local_server import DX_LOCAL, LocalServer

if TYPE_CHECKING:
    from pathlib import Path

CODE = "main() { dx-jobutil-add-output n 3 --class int; }"


@pytest.mark.slow
@pytest.mark.parametrize("name", [surroundings.NO_LOCKS, surroundings.NETWORK_DISK])
def test_a_platform_has_one_server_and_outlives_it(tmp_path: Path, name: str) -> None:
    try:
        place = surroundings.make(name, tmp_path)
    except surroundings.NotPossibleError as error:
        pytest.skip(str(error))
    extra = {"TMPDIR": place.variables["TMPDIR"], "PYTHONPATH": str(surroundings.ROOT)}

    def status(verb: str) -> int:
        command = place.command(DX_LOCAL, verb, "--state", tmp_path / "state")
        return subprocess.run(
            command, env=place.environment(), capture_output=True, check=False, timeout=60
        ).returncode

    with LocalServer(tmp_path, prefix=place.prefix, extra=extra) as server:
        assert (status("env"), status("serve")) == (0, 4)
        applet = server.new_applet("app", CODE, outputSpec=[{"name": "n", "class": "int"}])
        job = server.run(applet)
        assert server.final(job)["output"] == {"n": 3}
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        assert status("env") == 2
    with LocalServer(tmp_path, prefix=place.prefix, extra=extra) as server:
        assert server.final(job)["output"] == {"n": 3}
