"""Render the files of an app from its plan.

Custom templates are rendered by cookiecutter. Only its rendering is used: no prompts, no replay files and no
user configuration, so nothing in the user's home is read or written except for caches. Files are rendered to
a scratch folder; the module `changes` writes them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import unicodedata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.command_answers import command_of
from dx_app_wizard.command_template.region_command import RegionCommand
from dx_app_wizard.command_template.region_script import region_script
from dx_app_wizard.command_template.scattered import ScatteredCommand
from dx_app_wizard.command_template.scattered_script import scattered_script
from dx_app_wizard.command_template.script import script
from dx_app_wizard.dxapp.model import SpecShapeError
from dx_app_wizard.dxapp.names import source_path_problem
from dx_app_wizard.files import files_below
from dx_app_wizard.rendering.changes import FileContent, OnConflict, change_set
from dx_app_wizard.rendering.clones import is_url
from dx_app_wizard.rendering.provenance import BUILT_IN, RECORD_PATH, Template, template_hash
from dx_app_wizard.rendering.values.sample_units import sample_units
from dx_app_wizard.rendering.values.samples import TEXT_SAMPLE, choose_samples, sample_path, templates_folder
from dx_app_wizard.rendering.values.scatter_values import inputs_of, scatter_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_app_wizard.dxapp.model import IOField
    from dx_app_wizard.rendering.plan import Plan


_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
"""The Unicode categories of control characters, surrogates, line separators and paragraph separators."""


def render(plan: Plan, name: str) -> dict[PurePosixPath, FileContent]:
    """Return the files of the app called name, by their paths in its folder.

    Raises SpecShapeError if runSpec.file is not a path inside the app, and TemplateError if a custom template
    cannot be rendered.
    """
    source = _source_path(plan)
    values = _values(plan, name, source.name)
    with tempfile.TemporaryDirectory(prefix="dx-app-wizard-") as scratch:
        if plan.template:
            from dx_app_wizard.rendering.custom_template import render_custom

            folder = render_custom(plan.template, values, scratch)
        else:
            from dx_app_wizard.rendering.built_in.renderer import render_built_in

            folder = render_built_in(templates(), values, Path(scratch))
            _add_samples(folder / "test" / "data", plan)
            _move_source(folder, source)
        return {
            PurePosixPath(path.relative_to(folder).as_posix()): _content(path)
            for path in files_below(folder)
            if path != folder / RECORD_PATH
        }


def render_app(plan: Plan, destination: Path) -> list[Path]:
    """Write the app to the new folder `destination`; return the paths of its files in it, sorted.

    Raises ConflictError if the folder exists and is not empty, and SpecShapeError like `render`.
    """
    files = render(plan, destination.name)
    change_set(destination, files, OnConflict.ABORT).apply()
    return sorted(Path(path) for path in files)


def template_of(plan: Plan, app: Path) -> Template:
    """Return the template of the plan for the record in the folder app, without absolute paths."""
    custom = plan.template
    if custom is None:
        return Template(BUILT_IN, template_hash(templates(), templates_folder() / "samples"))
    relative = Path(os.path.relpath(custom.folder.resolve(), app.resolve())).as_posix()
    return Template(custom.source if is_url(custom.source) else relative, template_hash(custom.folder))


def sample_paths(plan: Plan) -> tuple[PurePosixPath, ...]:
    """Return the paths of the template's own sample in the app: files in test/data, and test/input.json."""
    names = [name for chosen in choose_samples(inputs_of(plan)).values() for name in chosen] or [TEXT_SAMPLE]
    data = PurePosixPath("test/data")
    return (*(data / name for name in dict.fromkeys(names)), PurePosixPath("test/input.json"))


def templates() -> Path:
    """Return the folder of the built-in template, in the package or in the repository."""
    return templates_folder() / "app"


