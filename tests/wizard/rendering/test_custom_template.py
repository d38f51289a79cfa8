"""Custom templates from folders and git repositories, by flag and by policy, and invalid ones."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Wizard = Callable[..., Any]
"""The command; see conftest.py."""

NEW = ("counts", "--language", "bash", "--template", "basic", "--title", "{{ 7 * 7 }}")
FOLDER = "{{cookiecutter.project_slug}}"
VARIABLES = {
    "project_slug": "{{ cookiecutter.name|replace('-', '_') }}",
    "lab": "Genetics",
    "licence": ["MIT", "none"],
    "title": "Not this one",
}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template with variables of its own, one file, and a hook."""
    folder = tmp_path / "ours" / "template"
    (folder / FOLDER / "src").mkdir(parents=True)
    (folder / "hooks").mkdir()
    (folder / "cookiecutter.json").write_text(json.dumps(VARIABLES), encoding="utf-8")
    lines = "{{ cookiecutter.title }} by {{ cookiecutter.lab }}, {{ cookiecutter.licence }}\n"
    (folder / FOLDER / "src" / "{{cookiecutter.__source}}").write_text(lines, encoding="utf-8")
    hook = 'print("from a hook")\nopen("hooked", "w").close()\n'
    (folder / "hooks" / "post_gen_project.py").write_text(hook, encoding="utf-8")
    return folder


@pytest.fixture
def own_file(home: Path) -> Path:
    """The user's own policy file."""
    path = home / ".config/dx-app-wizard/config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.fixture
def project_file(tmp_path: Path) -> Path:
    return tmp_path / ".dx-app-wizard.toml"


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def git(folder: Path, *arguments: str) -> str:
    identity = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", "-C", folder, "-c", "init.defaultBranch=main", *arguments],
        env={**os.environ, **identity},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(template: Path) -> str:
    """The URL of a git repository with the template in the folder `template`, and a tag from before that."""
    root = template.parent
    git(root, "init", "--quiet")
    git(root, "commit", "--quiet", "--allow-empty", "-m", "Begin")
    git(root, "tag", "v0")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "Add the template")
    return root.as_uri()


def test_a_folder_named_by_the_flag(wizard: Wizard, template: Path, tmp_path: Path) -> None:
    outcome = wizard(*NEW, "--template-source", "ours/template")
    assert (outcome.code, outcome.stdout) == (0, "counts\n")
    app = tmp_path / "counts"
    assert {"dxapp.json", "src/counts.sh"} <= set(names_in(app))
    assert (app / "src/counts.sh").read_text(encoding="utf-8") == "{{ 7 * 7 }} by Genetics, MIT\n"
    assert json.loads((app / "dxapp.json").read_text(encoding="utf-8"))["name"] == "counts"
    assert not (app / "hooked").exists()


def test_a_template_may_write_the_spec_itself(wizard: Wizard, template: Path, tmp_path: Path) -> None:
    text = "{{ cookiecutter._dxapp }}\n"
    (template / FOLDER / "dxapp.json").write_text(text, encoding="utf-8")
    wizard(*NEW, "--template-source", "ours/template")
    written = (tmp_path / "counts" / "dxapp.json").read_text(encoding="utf-8")
    assert written.endswith("}\n\n")
    assert json.loads(written)["title"] == "{{ 7 * 7 }}"


