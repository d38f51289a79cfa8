"""Tests of `make test-variants`: its variants reach the tests, and one that cannot run is reported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.variants import NO_COMPILER, PLAIN_TOOLS

from dx_local.engine.environments.python_versions import running_version

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]

TESTS = """
import os, subprocess

def test_python():
    from tests.conftest import TEST_PYTHON
    from dx_local.engine.environments.python_environments import prepare_environment, request_of_python
    from dx_local.engine.settings import JobSettings
    environment = prepare_environment(request_of_python(TEST_PYTHON), announce=print)
    code = "import sys; print('%d.%d' % sys.version_info[:2], end='')"
    python = subprocess.check_output([environment.python, "-c", code], text=True)
    assert python == os.environ["DX_LOCAL_TEST_PYTHON"] == JobSettings().python

def test_tools():
    assert os.environ["DX_LOCAL_TOOLS"] == "plain"

def test_compiler(tmp_path):
    from dx_local.engine.environments.tool_client import native_client
    assert native_client(tmp_path) is None

def test_failure():
    assert False
"""

Run = subprocess.CompletedProcess[str]


@pytest.fixture
def run_variant(tmp_path: Path) -> Callable[..., Run]:
    """Run one test in a variant, with other variables."""
    (tmp_path / "test_it.py").write_text(TESTS)

    def run(variant: str, *tests: str, **variables: str) -> Run:
        command = [sys.executable, "-m", "tests.variants", "--only", variant, "--workers", "0"]
        command += [f"--parts={tmp_path / 'test_it.py'}::{test}" for test in tests]
        environment = {**os.environ, **variables}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "test"), [(running_version(), "test_python"), (NO_COMPILER, "test_compiler")]
)
def test_a_variant_reaches_the_tests(run_variant: Callable[..., Run], variant: str, test: str) -> None:
    done = run_variant(variant, test)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " | 1 | 0 | 0 | 0." in done.stdout
    assert done.stdout.endswith("1 of 1 variants ran, 0 failed, 0 cannot run on this machine\n")


@pytest.mark.slow
def test_a_failure_is_in_the_table_and_the_exit_code(run_variant: Callable[..., Run]) -> None:
    done = run_variant(PLAIN_TOOLS, "test_tools", "test_failure")
    assert "| DX_LOCAL_TOOLS=plain | 1 | 1 | 0 | 0." in done.stdout
    assert done.returncode == 1


def test_a_python_that_is_missing_is_reported(run_variant: Callable[..., Run], tmp_path: Path) -> None:
    missing = next(version for version in ("3.8", "3.9") if version != running_version())
    nowhere = {"PATH": "/nowhere", "PYENV_ROOT": str(tmp_path), "UV_PYTHON_INSTALL_DIR": str(tmp_path)}
    done = run_variant(missing, "test_python", **nowhere)
    assert f"**cannot run**: there is no Python {missing}" in done.stdout
    assert done.stdout.endswith("0 of 1 variants ran, 0 failed, 1 cannot run on this machine\n")
    assert done.returncode == 1
