"""Choose the template: the built-in one, or a custom one from a flag or from [template] of a policy file.

A template is a program: its expressions can run any code, even without hooks. So a custom template is used
only with the user's consent: by the flag, in the user's own policy file, or by trusting it in that file. The
template that a project's policy file names is rejected otherwise, because somebody else may have written it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dx_app_wizard.errors import UserError
from dx_app_wizard.policy.load import user_file
from dx_app_wizard.rendering.clones import clone, is_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_app_wizard.policy.model import Policy, Setting

TABLE = "template"
FLAG = "--template-source"


class TemplateError(UserError):
    """A custom template is missing, invalid or not trusted, or cannot be rendered."""

    code = "invalid-template"


@dataclass(frozen=True)
class CustomTemplate:
    """A custom cookiecutter template: its source as named by the user, and its folder.

    `variables` replace defaults of its cookiecutter.json; its hooks run only if `hooks`.
    """

    source: str
    folder: Path
    hooks: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)


def choose_template(named: str | None, policy: Policy) -> CustomTemplate | None:
    """Return the template of the flag or else of the policy; None for the built-in one.

    The other settings in [template] apply only to its source. Raises TemplateError or CloneError.
    """
    table = policy.table(TABLE)
    configured = table.get("source")
    if configured is None and table:
        setting = next(iter(table.values()))
        message = f"{setting.place}: [template] has no source"
        raise TemplateError(message, 'Add source = "FOLDER or URL".')
    if named is not None and (configured is None or _location_of(configured) != _location(named, Path())):
        return _template_at(named, _location(named, Path()), {})
    if configured is None:
        return None
    if named is None and not _is_trusted(configured, policy):
        raise _untrusted(configured)
    options = {key: setting.value for key, setting in table.items()}
    return _template_at(configured.value, _location_of(configured), options)


def absolute_source(source: str | None) -> str | None:
    """Return a source with an absolute path, so that it does not depend on the current folder."""
    return None if source is None else _location(source, Path())


def _template_at(source: str, location: str, options: dict[str, Any]) -> CustomTemplate:
    folder = clone(location, options.get("checkout")) if is_url(location) else Path(location)
    if not folder.is_dir():
        raise TemplateError(f"the folder of the template does not exist: {location}")
    inside = (folder / options.get("directory", "")).resolve()
    if not inside.is_relative_to(folder.resolve()):
        raise TemplateError(f"the directory {options['directory']!r} is outside of the template {source!r}")
    if not (inside / "cookiecutter.json").is_file():
        hint = "If there are several templates, choose one with [template] directory."
        message = f"{source!r} is not a cookiecutter template: there is no {inside / 'cookiecutter.json'}"
        raise TemplateError(message, hint)
    return CustomTemplate(source, inside, options.get("hooks", False), options.get("variables", {}))


def _is_trusted(setting: Setting, policy: Policy) -> bool:
    own = user_file()
    if own is not None and setting.place.file == str(own):
        return True
    location = _location_of(setting)
    for trusted in policy.value("trust", "templates") or ():
        known = _location(trusted, Path("/"))
        root = known.rstrip("/")
        # Trusting a folder includes everything in it; the URL of a repository must end in / for that.
        all_below = known.endswith("/") or not is_url(known)
        leads_out = ".." in unquote(location).split("/")
        if location == root or (all_below and location.startswith(f"{root}/") and not leads_out):
            return True
    return False


def _untrusted(setting: Setting) -> TemplateError:
    return TemplateError(
        f"{setting.place} names the template {setting.value!r}, which you do not trust yet",
        f"A template can run any code. If you trust it, pass {FLAG} {setting.value}, or add it to"
        f" [trust] templates in {user_file()}.",
    )


def _location_of(setting: Setting) -> str:
    """Return the location of a source in a policy file; a folder is relative to that file."""
    return _location(setting.value, Path(setting.place.file or "").parent)


def _location(source: str, base: Path) -> str:
    if is_url(source):
        return source
    try:
        return str((base / Path(source).expanduser()).resolve())
    except (RuntimeError, ValueError) as error:
        raise TemplateError(f"{source!r} is not a folder: {error}".rstrip(".")) from None
