"""The entries of execDepends that apply to a job."""

from __future__ import annotations

from typing import Any

import pytest

from dx_local.engine.environments.exec_depends import Dependency, dependencies_of


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"name": "samtools"}, Dependency("samtools", "apt")),
        ({"name": "x", "package_manager": "pip", "version": "1.2"}, Dependency("x", "pip", "1.2")),
        ({"name": "x", "package_manager": None, "version": 1.2}, Dependency("x", "apt", "1.2")),
        ({"name": "x", "stages": ["main", "map"]}, Dependency("x")),
        ({"name": "x", "stages": []}, Dependency("x")),
        ({"name": "x", "stages": ["reduce"]}, None),
        ({"name": "dx-toolkit"}, None),
        ({"name": "dx-toolkit", "package_manager": "git"}, Dependency("make")),
    ],
)
def test_an_entry_is_read(entry: dict[str, Any], expected: Dependency | None) -> None:
    found = dependencies_of({"execDepends": [entry, entry]}, "map")
    assert found == (() if expected is None else (expected,))


@pytest.mark.parametrize("run_spec", [{}, {"execDepends": []}, {"execDepends": None}])
def test_there_need_not_be_any(run_spec: dict[str, Any]) -> None:
    assert dependencies_of(run_spec, "main") == ()
