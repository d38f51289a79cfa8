"""A generated bash scatter app, and the verbs over its runs, in simulated surroundings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests import surroundings
from tests.surroundings import NotPossibleError, Surroundings

BIN = Path(sys.executable).parent
READS = surroundings.ROOT / "tests" / "data" / "reads.fastq"


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
    answer: dict[str, Any] = json.loads(done.stdout.decode("latin-1"))
    assert answer["output"]["n_lines"] == READS.read_bytes().count(b"\n")
    for words in (["run"], ["runs"], ["logs"], ["report"], ["clean", "-y"]):
        verb = run(place, "dx-local", *words, folder=place.folder / "kb")
        assert verb.returncode == 0, verb.stderr
        assert b"Traceback" not in verb.stderr
    assert len(list((place.folder / "kb" / "test-job-workspaces").iterdir())) == 1
