"""The commands of docs/how-to/generate-in-ci.md work, one after the other, as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs/how-to/generate-in-ci.md").read_text(encoding="utf-8")


def test_every_command_of_the_page_works(home: Path, tmp_path: Path) -> None:
    answers = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert answers
    (tmp_path / "answers.yaml").write_text(answers[1])
    (tmp_path / "dxapp.json").write_text(json.dumps({"name": "given"}))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    commands = re.findall(r"^\$ (.*)", PAGE, re.MULTILINE)
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    apps = {"count-reads", "count-kmers", "other-kmers", "given"}
    assert len(commands) == 6
    assert {folder.name for folder in tmp_path.iterdir() if folder.is_dir()} == apps
