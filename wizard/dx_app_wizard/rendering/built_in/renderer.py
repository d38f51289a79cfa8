"""Render the built-in template as cookiecutter does, but without its imports, which take long.

The template uses these features of cookiecutter: names with expressions, of which an empty one leaves out the
file; the folder templates/ for includes; the options of Jinja in cookiecutter.json; and the filter `jsonify`.
Files that are not text are copied.
"""

from __future__ import annotations

import json
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

import jinja2

from dx_app_wizard.rendering.built_in.template_cache import template_cache

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_APP = "{{cookiecutter.name}}"


def render_built_in(template: Path, values: Mapping[str, Any], scratch: Path) -> Path:
    """Render to the folder scratch, and return the app's folder in it."""
    own: dict[str, Any] = json.loads((template / "cookiecutter.json").read_bytes())
    environment = _environment(template, own["_jinja2_env_vars"])
    context = {"cookiecutter": {**own, **values}}
    app = scratch / environment.from_string(_APP).render(context)
    _render_folder(environment, template / _APP, "", app, context)
    return app


def _environment(template: Path, options: dict[str, Any]) -> jinja2.Environment:
    environment = jinja2.Environment(  # noqa: S701  (the files are not HTML)
        loader=jinja2.FileSystemLoader([template / _APP, template / "templates"]),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        bytecode_cache=template_cache(options),
        **options,
    )
    environment.filters["jsonify"] = partial(json.dumps, sort_keys=True, indent=4)
    return environment


def _render_folder(
    environment: jinja2.Environment, folder: Path, prefix: str, target: Path, context: dict[str, Any]
) -> None:
    """Render a folder; `prefix` is its path in the template's app, with a slash at the end unless empty."""
    target.mkdir()
    for path in folder.iterdir():
        name = path.name
        if "{" in name:
            name = environment.from_string(name).render(context)
        if not name:
            continue
        if path.is_dir():
            _render_folder(environment, path, f"{prefix}{path.name}/", target / name, context)
            continue
        try:
            text = environment.get_template(prefix + path.name).render(context)
        except UnicodeDecodeError:
            shutil.copyfile(path, target / name)
        else:
            (target / name).write_text(text, encoding="utf-8", newline="\n")
        shutil.copymode(path, target / name)
