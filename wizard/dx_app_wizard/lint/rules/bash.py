"""Lint rules that compare the source of a bash app with its dxapp.json."""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from dx_app_wizard.lint.rules.rule import BytesFix, CodeViolation, Rules
from dx_app_wizard.lint.source.bash_programs import missing_programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.lint.source.app_folder import AppFolder

BASH_RULES: Rules[AppFolder, CodeViolation] = Rules()
"""Rules for the folder of an app; they find nothing if its source is not bash."""


@BASH_RULES.rule("error")
def bash_line_ends(app: AppFolder) -> Iterator[CodeViolation]:
    r"""The lines of a bash source end with `\n`; with Windows line endings, every command ends with `\r`."""
    if app.bash and "\r\n" in (app.source or ""):
        line = (app.source or "").partition("\r\n")[0].count("\n") + 1
        hint = "Save the file with Unix line endings."
        name = app.source_name or ""
        fix = BytesFix(name, b"\r\n", b"\n")
        yield CodeViolation(name, "lines have Windows line endings", hint, line, fix=fix)


@BASH_RULES.rule("warning")
def bash_job_target(app: AppFolder) -> Iterator[CodeViolation]:
    """Every entry point in a call of `dx-jobutil-new-job` is a function.

    Otherwise the job runs only the code outside of functions, and has no output.
    """
    if app.bash is None or not app.bash.is_whole:
        return
    for start in app.bash.job_starts:
        if start.name not in app.bash.functions:
            hint = _near(start.name, app.bash.functions) or f"Write the function {start.name}()."
            message = f"the job's function {start.name!r} does not exist"
            yield CodeViolation(app.source_name or "", message, hint, start.line)


@BASH_RULES.rule("warning")
def bash_output_unknown(app: AppFolder) -> Iterator[CodeViolation]:
    """Every output that `main` adds is declared in outputSpec."""
    names = app.parameter_names("outputSpec")
    if app.bash is None or names is None:
        return
    for output in app.bash.outputs_of_main:
        if output.name not in names:
            hint = _near(output.name, names) or "Declare it in outputSpec."
            message = f"main adds {output.name!r}, which is not an output"
            yield CodeViolation(app.source_name or "", message, hint, output.line)


@BASH_RULES.rule("warning")
def bash_output_missing(app: AppFolder) -> Iterator[CodeViolation]:
    """Every output that is not optional is added.

    `dx-jobutil-add-output` adds any output, and `dx-upload-all-outputs` adds files from folders in out/.
    """
    if app.bash is None or not app.bash.outputs_are_known:
        return
    added = {output.name for output in app.bash.outputs}
    for field in app.required_outputs:
        is_file = field.get("class") in ("file", "array:file")
        if field["name"] in added:
            continue
        if is_file and app.bash.uploads_all_outputs:
            folders = app.bash.output_folders
            if folders is not None and field["name"] not in folders:
                hint = _near(field["name"], sorted(folders)) or f"Write it to out/{field['name']}/."
                message = f"output {field['name']!r} is missing: no file is written to out/{field['name']}/"
                yield CodeViolation(app.source_name or "", message, hint)
        else:
            hint = f"Add it: dx-jobutil-add-output {field['name']} VALUE --class={field.get('class')}"
            yield CodeViolation(app.source_name or "", f"output {field['name']!r} is never added", hint)


@BASH_RULES.rule("warning")
def bash_job_output(app: AppFolder) -> Iterator[CodeViolation]:
    """References such as `"$job:result"` are to outputs that the job's function adds."""
    for reference in app.bash.output_references if app.bash else []:
        added = app.bash.outputs_of_job(reference.target) if app.bash else None
        if added is not None and reference.field not in added:
            message = f"the job's function {reference.target}() does not add output {reference.field!r}"
            hint = _near(reference.field, sorted(added)) or (
                f"Add it there: dx-jobutil-add-output {reference.field} VALUE."
            )
            yield CodeViolation(app.source_name or "", message, hint, reference.line)


@BASH_RULES.rule("warning")
def bash_program(app: AppFolder) -> Iterator[CodeViolation]:
    """Every program is provided: by the worker, resources/, execDepends, an asset or the source itself.

    A worker has the programs of an Ubuntu server, dx-toolkit and docker. If the source changes PATH, or
    installs programs in ways that cannot be analysed (conda, make, an archive unpacked at /), every program
    counts as provided.
    """
    for call in missing_programs(app):
        message = f"program {call.program!r} is not available on workers"
        yield CodeViolation(
            app.source_name or "", message, _program_hint(call.package), call.line, call.column
        )


def _program_hint(package: str | None) -> str:
    if package is None:
        return "Put it into resources/usr/bin/, or declare its package in runSpec.execDepends."
    name = package.removeprefix("pip:")
    manager = ', "package_manager": "pip"' if name != package else ""
    return f'Declare it in runSpec.execDepends: {{"name": "{name}"{manager}}}.'


def _near(name: str, names: list[str]) -> str | None:
    near = get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else None