def test_what_a_template_writes_is_held_against_the_policy(
    wizard: Wizard, template: Path, project_file: Path, tmp_path: Path
) -> None:
    (template / FOLDER / "dxapp.json").write_text('{"name": "other"}', encoding="utf-8")
    project_file.write_text('[policy]\nname-prefix = "counts"\n', encoding="utf-8")
    outcome = wizard(*NEW, "--template-source", "ours/template", "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (3, "disallowed")
    assert not (tmp_path / "counts").exists()


def test_a_repository_named_by_the_user(
    wizard: Wizard, repository: str, own_file: Path, tmp_path: Path
) -> None:
    options = 'directory = "template"\nhooks = true\nvariables = { lab = "Oncology" }\n'
    own_file.write_text(f'[template]\nsource = "{repository}"\n{options}', encoding="utf-8")
    outcome = wizard(*NEW, "--json")
    assert outcome.code == 0
    assert "by Oncology" in (tmp_path / "counts/src/counts.sh").read_text(encoding="utf-8")
    assert (tmp_path / "counts/hooked").exists()


def test_what_hooks_print_is_no_data(wizard_process: Wizard, template: Path, own_file: Path) -> None:
    own_file.write_text(f'[template]\nsource = "{template}"\nhooks = true\n', encoding="utf-8")
    outcome = wizard_process(*NEW)
    assert outcome.stdout == "counts\n"
    assert "from a hook" in outcome.stderr


def test_a_commit_that_is_there_needs_no_network(
    wizard: Wizard, repository: str, template: Path, own_file: Path
) -> None:
    commit = git(template.parent, "rev-parse", "HEAD")
    source = f'source = "{repository}"\ndirectory = "template"\ncheckout = "{commit}"\n'
    own_file.write_text(f"[template]\n{source}", encoding="utf-8")
    assert wizard(*NEW).code == 0
    template.parent.rename(template.parent.with_name("gone"))
    assert wizard("other", *NEW[1:]).code == 0


@pytest.mark.parametrize("trusted", ["{source}", "{parent}/", "~/{relative}"])
def test_a_project_may_name_what_the_user_trusts(
    wizard: Wizard,
    template: Path,
    project_file: Path,
    own_file: Path,
    home: Path,
    trusted: str,
) -> None:
    project_file.write_text('[template]\nsource = "ours/template"\n', encoding="utf-8")
    known = trusted.format(source=template, parent=template.parent, relative=os.path.relpath(template, home))
    own_file.write_text(f'[trust]\ntemplates = ["{known}"]\n', encoding="utf-8")
    assert wizard(*NEW).code == 0


def test_a_project_may_not_name_what_nobody_trusts(
    wizard: Wizard, template: Path, project_file: Path, tmp_path: Path
) -> None:
    project_file.write_text('[template]\nsource = "ours/template"\nhooks = true\n', encoding="utf-8")
    outcome = wizard(*NEW)
    assert outcome.code == 2
    assert (
        f"{project_file}:2 names the template 'ours/template', which you do not trust yet" in outcome.stderr
    )
    assert "--template-source ours/template" in outcome.stderr
    assert not (tmp_path / "counts").exists()


@pytest.mark.parametrize("trusted", ["{url}", "{url}/", "{parent}/"])
def test_trust_in_a_url_holds_for_it_or_all_below_it(
    wizard: Wizard, repository: str, project_file: Path, own_file: Path, trusted: str
) -> None:
    above = repository.rpartition("/")[0]
    known = trusted.format(url=repository, parent=above)
    own_file.write_text(f'[trust]\ntemplates = ["{known}"]\n', encoding="utf-8")
    project_file.write_text(
        f'[template]\nsource = "{repository}"\ndirectory = "template"\n', encoding="utf-8"
    )
    assert wizard(*NEW).code == 0
    project_file.write_text(f'[template]\nsource = "{repository}/../evil"\n', encoding="utf-8")
    assert "which you do not trust yet" in wizard("other", *NEW[1:]).stderr


def test_naming_the_template_of_a_project_trusts_it(
    wizard: Wizard, template: Path, project_file: Path, tmp_path: Path
) -> None:
    table = '[template]\nsource = "ours/template"\nvariables = { lab = "Oncology" }\n'
    project_file.write_text(table, encoding="utf-8")
    assert wizard(*NEW, "--template-source", "ours/template").code == 0
    assert "by Oncology" in (tmp_path / "counts/src/counts.sh").read_text(encoding="utf-8")


BAD = {
    "nowhere": "the folder of the template does not exist",
    "ours": "is not a cookiecutter template",
    "file:///nowhere/repository.git": "cannot be cloned",
    "git@localhost.invalid:x/y.git": "cannot be cloned",
}


@pytest.mark.parametrize("source", BAD)
def test_bad_sources(wizard: Wizard, template: Path, tmp_path: Path, source: str) -> None:
    outcome = wizard(*NEW, "--template-source", source)
    assert outcome.code == 2
    assert BAD[source] in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "counts").exists()


