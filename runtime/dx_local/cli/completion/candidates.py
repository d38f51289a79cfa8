"""Candidates for values on the command line, from the app and its kept runs; without any, if one is broken.

Each function has the signature that click expects of `shell_complete`. Imports are inside the functions,
because a verb is imported to run, too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import click
    from click.shell_completion import CompletionItem

    from dx_local.engine.history.kept_runs import KeptRun

_INPUT_OPTION = "-i"


def complete_inputs(context: click.Context, _parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """Complete the name of an input, followed by =."""
    return _inputs(context, text, prefix="")


def complete_attached_input(context: click.Context, text: str) -> list[CompletionItem]:
    """Complete `-iNAME`, in which the name follows the option without a space."""
    if not text.startswith(_INPUT_OPTION):
        return []
    return _inputs(context, text.removeprefix(_INPUT_OPTION), prefix=_INPUT_OPTION)


def complete_functions(context: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    """Complete the name of an entry point."""
    from dx_app_wizard.lint.source.app_folder import AppFolder

    spec = _spec(context)
    found = AppFolder(_app(context), spec).entry_points if spec else None
    return [name for name in found or () if name.startswith(text)]


def complete_cases(context: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    """Complete the name of a test case."""
    paths = sorted((_app(context) / "test" / "cases").glob("*.json"))
    return [path.stem for path in paths if path.stem.startswith(text)]


def complete_runs(context: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    """Complete the name of a kept run, the latest first."""
    from dx_local.engine.history.kept_runs import LAST, kept_runs
    from dx_local.errors import DxLocalError

    try:
        names = [run.name for run in reversed(kept_runs(_app(context)))]
    except DxLocalError:
        return []
    return [name for name in [LAST, *names] if name.startswith(text)]


def complete_jobs(context: click.Context, _parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """Complete the label of a job of the chosen run; failed jobs come first."""
    from dx_local.engine.history.kept_runs import choose_run

    return _jobs(context, text, choose_run)


def complete_jobs_to_repeat(
    context: click.Context, _parameter: click.Parameter, text: str
) -> list[CompletionItem]:
    """Complete the label of a job of the run from which `dx-local rerun` takes it."""
    from dx_local.engine.history.kept_runs import choose_run_to_repeat

    return _jobs(context, text, choose_run_to_repeat)


def complete_reasons(_context: click.Context, _parameter: click.Parameter, text: str) -> list[str]:
    """Complete a failure reason for --debug-on."""
    from dx_local.engine.debugging import DEBUG_REASONS

    return [reason for reason in DEBUG_REASONS if reason.startswith(text)]


def _jobs(context: click.Context, text: str, choose: Callable[[Path, str], KeptRun]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from dx_local.engine.history.kept_jobs import kept_jobs
    from dx_local.engine.history.kept_runs import LAST
    from dx_local.errors import DxLocalError

    try:
        with choose(_app(context), context.params.get("run_name") or LAST).opened() as platform:
            jobs = kept_jobs(platform)
    except DxLocalError:
        return []
    jobs.sort(key=lambda job: not job.is_cause)
    states = {job.label: job.state for job in reversed(jobs)}  # the first of several with a label
    labels = dict.fromkeys(job.label for job in jobs)
    return [CompletionItem(label, help=states[label]) for label in labels if label.startswith(text)]


def _app(context: click.Context) -> Path:
    return Path(context.params.get("app") or ".")


def _spec(context: click.Context) -> dict[str, Any]:
    """Return the dxapp.json of the app, or an empty one if it cannot be read."""
    try:
        spec = json.loads((_app(context) / "dxapp.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return spec if isinstance(spec, dict) else {}


def _inputs(context: click.Context, text: str, prefix: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    fields = _spec(context).get("inputSpec")
    known = [field for field in fields if isinstance(field, dict)] if isinstance(fields, list) else []
    return [
        CompletionItem(f"{prefix}{field['name']}=", help=str(field.get("class", "")))
        for field in known
        if isinstance(field.get("name"), str) and field["name"].startswith(text)
    ]
