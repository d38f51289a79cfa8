"""The package that CI installs: pinned to the origin of the running copy, or named by the user."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.answers.installed_package import pinned_requirement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.wizard.conftest import Terminal

    Wizard = Callable[..., Any]
    Start = Callable[..., Terminal]

NEW = ("app", "--language", "python", "--template", "basic", "--ci", "github")
PACKAGE = "dx-app-wizard @ git+https://git.example.org/dx-app-wizard@0123abc"
OTHER = "dx-app-wizard==0.1.0"
HTTPS = "https://git.example.org/team/wizard.git"
WHEEL = "https://files.example.org/dx_app_wizard-0.1.0-py3-none-any.whl"
COMMIT = {"vcs": "git", "commit_id": "0123abc", "requested_revision": "main"}
HASHES = {"hashes": {"md5": "11", "sha256": "99ff"}}


def package_of(app: Path) -> Any:
    record = json.loads((app / ".dx-app-wizard.json").read_text())
    return record["answers"].get("ci_package")


@pytest.mark.parametrize(
    ("record", "requirement"),
    [
        pytest.param(
            {"url": HTTPS, "vcs_info": COMMIT}, f"dx-app-wizard @ git+{HTTPS}@0123abc", id="git commit"
        ),
        pytest.param(
            {"url": HTTPS, "vcs_info": COMMIT, "subdirectory": "tools/wizard"},
            f"dx-app-wizard @ git+{HTTPS}@0123abc#subdirectory=tools/wizard",
            id="folder of a git repository",
        ),
        pytest.param(
            {"url": "https://me:secret@git.example.org/w", "vcs_info": COMMIT},
            "dx-app-wizard @ git+https://git.example.org/w@0123abc",
            id="without the password",
        ),
        pytest.param(
            {"url": "ssh://git@git.example.org:2222/w", "vcs_info": COMMIT},
            "dx-app-wizard @ git+ssh://git@git.example.org:2222/w@0123abc",
            id="ssh keeps the user",
        ),
        pytest.param(
            {"url": WHEEL, "archive_info": HASHES}, f"dx-app-wizard @ {WHEEL}#sha256=99ff", id="archive"
        ),
        pytest.param(
            {"url": WHEEL, "archive_info": {"hash": "sha256=99ff"}},
            f"dx-app-wizard @ {WHEEL}#sha256=99ff",
            id="archive with the former key",
        ),
    ],
)
def test_a_recorded_origin_is_pinned(record: dict[str, Any], requirement: str) -> None:
    assert pinned_requirement(record) == requirement


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({"url": "file:///src/wizard", "dir_info": {"editable": True}}, id="editable"),
        pytest.param({"url": "file:///src/wizard", "vcs_info": COMMIT}, id="clone on this machine"),
        pytest.param({"url": "file:///w.whl", "archive_info": HASHES}, id="wheel on this machine"),
        pytest.param({"url": WHEEL, "archive_info": {}}, id="archive without a hash"),
        pytest.param({"url": WHEEL, "archive_info": {"hashes": {"md5": "11"}}}, id="weak hash"),
        pytest.param({"url": f"{WHEEL}?signature=secret", "archive_info": HASHES}, id="signed link"),
        pytest.param({"url": "https://git.example.org/a b", "vcs_info": COMMIT}, id="space"),
    ],
)
def test_any_other_origin_is_not_pinned(record: dict[str, Any]) -> None:
    assert pinned_requirement(record) is None


def test_without_a_package_nothing_is_written(wizard: Wizard, tmp_path: Path) -> None:
    outcome = wizard(*NEW, "--no-input")
    assert outcome.code == 2
    assert "--ci-package  missing: the requirement from which CI installs dx-app-wizard" in outcome.stderr
    assert "--ci github --ci-package 'dx-app-wizard @ git+https://" in outcome.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "package",
    ["dx-app-wizard", "dx-app-wizard>=0.1", "--index-url=https://example.org", "a==1 b==2", 'a @ https://"'],
)
def test_a_package_that_is_not_pinned_is_refused(wizard: Wizard, tmp_path: Path, package: str) -> None:
    outcome = wizard(*NEW, "--no-input", f"--ci-package={package}")
    assert outcome.code == 2
    assert f"{package!r} names neither a version nor a URL" in outcome.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", [PACKAGE, OTHER, WHEEL, "wheels/dx_app_wizard-0.1.0-py3-none-any.whl"])
def test_a_package_that_is_pinned_is_taken(wizard: Wizard, tmp_path: Path, package: str) -> None:
    assert wizard(*NEW, "--no-input", "--ci-package", package).code == 0
    assert package_of(tmp_path / "app") == package


def test_without_ci_files_no_package_is_needed(wizard: Wizard, tmp_path: Path) -> None:
    assert wizard(*NEW, "--ci", "none", "--no-input").code == 0
    assert package_of(tmp_path / "app") is None


def test_a_policy_may_name_the_package(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / ".dx-app-wizard.toml").write_text(f'[wizard]\nci = "github"\nci_package = "{PACKAGE}"\n')
    assert wizard(*NEW[:5], "--no-input").code == 0
    assert f'PACKAGE: "{PACKAGE}"' in (tmp_path / "app/.github/workflows/test.yml").read_text()


@pytest.mark.parametrize("flags", [(), ("--defaults",)])
def test_a_person_is_asked_for_the_package(terminal: Start, tmp_path: Path, flags: tuple[str, ...]) -> None:
    rest = () if flags else (
        "--title", "t", "--summary", "s", "--version", "1.0.0", "--input", "k:int", "--output", "n:int",
        "--timeout", "1h", "--no-network", "--project-access", "none", "--region", "aws:us-east-1",
        "--instance-type", "mem1_ssd1_v2_x4",
    )  # fmt: skip
    wizard = terminal(*NEW, *flags, *rest)
    wizard.talk(
        ("Package that CI installs:", ""),
        ("an answer is required", "dx-app-wizard"),
        ("names neither a version nor a URL", PACKAGE),
        ("Write the app[?]", ""),
    )
    assert wizard.end()[0] == 0
    assert package_of(tmp_path / "app") == PACKAGE


def test_nobody_is_asked_when_a_policy_names_the_package(terminal: Start, tmp_path: Path) -> None:
    (tmp_path / ".dx-app-wizard.toml").write_text(f'[wizard]\nci_package = "{PACKAGE}"\n')
    wizard = terminal(*NEW, "--defaults")
    wizard.process.expect("App directory created")
    assert wizard.end()[0] == 0


def test_an_update_keeps_the_recorded_package(wizard: Wizard, tmp_path: Path) -> None:
    wizard(*NEW, "--no-input", "--ci-package", PACKAGE)
    assert wizard("--update", "app", "--ci", "gitlab").code == 0
    assert f'PACKAGE: "{PACKAGE}"' in (tmp_path / "app/.gitlab-ci.yml").read_text()
    assert wizard("--update", "app", "--ci-package", OTHER).code == 0
    assert package_of(tmp_path / "app") == OTHER


def test_an_update_to_ci_files_needs_a_package(wizard: Wizard, tmp_path: Path) -> None:
    wizard(*NEW[:5], "--no-input")
    outcome = wizard("--update", "app", "--ci", "github")
    assert (outcome.code, "--ci-package" in outcome.stderr) == (2, True)
    assert wizard("--update", "app", "--ci", "github", "--ci-package", PACKAGE).code == 0
