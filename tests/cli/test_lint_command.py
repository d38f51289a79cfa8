"""`dx-local lint`: findings on stdout in four formats, the exit code, ignores and fixes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from dx_local.cli.lint import command
from dx_local.engine.apps.app_bundle import load_app

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result
    from tests.conftest import MakeApp

CODE = """
    import dxpy

    @dxpy.entry_point("main")
    def main(depth):
        return {}

    dxpy.run()
"""
TEXTS: dict[str, Any] = {"title": "App", "summary": "Counts", "description": "It counts.", "version": "1.0.0"}


def lint(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(CODE, inputs={"depth": "int"}, **TEXTS)


@pytest.fixture
def faulty(make_app: MakeApp) -> Path:
    return make_app(
        CODE, inputs={"depth": "int"}, **{**TEXTS, "summary": "Counts.", "authorizedUsers": ["al"]}
    )


def findings(result: Result) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return listed


def test_a_good_app(app: Path) -> None:
    result = lint(app)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no findings\n")


def test_warnings_alone_are_no_failure(faulty: Path) -> None:
    result = lint(faulty, "--ignore", "authorized-users")
    assert result.exit_code == 0
    assert "the summary ends with a period [app-texts]" in result.stdout


def test_errors_have_exit_code_3(faulty: Path) -> None:
    result = lint(faulty)
    assert result.exit_code == 3
    assert "error: authorizedUsers[0]: 'al' is not a user or org [authorized-users]" in result.stdout
    assert "1 error, 1 warning; --fix fixes 1" in result.stderr


def test_json_gives_every_finding_with_its_place(faulty: Path) -> None:
    result = lint(faulty, "--json")
    assert {(finding["rule"], finding["file"]) for finding in findings(result)} == {
        ("app-texts", "dxapp.json"),
        ("authorized-users", "dxapp.json"),
    }
    assert all(finding["line"] for finding in findings(result))


def test_github_annotations(faulty: Path) -> None:
    line = lint(faulty, "--format", "github").stdout.splitlines()[-1]
    assert line.startswith(f"::error file={faulty}/dxapp.json,line=1,col=")
    assert "title=authorized-users::authorizedUsers[0]: 'al' is not a user or org" in line


def test_sarif(faulty: Path) -> None:
    run = json.loads(lint(faulty, "--format", "sarif").stdout)["runs"][0]
    assert [result["ruleId"] for result in run["results"]] == ["app-texts", "authorized-users"]
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 1


def test_fix_mends_what_is_certain(faulty: Path) -> None:
    result = lint(faulty, "--fix", "--json")
    assert [finding["rule"] for finding in findings(result)] == ["authorized-users"]
    assert json.loads((faulty / "dxapp.json").read_text())["summary"] == "Counts"


@pytest.mark.parametrize(
    ("old", "new"),
    [("return {}", "return {}  # dx-local: ignore[python-output-missing]"),
     ("dxpy.run()", "# dx-local: ignore[app-name-style, python-output-missing]\ndxpy.run()")],
    ids=["line", "app"],
)  # fmt: skip
def test_comments_silence_rules(make_app: MakeApp, old: str, new: str) -> None:
    app = make_app(CODE, inputs={"depth": "int"}, outputs={"n": "int"}, **TEXTS)
    assert [finding["rule"] for finding in findings(lint(app, "--json"))] == ["python-output-missing"]
    source = next((app / "src").iterdir())
    source.write_text(source.read_text().replace(old, new))
    assert findings(lint(app, "--json")) == []


def test_an_unreadable_dxapp_json_is_a_finding(app: Path) -> None:
    (app / "dxapp.json").write_text("{")
    result = lint(app)
    assert result.exit_code == 3
    assert "[dxapp-json]\n  at dxapp.json:1:" in result.stdout


def test_fixes_that_uncover_others_are_applied_too(app: Path) -> None:
    text = (app / "dxapp.json").read_text().replace('"class": "int"', '"clas": "Int", "patterns": []')
    (app / "dxapp.json").write_text("\ufeff" + text)
    result = lint(app, "--fix")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "fixed: inputSpec[0].clas: the key 'clas' is unknown [misspelt-key]" in result.stderr
    assert json.loads((app / "dxapp.json").read_text())["inputSpec"] == [{"name": "depth", "class": "int"}]


def test_what_fix_cannot_fix_is_said(faulty: Path) -> None:
    assert lint(faulty, "--fix").stderr.endswith(
        "1 error, 0 warnings; --fix cannot fix them, see their hints\n"
    )


@pytest.fixture
def two(make_app: MakeApp, tmp_path: Path) -> tuple[Path, Path]:
    """An app with an error, and one with a warning."""
    good = make_app(CODE, inputs={"depth": "int"}, **TEXTS)
    other = good.rename(tmp_path / "other")
    faulty = make_app(CODE, inputs={"depth": "int"}, **{**TEXTS, "authorizedUsers": ["al"]})
    return faulty, other


def test_several_apps(two: tuple[Path, Path]) -> None:
    faulty, other = two
    result = lint(other, faulty, other)
    assert result.exit_code == 3
    assert f"at {other}/dxapp.json:1:" in result.stdout
    assert f"at {faulty}/dxapp.json:1:" in result.stdout
    assert "1 error, 1 warning in 2 apps" in result.stderr


def test_several_apps_as_json(two: tuple[Path, Path]) -> None:
    faulty, other = two
    answer = json.loads(lint(faulty, other, "--json").stdout)
    assert {(found["app"], found["rule"]) for found in answer["findings"]} == {
        (str(faulty), "authorized-users"),
        (str(other), "app-folder-name"),
    }
    assert answer["apps"] == [
        {"app": str(faulty), "errors": 1, "warnings": 0},
        {"app": str(other), "errors": 0, "warnings": 1},
    ]


@pytest.mark.parametrize("format_", ["github", "sarif"])
def test_several_apps_in_formats_of_services(two: tuple[Path, Path], format_: str) -> None:
    output = lint(*two, "--format", format_).stdout
    assert all(f"{app}/dxapp.json" in output for app in two)


def test_missing_folders_are_named_and_the_others_checked(two: tuple[Path, Path], tmp_path: Path) -> None:
    apps = (tmp_path / "nowhere", two[0], tmp_path / "neither", two[1])
    result = lint(*apps)
    assert result.exit_code == 2
    assert all(f"{app}/dxapp.json" in result.stdout for app in two)
    assert f"error: no such folder: '{apps[0]}', '{apps[2]}'" in result.stderr
    printed = json.loads(lint(*apps, "--json").stdout)
    assert [app["app"] for app in printed["apps"]] == [app.as_posix() for app in two]
    assert printed["error"]["code"] == "usage"


def test_unquoted_variables_are_reported_on_demand(make_app: MakeApp) -> None:
    app = make_app("main() {\n  x=$1\n  echo $x\n}\n", interpreter="bash", **TEXTS)
    assert findings(lint(app, "--json")) == []
    assert [found["rule"] for found in findings(lint(app, "--json", "--shellcheck", "info"))] == ["SC2086"]


def test_no_folder_is_wrong_use(tmp_path: Path) -> None:
    result = lint(tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "no such folder" in result.stderr


@pytest.fixture
def governed(app: Path) -> Path:
    (app / ".dx-app-wizard.toml").write_text('[policy]\nname-prefix = "eggd_"\n', encoding="utf-8")
    return app


def test_a_policy_is_required(governed: Path) -> None:
    result = lint(governed)
    assert result.exit_code == 3
    assert f"{governed}/.dx-app-wizard.toml:2 requires this (policy.name-prefix)." in result.stdout
    assert lint(governed, "--ignore", "policy-name-prefix").exit_code == 0


def test_a_policy_stops_no_run(governed: Path) -> None:
    assert load_app(governed).warnings == ()


def test_what_shellcheck_says_has_the_level_of_the_policy(make_app: MakeApp) -> None:
    app = make_app("main() {\n  echo $x\n}\n", interpreter="bash", **TEXTS)
    (app / ".dx-app-wizard.toml").write_text('[lint.levels]\n"SC*" = "error"\n', encoding="utf-8")
    assert {finding["level"] for finding in findings(lint(app, "--json"))} == {"error"}


def test_a_bad_policy_is_no_finding(app: Path) -> None:
    (app / ".dx-app-wizard.toml").write_text("[polic]", encoding="utf-8")
    result = lint(app)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "polic: no such table; did you mean 'policy'?" in result.stderr
