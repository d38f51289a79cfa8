"""The matrix: every template with every class, optional or not, as input and output, alone and together.

Of each language and pattern some hundred apps are written, with names of every kind. All must be clean
by the linters and type checkers, but for the length of lines with long names. They must run on their
samples until they are done, on one platform for all of a template. Of the patterns with many jobs, only
those apps are run that have a class both as input and as output.
"""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import TEST_ISOLATION

from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS
from dx_app_wizard.dxapp.classes import (
    CLASSES,
    EMULATED_CLASSES,
    LINK_CLASSES,
    VALUE_CLASSES,
    mismatch,
    parse_class,
    sample_value,
)
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.rendering.render import render_app
from dx_local.engine.reports.failure_report import explain
from dx_local.engine.runs.inputs import GivenInputs, samples_of
from dx_local.engine.runs.preparation import RunRequest, prepare
from dx_local.engine.runs.start import start_app
from dx_local.engine.session import Observer, Session, SessionOptions
from dx_local.engine.settings import JobSettings
from dx_local.platform.execution import job_descriptions

if TYPE_CHECKING:
    from dx_app_wizard.answers.choices import Language, Pattern

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BIN = Path(sys.executable).parent
TEMPLATES = list(itertools.product(LANGUAGES, PATTERNS))
KINDS = ("required", "optional", "default")
NO_SAMPLE = tuple(name for name in LINK_CLASSES if name not in EMULATED_CLASSES)
"""Classes that the local platform has no objects of; a run of an app that requires one needs its ID."""

NOT_MADE = (*NO_SAMPLE, "gtable")
"""Classes of outputs that a generated app cannot create, but only pass on from its inputs."""

APP_NAMES = ("app-{}", "app.v{}", "{}-lives", "App_{}", "a--b..c__{}", "X{}")
PARAMETER_NAMES = (
    "x_{}",
    "X{}",
    "_{}",
    "{}_longer",
    "dx{}",
    "n0_{}",
)


@dataclass(frozen=True)
class Case:
    """One app to write: what it is called, and its inputs and outputs."""

    name: str
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]

    @property
    def given_by_nobody(self) -> list[str]:
        """The required inputs for which there is no sample."""
        return [field["name"] for field in self.inputs if _is_bare(field) and _item(field) in NO_SAMPLE]

    @property
    def not_made(self) -> list[str]:
        """The outputs that the app neither makes nor passes on."""
        passed_on = {field["class"] for field in self.inputs if "optional" not in field}
        return [
            field["name"]
            for field in self.outputs
            if _item(field) in NOT_MADE and field["class"] not in passed_on
        ]

    @property
    def has_both(self) -> bool:
        """Return whether every class of the inputs is a class of an output too."""
        return bool(self.inputs) and {field["class"] for field in self.inputs} <= {
            field["class"] for field in self.outputs
        }

    @property
    def runs_to_its_end(self) -> bool:
        """Return whether the app can succeed as generated."""
        required = {field["name"] for field in self.outputs if _is_bare(field)}
        return not self.given_by_nobody and required.isdisjoint(self.not_made)


def _item(field: dict[str, Any]) -> str:
    return parse_class(field["class"]).item


def _is_bare(field: dict[str, Any]) -> bool:
    return "optional" not in field and "default" not in field


def parameter(number: int, io_class: str, kind: str) -> dict[str, Any]:
    """Return a parameter of a class, called in one of many ways."""
    name = PARAMETER_NAMES[number % len(PARAMETER_NAMES)].format(io_class.replace(":", "_"))
    field: dict[str, Any] = {"name": name, "class": io_class}
    if kind == "optional":
        field["optional"] = True
    elif kind == "default":
        field["default"] = sample_value(io_class)
    return field


def has_kind(io_class: str, kind: str, *, output: bool = False) -> bool:
    """Return whether parameters of a class can be of a kind; outputs and objects have no default."""
    return kind != "default" or (not output and parse_class(io_class).item in VALUE_CLASSES)


def cases() -> list[Case]:
    """Return all apps of one template."""
    numbers = itertools.count()
    found = []

    def add(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
        number = next(numbers)
        name = APP_NAMES[number % len(APP_NAMES)].format(number)
        found.append(Case(name, tuple(inputs), tuple(outputs)))

    for kind, io_class in itertools.product(KINDS, CLASSES):
        number = len(found)
        if has_kind(io_class, kind):
            add([parameter(number, io_class, kind)], [{"name": "n", "class": "int"}])
        if has_kind(io_class, kind, output=True):
            add([], [parameter(number, io_class, kind)])
            add(
                [parameter(number, io_class, kind)],
                [{**parameter(number + 1, io_class, kind), "name": "same"}],
            )
    for kind in KINDS:
        inputs = [
            parameter(number, io_class, kind)
            for number, io_class in enumerate(CLASSES)
            if has_kind(io_class, kind)
            and not (kind == "required" and parse_class(io_class).item in NO_SAMPLE)
        ]
        outputs = [
            parameter(number, io_class, "optional" if parse_class(io_class).item in NOT_MADE else "required")
            for number, io_class in enumerate(CLASSES)
        ]
        add(inputs, outputs)
    return found


CASES = cases()


def write(folder: Path, case: Case, language: Language, pattern: Pattern) -> Path:
    """Write one app and return its folder."""
    raw = {
        "name": case.name,
        "title": f"The app {case.name}",
        "summary": "One of many",
        "dxapi": "1.0.0",
        "version": "0.0.1",
        "inputSpec": list(case.inputs),
        "outputSpec": list(case.outputs),
        "runSpec": {
            "interpreter": "python3" if language == "python" else "bash",
            "file": f"src/{case.name}.{'py' if language == 'python' else 'sh'}",
            "distribution": "Ubuntu",
            "release": "24.04",
            "version": "0",
            "timeoutPolicy": {"*": {"hours": 1}},
        },
        "regionalOptions": {"aws:us-east-1": {}},
    }
    render_app(Plan(AppSpec.from_dict(raw), language, pattern), folder / case.name)
    return folder / case.name


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[Language, Pattern], Path]:
    """Return a folder of apps for each template, filled when it is asked for."""
    return {template: tmp_path_factory.mktemp("-".join(template)) for template in TEMPLATES}


