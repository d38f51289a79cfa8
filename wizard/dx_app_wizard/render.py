"""From a plan to a folder: the templates, rendered through cookiecutter.

The folder is rendered beside its destination and renamed when it is complete, so a failure leaves nothing
behind. Of cookiecutter only the rendering is used: no prompts, hooks, replay files or user configuration, and
nothing is read or written in the user's home.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import ConflictError
from dx_app_wizard.spec.model import SpecShapeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_app_wizard.plan import Plan
    from dx_app_wizard.spec.model import IOField


def render_app(plan: Plan, destination: Path) -> list[Path]:
    """Write the app to the new folder `destination`; return the paths of its files in it, sorted.

    Raises ConflictError when destination exists, and SpecShapeError when runSpec.file is no path in the app.
    """
    from cookiecutter.generate import generate_files

    if os.path.lexists(destination):
        raise ConflictError(destination)
    source = _source_path(plan)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".dx-app-wizard-", dir=destination.parent) as scratch:
        context = _context(plan, destination.name, source.name)
        folder = Path(generate_files(templates(), context, scratch, accept_hooks=False))
        _move_source(folder, source)
        folder.rename(destination)
    return sorted(path.relative_to(destination) for path in destination.rglob("*") if path.is_file())


def templates() -> Path:
    """Return the folder of the cookiecutter template: in the package, or in the repository it runs from."""
    package = Path(__file__).parent
    installed = package / "templates" / "app"
    return installed if installed.is_dir() else package.parent.parent / "templates" / "app"


def _context(plan: Plan, name: str, source_name: str) -> dict[str, Any]:
    """Return what the templates read, with nothing left to defaults or prompts."""
    from cookiecutter.generate import generate_context

    context: dict[str, Any] = generate_context(str(templates() / "cookiecutter.json"))
    context["cookiecutter"].update(
        {
            "name": name,
            "title": plan.spec.title or name,
            "summary": (plan.spec.summary or "").rstrip("."),
            "version": plan.spec.version or "",
            "language": plan.language,
            "pattern": plan.pattern,
            "inputs": _by_name(plan.spec.inputs),
            "outputs": _by_name(plan.spec.outputs),
            "__source": source_name,
            "_dxapp": plan.spec.dumps(),
            # `dx build` refuses an app that has both a Readme.md and a description.
            "__readme": "" if "description" in plan.spec.raw else "Readme.md",
        }
    )
    return context


def _by_name(fields: Iterable[IOField] | None) -> dict[str, dict[str, Any]]:
    return {field.name: field.raw for field in fields or ()}


def _source_path(plan: Plan) -> PurePosixPath:
    """Return where the source file belongs; names from a dxapp.json never lead out of the app."""
    path = PurePosixPath(plan.spec.run_spec.file or "")
    if path.is_absolute() or ".." in path.parts or "\\" in str(path) or not path.name:
        raise SpecShapeError("runSpec.file", "must be the path of a file in the app's folder")
    return path


def _move_source(folder: Path, source: PurePosixPath) -> None:
    """Move the source file from src/, where the template puts it, to where runSpec.file says."""
    rendered = folder / "src" / source.name
    target = folder / source
    if target == rendered:
        return
    if target.exists():
        raise SpecShapeError("runSpec.file", f"{str(source)!r} is taken by another file of the app")
    target.parent.mkdir(parents=True, exist_ok=True)
    rendered.rename(target)
    if not any(rendered.parent.iterdir()):
        rendered.parent.rmdir()
