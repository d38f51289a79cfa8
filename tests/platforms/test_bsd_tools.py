"""Generated bash apps run with the tools of macOS, as far as wrappers can simulate them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.platforms.surroundings import DX_LOCAL, Surroundings, bsd_tools

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.platforms]

OPTIONS = (
    "--language bash --input reads:file --output n_lines:int --output report:file --no-input".split()  # noqa: SIM905
)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bsd_tools(tmp_path_factory.mktemp("tools") / "bin")


@pytest.mark.parametrize("pattern", ["basic", "parallelized", "scatter-process-gather"])
@pytest.mark.parametrize("content", ["text", "gzip", "binary"])
def test_a_generated_app_runs(tools: Path, tmp_path: Path, pattern: str, content: str) -> None:
    wizard = [str(DX_LOCAL.with_name("dx-app-wizard")), "app", *OPTIONS, "--template", pattern]
    subprocess.run(wizard, cwd=tmp_path, check=True, capture_output=True)
    reads = tmp_path / "reads.fq"
    reads.write_bytes(b"\0" * 10_000 if content == "binary" else b"@r\nACGT\n+\nIIII\n" * 400)
    if content == "gzip":
        subprocess.run(["gzip", reads], check=True)
        reads = reads.with_suffix(".fq.gz")
    # On macOS, jobs get a bash that is no older than this machine's.
    bash = shutil.which("bash")
    assert bash
    (tmp_path / "bash").mkdir()
    (tmp_path / "bash" / "bash").symlink_to(bash)
    surroundings = Surroundings({"PATH": f"{tools}{os.pathsep}{tmp_path / 'bash'}"})
    done = surroundings.run("run", tmp_path / "app", f"-ireads={reads}", "--json", "--isolation", "none")
    answer = json.loads(done.stdout)
    assert "illegal option" not in done.stdout + done.stderr
    if content == "binary":
        assert "binary and cannot be split" in answer["failure"]["message"]
    else:
        assert answer["output"]["n_lines"] == 1600, done.stderr
