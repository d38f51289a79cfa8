"""Which template writes the app: ours, or one's own, named by a flag or in [template] of a policy file.

A template is a program: what stands between its braces can run anything, even with its hooks off. So one's
own is used only when the user has said so: by the flag, in the user's own policy file, or by trusting it
there. What a project's file names is otherwise refused, for it may be somebody else's.
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
    """A template of the user's is not there, is none, is not to be trusted, or cannot be rendered."""

    code = "invalid-template"


@dataclass(frozen=True)
class CustomTemplate:
    """A cookiecutter template of the user's: as it was named, its folder, and how it is rendered.

    `variables` stand for the defaults of its own cookiecutter.json; its hooks run only with `hooks`.
    """

    source: str
    folder: Path
    hooks: bool = False
    variables: Mapping[str, Any] = field(default_factory=dict)


def choose_template(named: str | None, policy: Policy) -> CustomTemplate | None:
    """Return the template that the flag names, or else the policy; None for ours.

    What [template] says beyond the source holds for that source only. Raises TemplateError, or CloneError.
    """
    table = policy.table(TABLE)
    configured = table.get("source")
    if configured is None and table:
        setting = next(iter(table.values()))
        message = f"{setting.place}: [template] names no source"
        raise TemplateError(message, 'Add source = "FOLDER or URL".')
    if named is not None and (configured is None or _place_of(configured) != _location(named, Path())):
        return _found(named, _location(named, Path()), {})
    if configured is None:
        return None
    if named is None and not _is_trusted(configured, policy):
        raise _untrusted(configured)
    options = {key: setting.value for key, setting in table.items()}
    return _found(configured.value, _place_of(configured), options)


def absolute_source(source: str | None) -> str | None:
    """Return a source so that it means the same in every folder."""
    return None if source is None else _location(source, Path())


def _found(source: str, location: str, options: dict[str, Any]) -> CustomTemplate:
    folder = clone(location, options.get("checkout")) if is_url(location) else Path(location)
    if not folder.is_dir():
        raise TemplateError(f"there is no folder {location} to take the template from")
    inside = (folder / options.get("directory", "")).resolve()
    if not inside.is_relative_to(folder.resolve()):
        raise TemplateError(f"the directory {options['directory']!r} lies outside of the template {source!r}")
    if not (inside / "cookiecutter.json").is_file():
        hint = "Of several templates, [template] directory names one."
        message = f"{source!r} is no cookiecutter template: there is no {inside / 'cookiecutter.json'}"
        raise TemplateError(message, hint)
    return CustomTemplate(source, inside, options.get("hooks", False), options.get("variables", {}))


def _is_trusted(setting: Setting, policy: Policy) -> bool:
    own = user_file()
    if own is not None and setting.place.file == str(own):
        return True
    location = _place_of(setting)
    for trusted in policy.value("trust", "templates") or ():
        known = _location(trusted, Path("/"))
        root = known.rstrip("/")
        # A repository may be trusted alone; a folder is trusted with all in it.
        all_below = known.endswith("/") or not is_url(known)
        leads_out = ".." in unquote(location).split("/")
        if location == root or (all_below and location.startswith(f"{root}/") and not leads_out):
            return True
    return False


def _untrusted(setting: Setting) -> TemplateError:
    return TemplateError(
        f"{setting.place} names the template {setting.value!r}, which you have not trusted",
        f"A template can run anything. If you trust it, say {FLAG} {setting.value}, or add it to"
        f" [trust] templates in {user_file()}.",
    )


def _place_of(setting: Setting) -> str:
    """Return where a source of a policy file is; a folder is meant relative to that file."""
    return _location(setting.value, Path(setting.place.file or "").parent)


def _location(source: str, base: Path) -> str:
    if is_url(source):
        return source
    try:
        return str((base / Path(source).expanduser()).resolve())
    except (RuntimeError, ValueError) as error:
        raise TemplateError(f"{source!r} names no folder: {error}".rstrip(".")) from None
