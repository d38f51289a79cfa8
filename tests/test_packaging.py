"""The files around the packages: recipe, citation, hooks, man pages and metadata agree with each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jinja2
import pytest
import tomli
import yaml

from dx_app_wizard import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parent.parent
PROJECT = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RECIPE = (ROOT / "packaging/bioconda/meta.yaml").read_text(encoding="utf-8")
CONDA_NAMES = {"tree-sitter": "tree_sitter"}
"""The names of conda-forge that differ from those of PyPI."""


@pytest.fixture(scope="module")
def recipe() -> Any:
    return yaml.safe_load(jinja2.Template(RECIPE).render(PYTHON="python"))


def requirements(lines: Iterable[str]) -> dict[str, str]:
    """Return the bounds of requirements by their names; conditions on the system are left out."""
    split = (re.fullmatch(r"([\w-]+) *(>=[\d.]+)?(?:;.*)?", line) for line in lines)
    return {match[1]: match[2] or "" for match in split if match}


def test_the_recipe_says_that_it_was_never_built() -> None:
    assert "It was never built" in RECIPE


def test_the_recipe_requires_what_the_package_requires(recipe: Any) -> None:
    expected = requirements(PROJECT["dependencies"])
    renamed = {CONDA_NAMES.get(name, name): bound for name, bound in expected.items()}
    assert len(renamed) == len(PROJECT["dependencies"])
    run = requirements(recipe["requirements"]["run"])
    assert run == {**renamed, "python": PROJECT["requires-python"], "__linux": ""}


def test_the_recipe_builds_this_version_of_this_package(recipe: Any) -> None:
    assert recipe["package"] == {"name": PROJECT["name"], "version": __version__}
    assert recipe["about"]["license"] == PROJECT["license"]
    assert recipe["build"]["entry_points"] == [
        f"{name} = {target}" for name, target in PROJECT["scripts"].items()
    ]


def test_the_citation_is_valid() -> None:
    schema = ("--builtin-schema", "vendor.citation-file-format")
    subprocess.run([BIN / "check-jsonschema", *schema, ROOT / "CITATION.cff"], check=True)


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (__version__, PROJECT["license"])


def test_no_address_is_one_that_somebody_else_may_own() -> None:
    """This project has none yet."""
    assert {urlsplit(url).hostname for url in PROJECT["urls"].values()} == {"documentation.dnanexus.com"}


def test_the_oldest_python_is_one_that_was_tested() -> None:
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={versions[0]}"


def test_the_man_pages_are_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "docs/man/generate.py", tmp_path], check=True)
    committed = {page.name: page.read_text() for page in (ROOT / "docs/man/man1").iterdir()}
    assert committed == {page.name: page.read_text() for page in tmp_path.iterdir()}, "run: make man"


def test_pre_commit_takes_the_hooks() -> None:
    subprocess.run([BIN / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"], check=True)


def hook_exit_code(hooks: Path, app: Path) -> int:
    """Return how pre-commit ends in an app with the hook of a repository."""
    command = (BIN / "pre-commit", "try-repo", hooks, "dx-local-lint", "--all-files")
    environment = {**os.environ, "PRE_COMMIT_HOME": str(hooks.parent / "pre-commit")}
    return subprocess.run(command, cwd=app, env=environment, check=False).returncode


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_hook_checks_an_app(tmp_path: Path) -> None:
    app = tmp_path / "app"
    flags = ("--language", "bash", "--template", "basic", "--no-input", "-o", tmp_path)
    subprocess.run([BIN / "dx-app-wizard", "app", *flags], check=True, capture_output=True)
    subprocess.run("git init -q && git add .", shell=True, cwd=app, check=True)
    subprocess.run(["git", "clone", "-q", ROOT, tmp_path / "hooks"], check=True)
    assert hook_exit_code(tmp_path / "hooks", app) == 0
    (app / "dxapp.json").write_text("{")
    assert hook_exit_code(tmp_path / "hooks", app) == 1
