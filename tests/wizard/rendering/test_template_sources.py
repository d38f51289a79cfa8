"""The sources that the templates write, examined as text without running them."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.rendering.render import render_app, templates

if TYPE_CHECKING:
    from dx_app_wizard.answers.choices import Language, Pattern

ENTRY_POINTS = {
    "basic": ["main"],
    "parallelized": ["main", "process", "postprocess"],
    "scatter-process-gather": ["main", "scatter", "map", "process", "postprocess"],
}


def source(
    folder: Path, language: Language, pattern: Pattern, inputs: list[dict[str, Any]] | None = None
) -> str:
    """Return the source of an app with these inputs, rendered in folder."""
    raw = {
        "name": "app",
        "inputSpec": [{"name": "reads", "class": "file"}] if inputs is None else inputs,
        "outputSpec": [{"name": "report", "class": "file"}, {"name": "n_lines", "class": "int"}],
        "runSpec": {"interpreter": language, "file": "src/app"},
    }
    render_app(Plan(AppSpec.from_dict(raw), language, pattern), folder / "app")
    return (folder / "app" / "src" / "app").read_text(encoding="utf-8")


def main_of(text: str) -> ast.FunctionDef:
    module = ast.parse(text, feature_version=(3, 8))
    return next(node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "main")


def names_in_body(function: ast.FunctionDef) -> list[str]:
    """Return every name that a function uses or sets, except for those inside comprehensions."""
    nodes = [node for statement in function.body for node in ast.walk(statement)]
    inner = {ast.unparse(node.target) for node in nodes if isinstance(node, ast.comprehension)}
    return [node.id for node in nodes if isinstance(node, ast.Name) and node.id not in inner]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_python_has_the_entry_points_of_its_pattern(tmp_path: Path, pattern: Pattern) -> None:
    text = source(tmp_path, "python", pattern)
    assert re.findall(r'@dxpy\.entry_point\("(\w+)"\)', text) == ENTRY_POINTS[pattern]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_bash_has_the_entry_points_of_its_pattern(tmp_path: Path, pattern: Pattern) -> None:
    functions = re.findall(r"^(\w+)\(\) \{$", source(tmp_path, "bash", pattern), re.MULTILINE)
    assert set(ENTRY_POINTS[pattern]) <= set(functions)
    assert "eval" not in functions


@pytest.mark.parametrize("pattern", PATTERNS)
def test_python_runs_on_the_oldest_worker(tmp_path: Path, pattern: Pattern) -> None:
    """Ubuntu 20.04 has Python 3.8: no newer syntax, and no newer types outside annotations."""
    tree = ast.parse(source(tmp_path, "python", pattern), feature_version=(3, 8))
    code = compile(tree, "app", "exec")
    assert "annotations" in code.co_names


def test_inputs_are_the_parameters_of_main_those_without_default_first(tmp_path: Path) -> None:
    inputs: list[dict[str, Any]] = [
        {"name": "depth", "class": "int", "default": 3},
        {"name": "note", "class": "string", "optional": True},
        {"name": "quote", "class": "string", "default": 'it\'s "so"\n'},
        {"name": "words", "class": "array:string", "default": ["a"]},
        {"name": "reads", "class": "file"},
        {"name": "options", "class": "hash"},
    ]
    signature = ast.unparse(main_of(source(tmp_path, "python", "basic", inputs)).args)
    assert signature == (
        "reads: JSON, options: JSON, depth: int=3, note: str | None=None, quote: str='it\\'s \"so\"\\n', "
        "words: list[str] | None=None"
    )


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_name_of_an_input_stands_in_the_way_of_the_app(tmp_path: Path, pattern: Pattern) -> None:
    """If inputs have the names of objects in main, main uses each once, to pass it on."""
    usual = {*names_in_body(main_of(source(tmp_path / "usual", "python", pattern))), "str", "JSON"}
    inputs = [{"name": name, "class": "string"} for name in sorted(usual - {"dxpy"})]
    main = main_of(source(tmp_path / "odd", "python", pattern, inputs))
    assert sorted(name for name in names_in_body(main) if name in usual - {"dxpy"}) == sorted(
        usual - {"dxpy"}
    )


@pytest.mark.parametrize("pattern", PATTERNS)
def test_bash_variables_of_the_app_are_no_inputs(tmp_path: Path, pattern: Pattern) -> None:
    usual = set(re.findall(r"\$\{?(\w+)", source(tmp_path / "usual", "bash", pattern)))
    wanted = sorted(name for name in usual if name.islower() and name != "reads")
    inputs = [{"name": name, "class": "int"} for name in wanted]
    text = source(tmp_path / "odd", "bash", pattern, inputs)
    functions = re.findall(r"^(\w+)\(\) \{$(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    for name, body in functions:
        if name in (*ENTRY_POINTS[pattern], "gather"):
            assert set(re.findall(r"(?<!\\)\$\{?(\w+)", body)).isdisjoint(wanted)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_required_file_is_cut_rather_than_an_optional_one(tmp_path: Path, language: Language) -> None:
    inputs: list[dict[str, Any]] = [
        {"name": "words", "class": "array:string"},
        {"name": "adapters", "class": "file", "optional": True},
        {"name": "reads", "class": "file"},
    ]
    text = source(tmp_path, language, "basic", inputs)
    assert {"python": "download_all([reads])", "bash": 'download_into material "${reads[@]}"'}[
        language
    ] in text


@pytest.mark.parametrize("pattern", PATTERNS)
def test_bash_parses(tmp_path: Path, pattern: Pattern) -> None:
    text = source(tmp_path, "bash", pattern)
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)


def test_no_template_is_a_python_file() -> None:
    """Installers compile every .py of a wheel, and a template is not Python."""
    assert [str(path) for path in templates().rglob("*.py")] == []


def test_every_template_stands_in_a_folder_of_the_app_or_the_templates() -> None:
    assert {path.name for path in templates().iterdir()} == {
        "cookiecutter.json",
        "templates",
        "{{cookiecutter.name}}",
    }
    assert Path(templates(), "templates", "facts.jinja").is_file()
