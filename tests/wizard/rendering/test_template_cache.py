"""The cache of compiled templates: used while it is right, and never in the way."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import jinja2
import pytest
from tests.wizard.rendering.test_render import plan

from dx_app_wizard.rendering.built_in.renderer import render_built_in
from dx_app_wizard.rendering.render import render

Damage = Callable[[Path], None]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dx-app-wizard" / "compiled-templates"


def files_of(cache: Path) -> list[Path]:
    return sorted(path for path in cache.glob("*/*") if path.is_file())


def test_a_second_generation_compiles_no_template(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = render(plan(), "app")
    assert len(files_of(cache)) > 10
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files_of(cache))
    compiled: list[str] = []
    compile_source = jinja2.Environment.compile

    def recorded(self: jinja2.Environment, source: str, name: str | None = None, *more: str | None) -> object:
        compiled.append(name or "")
        return compile_source(self, source, name, *more)  # type: ignore[call-overload]

    monkeypatch.setattr(jinja2.Environment, "compile", recorded)
    assert render(plan(), "app") == first
    assert not any(compiled)  # only names of files, which are no templates with a name


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:40])


def make_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [empty, cut, make_folder])
def test_damaged_files_are_ignored(cache: Path, damage: Damage) -> None:
    first = render(plan(), "app")
    for file in files_of(cache):
        damage(file)
    assert render(plan(), "app") == first


def test_a_cache_that_cannot_be_written_is_ignored(cache: Path) -> None:
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file, in which not even root can make a folder")
    assert render(plan(), "app")
    assert cache.parent.is_file()


def test_without_a_home_nothing_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    assert render(plan(), "app")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("{{cookiecutter.name}}/note", "{{ cookiecutter.name }}\n", "changed\n"),
        ("templates/part.jinja", "part\n", "changed\n"),
        ("cookiecutter.json", '{"trim_blocks": false}', '{"trim_blocks": true}'),
    ],
)
def test_an_edited_template_is_compiled_again(
    cache: Path, tmp_path: Path, file: str, old: str, new: str
) -> None:
    template = tmp_path / "template"
    note = "{% if true %}\n{{ cookiecutter.name }}\n{% endif %}\n{% include 'part.jinja' %}"
    contents = {
        "cookiecutter.json": '{"_jinja2_env_vars": {"trim_blocks": false}}',
        "{{cookiecutter.name}}/note": note,
        "templates/part.jinja": "part\n",
    }
    for name, text in contents.items():
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        (template / name).write_text(text)

    def rendered(folder: str) -> str:
        (tmp_path / folder).mkdir()
        return (render_built_in(template, {"name": "app"}, tmp_path / folder) / "note").read_text()

    before = rendered("first")
    assert rendered("second") == before
    (template / file).write_text((template / file).read_text().replace(old, new))
    assert rendered("third") != before