def _add_samples(data: Path, plan: Plan) -> None:
    """Copy the samples of the app's inputs to its test data; remove the text sample if no input has it."""
    samples: dict[str, str] = {}
    for chosen in choose_samples(inputs_of(plan)).values():
        samples.update(chosen)
    for name, source in samples.items():
        if source:
            shutil.copyfile(sample_path(name, source), data / name)
    if samples and TEXT_SAMPLE not in samples:
        (data / TEXT_SAMPLE).unlink()


def _values(plan: Plan, name: str, source_name: str) -> dict[str, Any]:
    """Return a value for every variable of the templates, so that none is left to defaults."""
    scatter, samples = scatter_values(plan), choose_samples(inputs_of(plan))
    return {
        "name": name,
        "title": _printable(plan.spec.title or name),
        "summary": _printable(plan.spec.summary or "").rstrip("."),
        "version": plan.spec.version or "",
        "language": plan.language,
        "pattern": plan.pattern,
        "inputs": _by_name(plan.spec.inputs),
        "outputs": _by_name(plan.spec.outputs),
        "__source": source_name,
        "__golden": _golden_name(plan),
        "ci": plan.ci,
        "ci_package": plan.ci_package or "",
        "__github": "test.yml" if plan.ci == "github" else "",
        "__gitlab": ".gitlab-ci.yml" if plan.ci == "gitlab" else "",
        "__pre_commit": ".pre-commit-config.yaml" if plan.ci != "none" else "",
        "_dxapp": plan.spec.dumps(),
        "_scatter": scatter,
        "_samples": {input_name: list(files) for input_name, files in samples.items()},
        "_sample_units": sample_units(scatter, samples),
        "_command": plan.command or "",
        "_script": _script(plan),
        # `dx build` rejects an app with both a Readme.md and a description.
        "__readme": "" if "description" in plan.spec.raw else "Readme.md",
    }


def _golden_name(plan: Plan) -> str:
    """Return the name of the golden file: that of the first output file, as the code writes one for all."""
    names = [field.name for field in plan.spec.outputs or () if field.io_class in ("file", "array:file")]
    return f"{names[0]}.tsv" if names and plan.language == "python" else "report.tsv"


def _script(plan: Plan) -> str:
    """Return the source of an app that runs a command; empty for an app with the pattern's own code."""
    if plan.command is None:
        return ""
    summary = _printable(plan.spec.summary or "").rstrip(".")
    command = command_of(plan.command, plan.scatter)
    if isinstance(command, ScatteredCommand):
        return scattered_script(command, summary)
    if isinstance(command, RegionCommand):
        return region_script(command, summary)
    return script(command, summary)


def _content(path: Path) -> FileContent:
    return FileContent(path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))


def _by_name(fields: Iterable[IOField] | None) -> dict[str, dict[str, Any]]:
    return {field.name: {**field.raw, **_texts(field)} for field in fields or ()}


def _texts(field: IOField) -> dict[str, str]:
    """Return the label and help of a parameter, in printable form."""
    texts = {"label": field.label, "help": field.help}
    return {key: _printable(text) for key, text in texts.items() if text is not None}


def _printable(text: str) -> str:
    """Return text on one line, with a space for each unprintable character."""
    return "".join(" " if unicodedata.category(char) in _UNPRINTABLE else char for char in text)


def _source_path(plan: Plan) -> PurePosixPath:
    """Return the path of the source file; reject a path in a dxapp.json that leads out of the app."""
    file = plan.spec.run_spec.file or ""
    problem = source_path_problem(file)
    if problem:
        raise SpecShapeError("runSpec.file", f"{file!r} {problem}")
    return PurePosixPath(file)


def _move_source(folder: Path, source: PurePosixPath) -> None:
    """Move the source file from src/, where the template writes it, to the path in runSpec.file."""
    rendered = folder / "src" / source.name
    target = folder / source
    if target == rendered:
        return
    within_file = any((folder / parent).is_file() for parent in source.parents)
    if target.exists() or within_file or source == RECORD_PATH:
        raise SpecShapeError("runSpec.file", f"{str(source)!r} is taken by another file of the app")
    target.parent.mkdir(parents=True, exist_ok=True)
    rendered.rename(target)
