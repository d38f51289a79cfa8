"""Verbs over a run in progress whose database has no write-ahead log."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests import surroundings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLEEPS = """
main() {
  trap 'exit 1' TERM
  echo "begun"
  while true; do sleep 0.1; done
}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "warning"),
    [
        (surroundings.NO_LOCKS, b"without file locks"),
        (surroundings.NETWORK_DISK, b"is on a network file system (nfs4)"),
    ],
)
def test_a_run_in_progress_can_be_read(
    tmp_path: Path, name: str, warning: bytes, make_app: Callable[..., Path], bin_folder: Path
) -> None:
    try:
        place = surroundings.make(name, tmp_path)
    except surroundings.NotPossibleError as error:
        pytest.skip(str(error))
    app = make_app(SLEEPS, name="sleeps", interpreter="bash")
    running = subprocess.Popen(
        place.command(bin_folder / "dx-local", "run", app), stderr=subprocess.PIPE, env=place.environment()
    )
    assert running.stderr
    lines = []
    for line in running.stderr:
        lines.append(line)
        if line.endswith(b"begun\n"):
            break
    assert sum(warning in line for line in lines) == 1, lines
    following = subprocess.Popen(
        place.command(bin_folder / "dx-local", "logs", "main", "-f", "--app", app),
        stdout=subprocess.PIPE,
        env=place.environment(),
    )
    assert following.stdout
    assert following.stdout.readline() == b"begun\n"

    def verb(*words: str) -> bytes:
        command = place.command(bin_folder / "dx-local", *words)
        return subprocess.run(
            command, cwd=app, env=place.environment(), capture_output=True, check=True, timeout=60
        ).stdout

    assert [each["state"] for each in json.loads(verb("runs", "--json"))["runs"]] == ["running"]
    verb("report")
    running.send_signal(signal.SIGINT)
    running.stderr.read()
    assert running.wait() == 130
    running.stderr.close()
    following.stdout.read()
    following.stdout.close()
    assert following.wait() == 0
