"""Build generated apps with the real `dx build`, and run them on `dx-local serve`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.local_server import DX_LOCAL, LocalServer, user_variables

if TYPE_CHECKING:
    from pathlib import Path

_INTERFACE = "--input reads:file --output report:file --output n_lines:int"


@pytest.mark.parametrize(
    ("language", "template"),
    [
        ("python", "scatter-process-gather"),
        # Each of its jobs starts dx several times.
        pytest.param("bash", "parallelized", marks=pytest.mark.slow),
    ],
)
def test_a_generated_app_is_built_and_run(tmp_path: Path, language: str, template: str) -> None:
    wizard = DX_LOCAL.with_name("dx-app-wizard")
    options = f"app --language {language} --template {template} --no-input {_INTERFACE}".split()
    subprocess.run(
        [wizard, *options], cwd=tmp_path, env=user_variables(tmp_path), capture_output=True, check=True
    )
    (tmp_path / "reads.fastq").write_text("@r\nACGT\n+\nIIII\n" * 100)
    with LocalServer(tmp_path) as server:
        server.dx("upload", "reads.fastq", "--brief", "--wait")
        server.dx("build", "app", "--brief")
        ended = server.final(server.dx("run", "app", "-ireads=reads.fastq", "-y", "--brief"))
        assert (ended["state"], ended["output"]["n_lines"]) == ("done", 400)
        assert server.dx("cat", f"{ended['id']}:report")
