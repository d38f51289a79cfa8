"""A generated bash scatter app, and the verbs over its runs, in simulated surroundings."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests import surroundings
from tests.surroundings import NotPossibleError, Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable

BIN = Path(sys.executable).parent
READS = surroundings.ROOT / "tests" / "data" / "reads.fastq"

SLEEPS = """
main() {
  trap 'exit 1' TERM
  echo "begun"
  while true; do sleep 0.1; done
}
"""


def made(name: str, folder: Path) -> Surroundings:
    try:
        return surroundings.make(name, folder)
    except NotPossibleError as error:
        pytest.skip(str(error))


def run(
    place: Surroundings, *words: str | Path, folder: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        place.command(BIN / str(words[0]), *words[1:]),
        cwd=folder or place.folder,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", surroundings.NAMES)
def test_a_generated_scatter_app_counts_all_reads(tmp_path: Path, name: str) -> None:
    place = made(name, tmp_path)
    template = ["--language", "bash", "--template", "scatter-process-gather"]
    interface = ["--input", "reads:file", "--output", "n_lines:int", "--no-input"]
    generated = run(place, "dx-app-wizard", "kb", *template, *interface)
    assert generated.returncode == 0, generated.stderr
    done = run(place, "dx-local", "run", "kb", f"-ireads={READS}", "--json")
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["output"]["n_lines"] == READS.read_bytes().count(b"\n")
    for words in (["runs"], ["logs"], ["report"], ["clean", "--keep", "0", "-y"]):
        verb = run(place, "dx-local", *words, folder=place.folder / "kb")
        assert verb.returncode == 0, verb.stderr
        assert b"Traceback" not in verb.stderr
    assert list((place.folder / "kb" / "test-job-workspaces").iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "warning"),
    [
        (surroundings.NO_LOCKS, b"without file locks"),
        (surroundings.NETWORK_DISK, b"is on a network file system (nfs4)"),
    ],
)
def test_a_run_in_progress_can_be_read(
    tmp_path: Path, name: str, warning: bytes, make_app: Callable[..., Path]
) -> None:
    place = made(name, tmp_path)
    app = make_app(SLEEPS, name="sleeps", interpreter="bash")
    running = subprocess.Popen(
        place.command(BIN / "dx-local", "run", app), stderr=subprocess.PIPE, env=place.environment()
    )
    assert running.stderr
    lines = []
    for line in running.stderr:
        lines.append(line)
        if line.endswith(b"begun\n"):
            break
    assert sum(warning in line for line in lines) == 1, lines
    following = subprocess.Popen(
        place.command(BIN / "dx-local", "logs", "main", "-f", "--app", app),
        stdout=subprocess.PIPE,
        env=place.environment(),
    )
    assert following.stdout
    assert following.stdout.readline() == b"begun\n"
    listed = run(place, "dx-local", "runs", "--json", folder=app)
    assert [each["state"] for each in json.loads(listed.stdout)["runs"]] == ["running"]
    assert run(place, "dx-local", "report", folder=app).returncode == 0
    kept = run(place, "dx-local", "clean", "--keep", "0", "-y", folder=app)
    assert kept.returncode == 0
    assert len(list((app / "test-job-workspaces").iterdir())) == 1
    running.send_signal(signal.SIGINT)
    running.stderr.read()
    assert running.wait() == 130
    following.stdout.read()
    assert following.wait() == 0
