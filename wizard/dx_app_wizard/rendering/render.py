"""From a plan to the files of an app: the templates, rendered through cookiecutter.

Rendering happens in a scratch folder; what becomes of the files is for `changes` to say. Of cookiecutter only
the rendering is used: no prompts, replay files or user configuration, no hooks of ours, and nothing is read
or written in the user's home.
"""

from __future__ import annotations

import os
import tempfile
import unicodedata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.model import SpecShapeError
from dx_app_wizard.dxapp.names import source_path_problem
from dx_app_wizard.files import files_below
from dx_app_wizard.rendering.changes import FileContent, OnConflict, change_set
from dx_app_wizard.rendering.clones import is_url
from dx_app_wizard.rendering.provenance import BUILT_IN, RECORD_PATH, Template, hash_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_app_wizard.dxapp.model import IOField
    from dx_app_wizard.rendering.plan import Plan


_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of characters, and ends of lines and paragraphs."""


def render(plan: Plan, name: str) -> dict[PurePosixPath, FileContent]:
    """Return the files of the app called name, by their paths in its folder.

    Raises SpecShapeError when runSpec.file is no path in the app, and TemplateError for a template of the
    user's that cannot be rendered.
    """
    source = _source_path(plan)
    values = _values(plan, name, source.name)
    with tempfile.TemporaryDirectory(prefix="dx-app-wizard-") as scratch:
        if plan.template:
            from dx_app_wizard.rendering.custom_template import render_custom

            folder = render_custom(plan.template, values, scratch)
        else:
            folder = _render_built_in(values, scratch)
            _move_source(folder, source)
        return {
            PurePosixPath(path.relative_to(folder).as_posix()): _content(path)
            for path in files_below(folder)
            if path != folder / RECORD_PATH
        }


def render_app(plan: Plan, destination: Path) -> list[Path]:
    """Write the app to the new folder `destination`; return the paths of its files in it, sorted.

    Raises ConflictError when something else is there, and SpecShapeError as `render` does.
    """
    files = render(plan, destination.name)
    change_set(destination, files, OnConflict.ABORT).apply()
    return sorted(Path(path) for path in files)


def template_of(plan: Plan, app: Path) -> Template:
    """Return which template writes the plan, for the record in the folder app: no path of this machine."""
    own = plan.template
    if own is None:
        return Template(BUILT_IN, hash_of(templates()))
    relative = Path(os.path.relpath(own.folder.resolve(), app.resolve())).as_posix()
    return Template(own.source if is_url(own.source) else relative, hash_of(own.folder))


def templates() -> Path:
    """Return the folder of the cookiecutter template: in the package, or in the repository it runs from."""
    package = Path(__file__).parent.parent
    installed = package / "templates" / "app"
    return installed if installed.is_dir() else package.parent.parent / "templates" / "app"


def _render_built_in(values: dict[str, Any], scratch: str) -> Path:
    from cookiecutter.generate import generate_context, generate_files

    context = generate_context(str(templates() / "cookiecutter.json"))
    context["cookiecutter"].update(values)
    return Path(generate_files(templates(), context, scratch, accept_hooks=False))


def _values(plan: Plan, name: str, source_name: str) -> dict[str, Any]:
    """Return what the templates read, with nothing left to defaults or prompts."""
    return {
        "name": name,
        "title": _shown(plan.spec.title or name),
        "summary": _shown(plan.spec.summary or "").rstrip("."),
        "version": plan.spec.version or "",
        "language": plan.language,
        "pattern": plan.pattern,
        "inputs": _by_name(plan.spec.inputs),
        "outputs": _by_name(plan.spec.outputs),
        "__source": source_name,
        "ci": plan.ci,
        "ci_package": plan.ci_package or "",
        "__github": "test.yml" if plan.ci == "github" else "",
        "__gitlab": ".gitlab-ci.yml" if plan.ci == "gitlab" else "",
        "__pre_commit": ".pre-commit-config.yaml" if plan.ci != "none" else "",
        "_dxapp": plan.spec.dumps(),
        # `dx build` refuses an app that has both a Readme.md and a description.
        "__readme": "" if "description" in plan.spec.raw else "Readme.md",
    }


def _content(path: Path) -> FileContent:
    return FileContent(path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))


def _by_name(fields: Iterable[IOField] | None) -> dict[str, dict[str, Any]]:
    return {field.name: {**field.raw, **_texts(field)} for field in fields or ()}


def _texts(field: IOField) -> dict[str, str]:
    """Return what a parameter says to people, as they can read it."""
    texts = {"label": field.label, "help": field.help}
    return {key: _shown(text) for key, text in texts.items() if text is not None}


def _shown(text: str) -> str:
    """Return a text of a dxapp.json on one line, without characters that no file in UTF-8 shows."""
    return "".join(" " if unicodedata.category(char) in _UNPRINTABLE else char for char in text)


def _source_path(plan: Plan) -> PurePosixPath:
    """Return where the source file belongs; names from a dxapp.json never lead out of the app."""
    file = plan.spec.run_spec.file or ""
    problem = source_path_problem(file)
    if problem:
        raise SpecShapeError("runSpec.file", f"{file!r} {problem}")
    return PurePosixPath(file)


def _move_source(folder: Path, source: PurePosixPath) -> None:
    """Move the source file from src/, where the template puts it, to where runSpec.file says."""
    rendered = folder / "src" / source.name
    target = folder / source
    if target == rendered:
        return
    within_file = any((folder / parent).is_file() for parent in source.parents)
    if target.exists() or within_file or source == RECORD_PATH:
        raise SpecShapeError("runSpec.file", f"{str(source)!r} is taken by another file of the app")
    target.parent.mkdir(parents=True, exist_ok=True)
    rendered.rename(target)
