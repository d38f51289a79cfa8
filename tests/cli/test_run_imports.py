"""Modules that a run imports only if it needs them, because each start would wait for them."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]


@pytest.fixture(scope="module")
def imported(make_module_app: MakeApp) -> set[str]:
    """The modules that a run imports whose job makes no request."""
    app = make_module_app("main() { :; }\n", interpreter="bash")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dx_local", "run", app, "-q"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))


def test_the_modules_of_the_run_are_seen(imported: set[str]) -> None:
    assert {"dx_local.engine.runs.run", "dx_local.engine.reports.run_report"} <= imported


@pytest.mark.parametrize(
    "module",
    [
        *("dx_local.api.server", "dx_local.api.routes", "uvicorn", "starlette", "websockets"),
        *("importlib.metadata", "watchfiles", "jsonschema", "rich", "prompt_toolkit", "jinja2"),
    ],
)
def test_a_run_without_requests_does_not_import(imported: set[str], module: str) -> None:
    assert module not in imported
