from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dx_local.api.coverage import as_markdown, implemented
from dx_local.api.routes import ROUTES

DX_LOCAL = Path(sys.executable).parent / "dx-local"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "coverage.md"


def doctor(*options: str) -> str:
    return subprocess.run([DX_LOCAL, "doctor", *options], check=True, capture_output=True, text=True).stdout


def test_it_says_what_there_is() -> None:
    names = [line.split("\t")[0] for line in doctor().splitlines()]
    assert names == ["dx-local", "Python", "dxpy", "bash", "git", "shellcheck", "API"]


def test_it_lists_every_route() -> None:
    assert doctor("--routes") == as_markdown()
    assert sum(len(methods) for methods in implemented().values()) == len(ROUTES)


def test_it_speaks_to_programs() -> None:
    answer = json.loads(doctor("--json"))
    assert answer["routes"] == implemented()
    assert answer["error"] is None


def test_the_page_of_routes_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == as_markdown(), (
        "run: python -m dx_local.api.coverage > docs/reference/coverage.md"
    )