def apps_of(folder: Path, language: Language, pattern: Pattern) -> dict[Path, Case]:
    """Return the apps of a template, written once."""
    return {
        folder / case.name if (folder / case.name).exists() else write(folder, case, language, pattern): case
        for case in CASES
    }


def tool(name: str, *arguments: str | Path) -> None:
    done = subprocess.run([BIN / name, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


Matrix = dict[tuple["Language", "Pattern"], Path]


@pytest.mark.parametrize(("language", "pattern"), TEMPLATES)
def test_all_apps_are_clean(matrix: Matrix, tmp_path: Path, language: Language, pattern: Pattern) -> None:
    folders = apps_of(matrix[language, pattern], language, pattern)
    findings = {
        case.name: [str(finding) for finding in lint_app(folder) if finding.rule not in allowed(case)]
        for folder, case in folders.items()
    }
    problems = "\n".join(f"{name}: {line}" for name, lines in findings.items() for line in lines)
    assert not problems, problems
    sources = [next((folder / "src").iterdir()) for folder in folders]
    if language == "bash":
        tool("shellcheck", *sources)
    tool("ruff", "check", "--isolated", "--no-cache", "--select=E,F,W,I,B,UP,D1", "--ignore=E501", *folders)
    tool("ruff", "format", "--isolated", "--no-cache", "--check", *folders)
    checked = sources if language == "python" else []
    for number, folder in enumerate(folders):
        test = tmp_path / f"test_{number}.py"
        test.write_text((folder / "test" / "test_app.py").read_text())
        checked.append(test)
    tool(
        "mypy", "--strict", "--ignore-missing-imports", f"--cache-dir={tmp_path}", "--config-file=", *checked
    )


def allowed(case: Case) -> set[str]:
    """Return the rules that may speak up: of names in upper case, and of outputs that an app cannot make."""
    not_given = any(_is_bare(field) and field["name"] in case.not_made for field in case.outputs)
    return {"app-name-style", *(["python-output-missing", "bash-output-missing"] if not_given else [])}


@pytest.mark.parametrize(("language", "pattern"), TEMPLATES)
def test_all_apps_run_until_they_are_done(
    matrix: Matrix, tmp_path: Path, language: Language, pattern: Pattern
) -> None:
    folders = apps_of(matrix[language, pattern], language, pattern)
    runnable = {
        folder: case
        for folder, case in folders.items()
        if case.runs_to_its_end and (pattern == "basic" or case.has_both)
    }
    assert len(runnable) >= 45
    failures = asyncio.run(run_all(tmp_path, runnable))
    assert not failures, "\n".join(f"{name}: {text}" for name, text in failures.items())


async def run_all(place: Path, apps: dict[Path, Case]) -> dict[str, str]:
    """Run apps on their samples, on one platform; return why those failed that did, by their names."""
    options = SessionOptions(place, JobSettings(max_parallel=2, isolation=TEST_ISOLATION))
    async with Session(options, Observer()) as session:
        started = {}
        for folder in apps:
            given = samples_of(folder) or GivenInputs(values={})
            started[folder] = start_app(session, prepare(RunRequest(folder, given)), given)
        for job in started.values():
            await session.driver.until_final(job)
        failures = {}
        for folder, job in started.items():
            row = session.platform.store.get("job", job)
            assert row is not None
            if row["state"] != "done":
                failures[folder.name] = explain(session.platform, row, folder).text()
                continue
            output = job_descriptions.describe_job(session.context, job, {})["output"]
            wrong = wrong_output(apps[folder], output)
            if wrong:
                failures[folder.name] = wrong
        return failures


def wrong_output(case: Case, output: dict[str, Any]) -> str:
    """Return what is wrong with the output of an app, or nothing."""
    expected = {field["name"]: field["class"] for field in case.outputs if field["name"] not in case.not_made}
    if output.keys() != expected.keys():
        return f"gave {sorted(output)}, not {sorted(expected)}"
    found = {name: mismatch(io_class, output[name]) for name, io_class in expected.items()}
    return "; ".join(f"{name}: {wrong}" for name, wrong in found.items() if wrong)


def test_what_does_not_run_as_generated_is_known() -> None:
    """Only apps that need, or have to give, an object that nobody can make here."""
    unusable = [case for case in CASES if not case.runs_to_its_end]
    items = {_item(field) for case in unusable for field in (*case.inputs, *case.outputs)}
    assert items - {"int"} == {*NOT_MADE}
    assert all(len(case.inputs) <= 1 for case in unusable)
