"""Every app that the wizard writes: clean by the usual tools, and green when it is run."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cookiecutter.main import cookiecutter

from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS
from dx_app_wizard.dxapp.classes import USUAL_CLASSES
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.rendering.render import render_app, templates
from dx_local.engine.cases.case_files import read_cases
from dx_local.engine.cases.case_run import case_differences
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_app_wizard.answers.choices import Language, Pattern

    MakeApp = Callable[[Language, Pattern, str], Path]

INTERFACES = ("typical", "nothing", "defaults", "every", "odd")
NAMES = ["-".join(words) for words in itertools.product(INTERFACES, PATTERNS, LANGUAGES)]
PAIRS = {
    f"{interface}-{pattern}-{LANGUAGES[(i + p) % len(LANGUAGES)]}"
    for (i, interface), (p, pattern) in itertools.product(enumerate(INTERFACES), enumerate(PATTERNS))
}
"""Names in which each interface meets each pattern and each language, and each pattern each language."""


def named(names: list[str]) -> pytest.MarkDecorator:
    """Parametrize by name; only the pairs are quick."""
    marks = {name: () if name in PAIRS else pytest.mark.slow for name in names}
    return pytest.mark.parametrize("name", [pytest.param(name, marks=marks[name]) for name in names])


CLASSES = [name for item in USUAL_CLASSES for name in (item, f"array:{item}")]
BIN = Path(sys.executable).parent


def tool(name: str, *arguments: str | Path) -> None:
    """Run a program of the development environment; fail with what it says."""
    done = subprocess.run([BIN / name, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def fastq(n_reads: int) -> str:
    return "".join(f"@read-{number}\nACGT\n+\nIIII\n" for number in range(n_reads))


def test_python_is_clean_by_ruff(apps: dict[str, Path]) -> None:
    tool("ruff", "check", "--isolated", "--no-cache", "--select=E,F,W,I,B,UP,D1", *apps.values())
    tool("ruff", "format", "--isolated", "--no-cache", "--check", *apps.values())


@pytest.mark.parametrize("pattern", PATTERNS)
def test_long_names_leave_nothing_to_ruff_in_ci_and_before_a_commit(pattern: Pattern, tmp_path: Path) -> None:
    parameters = {
        f"{part}Spec": [{"name": f"{'long_name_' * count}{number}", "class": name}
                        for count in (2, 3, 4) for number, name in enumerate(CLASSES)]
        for part in ("input", "output")
    }  # fmt: skip
    spec = AppSpec.from_dict({"name": "long", "runSpec": {"file": "src/long.py"}, **parameters})
    render_app(Plan(spec, "python", pattern), tmp_path / "long")
    tool("ruff", "check", "--isolated", "--no-cache", tmp_path)
    tool("ruff", "format", "--isolated", "--no-cache", "--check", tmp_path)


def test_python_is_clean_by_mypy(apps: dict[str, Path], tmp_path: Path) -> None:
    sources = [path for app in apps.values() for path in (app / "src").glob("*.py")]
    for name, app in apps.items():
        test = tmp_path / f"test_{re.sub(r'[^a-z]', '_', name)}.py"
        sources.append(Path(shutil.copy(app / "test" / "test_app.py", test)))
    tool(
        "mypy", "--strict", "--ignore-missing-imports", f"--cache-dir={tmp_path}", "--config-file=", *sources
    )


def test_bash_is_clean_by_shellcheck(apps: dict[str, Path]) -> None:
    tool("shellcheck", *(path for app in apps.values() for path in (app / "src").glob("*.sh")))


@named(NAMES)
def test_the_cases_of_an_app_pass_as_generated(apps: dict[str, Path], tmp_path: Path, name: str) -> None:
    """Both cases expect something of the same run."""
    cases = read_cases(apps[name])
    assert [case.name for case in cases] == ["interface", "sample"]
    request = RunRequest(apps[name], cases[0].given(), folder=tmp_path / "run")
    result = asyncio.run(run_once(request))
    lines = [line for case in cases for each in case_differences(case, result) for line in each.lines()]
    assert lines == []


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_one_case_holds_after_process_piece_was_replaced(make_app: MakeApp, language: Language) -> None:
    app = make_app(language, "parallelized", "typical")
    source = next((app / "src").iterdir())
    replaced = {
        "python": ('{"lines": len(lengths), "characters"', '{"lines": 7 * len(lengths), "characters"'),
        "bash": ('"%d\\t%d\\n", NR, characters', '"%d\\t%d\\n", 7 * NR, characters'),
    }[language]
    assert replaced[0] in source.read_text()
    source.write_text(source.read_text().replace(*replaced))
    test: list[str | Path] = [BIN / "dx-local", "test", "--app", app]
    done = subprocess.run(test, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert re.match(r"pass  interface .*\nFAIL  sample .*\n      report", done.stdout)
    assert "\n      n_lines: expected 40, got 280\n" in done.stdout
    assert subprocess.run([*test, "--update", "sample"], check=False).returncode == 7
    assert subprocess.run([*test, "sample"], check=False).returncode == 0


@named([name for name in NAMES if "-basic-" in name])
def test_the_test_of_an_app_passes_as_generated(apps: dict[str, Path], name: str) -> None:
    test = runpy.run_path(str(apps[name] / "test" / "test_app.py"))
    test["test_the_sample_inputs_give_the_expected_outputs"]()


def test_an_app_is_tested_by_typing_pytest(apps: dict[str, Path]) -> None:
    app = apps["typical-basic-python"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_test_of_an_app_notices_a_wrong_result(make_app: MakeApp) -> None:
    app = make_app("python", "basic", "typical")
    source = app / "src" / f"{app.name}.py"
    source.write_text(source.read_text().replace("len(lengths)", "len(lengths) + 1"))
    test = runpy.run_path(str(app / "test" / "test_app.py"))
    with pytest.raises(AssertionError):
        test["test_the_sample_inputs_give_the_expected_outputs"]()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_an_empty_file_is_one_empty_piece(
    apps: dict[str, Path], tmp_path: Path, language: Language, pattern: Pattern
) -> None:
    (tmp_path / "empty").touch()
    output = run_app(apps[f"typical-{pattern}-{language}"], {"reads": str(tmp_path / "empty")}).output
    assert output["n_lines"] == 0
    assert output["report"].read_text() == "piece\tlines\tcharacters\n1\t0\t0\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_pieces_are_cut_between_reads(apps: dict[str, Path], tmp_path: Path, language: Language) -> None:
    (tmp_path / "reads.fastq").write_text(fastq(23))
    report = run_app(apps[f"typical-basic-{language}"], {"reads": str(tmp_path / "reads.fastq")}).output[
        "report"
    ]
    lines = [int(row.split("\t")[1]) for row in report.read_text().splitlines()[1:]]
    assert sum(lines) == 23 * 4
    assert all(number % 4 == 0 for number in lines)
    assert len(lines) == {"python": 8, "bash": 4}[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_in_gzip_format_is_decompressed(
    apps: dict[str, Path], tmp_path: Path, language: Language
) -> None:
    (tmp_path / "reads.fastq.gz").write_bytes(gzip.compress(fastq(5).encode()))
    output = run_app(apps[f"typical-basic-{language}"], {"reads": str(tmp_path / "reads.fastq.gz")}).output
    assert output["n_lines"] == 20


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_last_line_without_end_counts(apps: dict[str, Path], tmp_path: Path, language: Language) -> None:
    (tmp_path / "notes").write_text("one\ntwo")
    output = run_app(apps[f"typical-basic-{language}"], {"reads": str(tmp_path / "notes")}).output
    assert output["report"].read_text() == "piece\tlines\tcharacters\n1\t2\t6\n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_process_jobs_are_given_the_inputs_of_the_app(make_app: MakeApp, language: Language) -> None:
    """An option of the app reaches the user's part, though another job runs it."""
    app = make_app(language, "scatter-process-gather", "option")
    source = next((app / "src").iterdir())
    mark, statement = {
        "python": ('    with piece.open("rb")', '    print("depth is", app_input["depth"])\n'),
        "bash": ("  LC_ALL=C awk '{ characters", '  echo "depth is $depth" >&2\n'),
    }[language]
    text = source.read_text()
    source.write_text(text.replace(mark, statement + mark, 1))
    assert "depth is 3" in run_app(app).log


def test_the_template_of_plain_cookiecutter_gives_an_app_that_runs(tmp_path: Path) -> None:
    folder = cookiecutter(
        str(templates()),
        no_input=True,
        default_config={"replay_dir": str(tmp_path / "replay")},
        extra_context={"pattern": "scatter-process-gather"},
        output_dir=str(tmp_path),
    )
    assert run_app(folder).output["n_lines"] == 40
