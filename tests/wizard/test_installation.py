"""The command that adds an extra to an installation, by the records of its installer."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.installation import install_hint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

METADATA = """\
Metadata-Version: 2.4
Name: dx-app-wizard
Version: 9.9
Requires-Dist: click>=8.1
Requires-Dist: cryptography>=42; extra == 'parsl'
Requires-Dist: parsl>=2026.9; extra == 'parsl'
"""
PIP = f"{shlex.quote(sys.executable)} -m pip install"
UV_RECEIPT = """\
[tool]
requirements = [
    { name = "dx-app-wizard", extras = ["wdl"], directory = "/here" },
    { name = "pandas", specifier = ">=2" },
]
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The folder from which the package was installed."""
    folder = tmp_path / "my clone"
    folder.mkdir()
    return folder


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the running Python that of an environment with the package."""

    def install(record: dict[str, Any] | None, **files: str) -> None:
        found = tmp_path / "environment" / "dx_app_wizard-9.9.dist-info"
        found.mkdir(parents=True)
        (found / "METADATA").write_text(METADATA)
        if record:
            (found / "direct_url.json").write_text(json.dumps(record))
        for name, text in files.items():
            (found.parent / name.replace("__", ".").replace("uv_", "uv-")).write_text(text)
        monkeypatch.syspath_prepend(found.parent)
        monkeypatch.setattr(sys, "prefix", str(found.parent))

    return install


@pytest.mark.parametrize(
    ("files", "is_editable", "command"),
    [
        ({}, False, f"{PIP} '{{}}[parsl]'"),
        ({}, True, f"{PIP} --editable '{{}}[parsl]'"),
        ({"pipx_metadata__json": "{}"}, False, "pipx install --force '{}[parsl]'"),
        ({"pipx_metadata__json": "{}"}, True, "pipx install --force --editable '{}[parsl]'"),
        (
            {"uv_receipt__toml": UV_RECEIPT},
            False,
            "uv tool install --force --with 'pandas>=2' '{}[parsl,wdl]'",
        ),
    ],
)
def test_an_extra_is_installed_as_the_package_was(
    install: Callable[..., None], clone: Path, files: dict[str, str], is_editable: bool, command: str
) -> None:
    install({"url": clone.as_uri(), "dir_info": {"editable": is_editable}}, **files)
    assert install_hint("parsl") == f"Install it: {command.format(clone)}"


@pytest.mark.parametrize(
    ("record", "requirement"),
    [
        (
            {"url": "https://a.org/w.git", "vcs_info": {"vcs": "git", "commit_id": "12ab"}},
            "dx-app-wizard[parsl] @ git+https://a.org/w.git@12ab",
        ),
        ({"url": "https://a.org/w.whl", "archive_info": {}}, "dx-app-wizard[parsl] @ https://a.org/w.whl"),
    ],
)
def test_the_package_comes_from_the_same_address(
    install: Callable[..., None], record: dict[str, Any], requirement: str
) -> None:
    install(record)
    assert install_hint("parsl") == f"Install it: {PIP} '{requirement}'"


@pytest.mark.parametrize(
    "record",
    [
        None,
        {"url": "file:///no/such/folder", "dir_info": {}},
        {"url": "https://a.org/w.whl?signature=1", "archive_info": {}},
        {"url": "https://me:secret@a.org/w.whl", "archive_info": {}},
    ],
)
def test_an_origin_that_is_unknown_or_gone_is_not_guessed(
    install: Callable[..., None], record: dict[str, Any] | None
) -> None:
    install(record)
    assert install_hint("parsl") == f"Install it: {PIP} 'cryptography>=42' 'parsl>=2026.9'"


def test_an_environment_without_pip_gets_packages_by_uv(
    install: Callable[..., None], clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    install({"url": clone.as_uri(), "dir_info": {}})
    python = shlex.quote(sys.executable)
    assert install_hint("wdl") == (f"Install it: {python} -m uv pip install --python {python} '{clone}[wdl]'")