BAD_TABLES = {
    'checkout = "v1"': "has no source",
    'source = "{0}"\ncheckout = "v9"\ndirectory = "template"': "has no branch, tag or commit 'v9'",
    'source = "{0}"\ncheckout = "v0"\ndirectory = "template"': "is not a cookiecutter template",
    'source = "{0}"\ncheckout = "--upload-pack=x"': "is not a URL, branch, tag or commit",
    'source = "{0}"\ndirectory = "../.."': "is outside of the template",
    'source = "{0}"\ndirectory = "template"\nvariables = {{ labb = "x" }}': "Did you mean 'lab'?",
}


@pytest.mark.parametrize("table", BAD_TABLES)
def test_bad_tables(wizard: Wizard, repository: str, own_file: Path, table: str) -> None:
    own_file.write_text(f"[template]\n{table.format(repository)}\n", encoding="utf-8")
    outcome = wizard(*NEW)
    assert outcome.code == 2
    assert BAD_TABLES[table] in outcome.stderr


BAD_CONTENTS = {
    "cookiecutter.json": ("{", "cannot be rendered: ContextDecodingException"),
    "./cookiecutter.json": ("[]", "is not a JSON object"),
    f"{FOLDER}/a": (
        "{{ cookiecutter.nothing }}",
        "cannot be rendered: Unable to create file 'a': 'dict object' has no attribute 'nothing'\n",
    ),
    f"{FOLDER}/b": ("{% if %}", "cannot be rendered: TemplateSyntaxError"),
    f"{FOLDER}/c": ("{{ 1 / 0 }}", "cannot be rendered: ZeroDivisionError"),
    f"{FOLDER}/dxapp.json": ("{", "template' writes ends too early"),
    "hooks/pre_gen_project.py": ("raise SystemExit(3)", "cannot be rendered: FailedHookException"),
}


@pytest.mark.parametrize("file", BAD_CONTENTS)
def test_templates_that_cannot_be_rendered(
    wizard: Wizard, template: Path, own_file: Path, tmp_path: Path, file: str
) -> None:
    text, message = BAD_CONTENTS[file]
    (template / file).write_text(text, encoding="utf-8")
    own_file.write_text(f'[template]\nsource = "{template}"\nhooks = true\n', encoding="utf-8")
    outcome = wizard(*NEW)
    assert outcome.code == 2
    assert message in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "counts").exists()


def test_a_folder_that_is_no_template_of_an_app(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "cookiecutter.json").write_text("{}", encoding="utf-8")
    outcome = wizard(*NEW, "--template-source", "empty")
    assert outcome.code == 2
    assert "it has no folder whose name is a variable" in outcome.stderr


def test_an_empty_source_is_not_taken_for_none(wizard: Wizard, tmp_path: Path) -> None:
    outcome = wizard(*NEW, "--template-source", "")
    assert (outcome.code, "is not a cookiecutter template" in outcome.stderr) == (2, True)
    assert not (tmp_path / "counts").exists()


@pytest.mark.parametrize("with_tests", [True, False])
def test_pytest_is_suggested_where_there_is_a_test(wizard: Wizard, template: Path, with_tests: bool) -> None:
    if with_tests:
        (template / FOLDER / "test_app.py").write_text("", encoding="utf-8")
    outcome = wizard(*NEW, "--template-source", "ours/template")
    assert outcome.stderr.endswith("dx-local run\n  pytest\n" if with_tests else "dx-local run\n")
