"""Render a custom template: any cookiecutter template, with the wizard's values and its own variables."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.errors import SpecFileError
from dx_app_wizard.rendering.template_choice import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dx_app_wizard.rendering.template_choice import CustomTemplate

# cookiecutter logs its exceptions with tracebacks, and raises them as well.
logging.getLogger("cookiecutter").addHandler(logging.NullHandler())


def render_custom(template: CustomTemplate, values: Mapping[str, Any], scratch: str) -> Path:
    """Render to the folder scratch, and return the app's folder in it, which may have any name.

    If the template writes no dxapp.json, the wizard's is added. Raises TemplateError.
    """
    from cookiecutter.generate import generate_files

    try:
        context = _context(template, values)
        with _stdout_to_stderr():
            folder = Path(generate_files(template.folder, context, scratch, accept_hooks=template.hooks))
    except TemplateError:
        raise
    except Exception as error:  # a template is a program and can fail in any way
        message = f"the template {template.source!r} cannot be rendered: {_reason(error)}"
        raise TemplateError(message) from error
    if folder.resolve().parent != Path(scratch).resolve():
        raise TemplateError(f"the template {template.source!r} writes outside of its own folder")
    if not (folder / FILE_NAME).exists():
        (folder / FILE_NAME).write_text(values["_dxapp"], encoding="utf-8", newline="\n")
    _check_dxapp_json(template, folder)
    return folder


def _check_dxapp_json(template: CustomTemplate, folder: Path) -> None:
    """Raise TemplateError if the rendered dxapp.json cannot be read."""
    try:
        value = json_document.read(folder / FILE_NAME).value
    except SpecFileError as error:
        line = "" if error.line is None else f", in line {error.line}"
        message = f"{error.message}{line}"
    else:
        message = "" if isinstance(value, dict) else "must contain a JSON object"
    if message:
        raise TemplateError(f"the dxapp.json that the template {template.source!r} writes {message}")


def _reason(error: Exception) -> str:
    """Return the reason for a rendering failure, without the values that cookiecutter adds to it."""
    from cookiecutter.exceptions import NonTemplatedInputDirException, UndefinedVariableInTemplate

    if isinstance(error, NonTemplatedInputDirException):
        return "it has no folder whose name is a variable, such as {{cookiecutter.name}}"
    if isinstance(error, UndefinedVariableInTemplate):
        return f"{error.message}: {error.error.message}"
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _context(template: CustomTemplate, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template's context: the wizard's values, and its own variables, whose defaults may use them.

    The wizard's values are not rendered as templates, even if an answer contains braces.
    """
    from cookiecutter.generate import generate_context
    from cookiecutter.prompt import render_variable
    from cookiecutter.utils import create_env_with_context

    context: dict[str, Any] = generate_context(str(template.folder / "cookiecutter.json"))
    own = context["cookiecutter"]
    if not isinstance(own, dict):
        raise TemplateError(f"the cookiecutter.json of the template {template.source!r} is not a JSON object")
    _check_variables(template, own)
    known: dict[str, Any] = dict(values)
    environment = create_env_with_context(context)
    for key, default in {**own, **template.variables}.items():
        if key in values:
            continue
        if key.startswith("_") and not key.startswith("__"):
            known[key] = default
            continue
        first = default[0] if isinstance(default, list) and default else default
        known[key] = render_variable(environment, first, known)
    return {**context, "cookiecutter": known}


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Redirect the output of hooks to stderr, because stdout is for data."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


def _check_variables(template: CustomTemplate, own: Mapping[str, Any]) -> None:
    for name in template.variables:
        if name not in own:
            near = get_close_matches(name, own, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Its variables are {', '.join(own)}."
            raise TemplateError(f"the template {template.source!r} has no variable {name!r}", hint)
