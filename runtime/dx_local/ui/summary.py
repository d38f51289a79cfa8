"""What a run leaves on the screen: its outputs on stdout, and on stderr how it went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dx_local.engine.run import RunResult


def show_summary(result: RunResult, *, quiet: bool) -> None:
    """Print outputs as `NAME<TAB>VALUE` lines on stdout, or the one cause of the failure on stderr, last."""
    if result.failure is not None:
        click.echo(f"folder of this run: {result.folder}", err=True)
        click.echo(click.style("error: ", fg="red", bold=True) + result.explanation(), err=True)
        return
    if not quiet:
        count = f"{result.job_count} job{'s' if result.job_count != 1 else ''}"
        click.echo(f"done: {count} in {result.seconds:.1f} s, kept in {result.folder}", err=True)
    for name, value in result.output.items():
        for item in value if isinstance(value, list) else [value]:
            click.echo(f"{name}\t{_text(item)}")


def _text(value: Any) -> str:
    return str(value) if isinstance(value, (str, Path)) else json.dumps(value, ensure_ascii=False)
