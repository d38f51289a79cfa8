"""The files for continuous integration: their names, their permissions, and their schemas."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_app_wizard.answers.choices import Language

    Wizard = Callable[..., Any]

BIN = Path(sys.executable).parent
FILES = {
    "none": set[str](),
    "github": {".github/workflows/test.yml", ".pre-commit-config.yaml"},
    "gitlab": {".gitlab-ci.yml", ".pre-commit-config.yaml"},
}
PACKAGE = "dx-app-wizard @ git+https://git.example.org/dx-app-wizard@0123abc#subdirectory=a&egg=b"
EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")
EXPRESSIONS = {"runner.os", "hashFiles"}
NEW = ("app", "--language", "python", "--template", "basic", "--no-input", "--ci-package", PACKAGE)


def files_of(app: Path) -> set[str]:
    return {path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file()}


@pytest.fixture
def workflow(wizard: Wizard, tmp_path: Path) -> Any:
    """The GitHub workflow of an app."""
    wizard(*NEW, "--ci", "github")
    return yaml.safe_load((tmp_path / "app/.github/workflows/test.yml").read_text())


@pytest.mark.parametrize("service", FILES)
def test_a_service_gets_its_files(wizard: Wizard, tmp_path: Path, service: str) -> None:
    wizard(*NEW, "-o", "plain")
    assert wizard(*NEW, "--ci", service).code == 0
    assert files_of(tmp_path / "app") - files_of(tmp_path / "plain/app") == FILES[service]


@pytest.mark.parametrize("arguments", [("--set", "ci=GitLab"), ("--answers", "answers.json")])
def test_ci_is_a_key_like_any_other(wizard: Wizard, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "answers.json").write_text('{"ci": "gitlab"}')
    assert wizard(*NEW, *arguments).code == 0
    assert (tmp_path / "app/.gitlab-ci.yml").is_file()


@pytest.mark.parametrize("language", ["python", "bash"])
@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_ci_installs_the_package_that_was_named(
    wizard: Wizard, tmp_path: Path, service: str, language: Language
) -> None:
    wizard(*NEW, "--ci", service, "--language", language)
    file = yaml.safe_load((tmp_path / "app" / min(FILES[service])).read_text())
    assert {"github": file.get("env"), "gitlab": file.get("variables")}[service]["PACKAGE"] == PACKAGE


def test_an_unknown_service_is_refused(wizard: Wizard, tmp_path: Path) -> None:
    outcome = wizard(*NEW, "--ci", "git-hub")
    assert outcome.code == 2
    assert "expected one of none, github, gitlab; got 'git-hub'; did you mean github?" in outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_folder_is_empty(wizard: Wizard, tmp_path: Path) -> None:
    wizard(*NEW)
    assert all(any(folder.iterdir()) for folder in tmp_path.rglob("*") if folder.is_dir())


@pytest.mark.parametrize("language", ["python", "bash"])
@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_the_service_takes_its_file(wizard: Wizard, tmp_path: Path, service: str, language: Language) -> None:
    """The schemas are those of SchemaStore and GitLab, which check-jsonschema includes."""
    wizard(*NEW, "--ci", service, "--language", language)
    schema = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}[service]
    file = tmp_path / "app" / min(FILES[service])
    done = subprocess.run(
        [BIN / "check-jsonschema", "--builtin-schema", schema, file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("language", ["python", "bash"])
def test_pre_commit_takes_its_file(wizard: Wizard, tmp_path: Path, language: Language) -> None:
    wizard(*NEW, "--ci", "github", "--language", language)
    file = tmp_path / "app/.pre-commit-config.yaml"
    subprocess.run([BIN / "pre-commit", "validate-config", file], check=True)
    hooks = [hook["id"] for hook in yaml.safe_load(file.read_text())["repos"][0]["hooks"]]
    assert hooks == [
        "dx-local-lint",
        *{"python": ["ruff-check", "ruff-format"], "bash": ["shellcheck"]}[language],
    ]


def test_the_workflow_may_only_read_and_knows_no_secret(workflow: Any, tmp_path: Path) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["test"]["steps"][0]["with"] == {"persist-credentials": False}
    text = (tmp_path / "app/.github/workflows/test.yml").read_text()
    # No expression holds a secret, or text that a pull request chooses.
    assert {word for words in EXPRESSION.findall(text) for word in words.split("(")[:1]} == EXPRESSIONS
    assert "secrets" not in text


def test_actions_are_pinned_to_a_major_version_of_github_itself(workflow: Any) -> None:
    uses = [step["uses"] for step in workflow["jobs"]["test"]["steps"] if "uses" in step]
    assert uses
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in uses)


def test_a_name_with_any_sign_is_no_yaml(wizard: Wizard, tmp_path: Path) -> None:
    wizard("No.1-_e", *NEW[1:], "--ci", "github")
    file = tmp_path / "No.1-_e/.github/workflows/test.yml"
    assert yaml.safe_load(file.read_text())["name"] == "Test No.1-_e"
