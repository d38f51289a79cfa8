"""The worker's code parses in every Python that jobs may use; test_python_option.py runs each of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import dx_local.worker
from dx_local.engine.settings import OLDEST_PYTHON

MODULES = sorted(Path(dx_local.worker.__file__).parent.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_it_is_written_in_the_language_of_the_oldest(module: Path) -> None:
    ast.parse(module.read_text(encoding="utf-8"), feature_version=OLDEST_PYTHON)
