"""Print the result of a run that is done: its outputs on stdout, usage on stderr."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from dx_app_wizard.console.text import plain
from dx_local.platform.core.json_text import in_batches, is_large, json_pieces
from dx_local.sizes import size_text
from dx_local.ui.fitting import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dx_local.engine.runs.result import RunResult
    from dx_local.platform.execution.job_usage import EntryPointUsage

_HEADER = ("jobs", "memory, at most", "CPU time", "disk, at most")


def show_summary(result: RunResult, *, quiet: bool) -> None:
    """Print the outputs of a run that is done as `NAME<TAB>VALUE` lines on stdout, and usage on stderr."""
    if not quiet:
        count = f"{result.job_count} job{'s' if result.job_count != 1 else ''}"
        click.echo(f"done: {count} in {result.seconds:.1f} s, kept in {plain(str(result.folder))}", err=True)
        for line in _resumed_lines(result):
            click.echo(line, err=True)
        width = get_terminal_size().columns if sys.stderr.isatty() else None
        for line in usage_lines(result.usage):
            click.echo(line if width is None else cut(line, width), err=True)
    shows_terminal = sys.stdout.isatty()
    for text in in_batches(_lines(result.output)):
        click.echo(plain(text) if shows_terminal else text, nl=False)


def _resumed_lines(result: RunResult) -> Iterator[str]:
    """Yield lines on the jobs that were taken over from an earlier run."""
    resumed = result.resumed
    if resumed is None:
        return
    saved = f", which saved {resumed.seconds_saved:.1f} s" if resumed.seconds_saved else ""
    yield f"taken over: {resumed.taken_over} of {result.job_count} jobs of {resumed.run}{saved}"
    if resumed.network:
        asks = "1 of these asks" if resumed.network == 1 else f"{resumed.network} of these ask"
        yield f"  {asks} for network; --no-resume-network runs such jobs again"


def usage_lines(usages: Sequence[EntryPointUsage]) -> list[str]:
    """Return a table of the resources that the jobs of each entry point used, and the share of memory.

    Entry points have the name of their executable if there are several executables.
    """
    is_named = len({usage.executable_name for usage in usages}) > 1
    rows = [_HEADER, *(_cells(usage, is_named=is_named) for usage in usages)] if usages else []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"  {name:{widths[0]}}  {memory:{widths[1]}}  {cpu:>{widths[2]}}  {disk:>{widths[3]}}"
        for name, memory, cpu, disk in rows
    ]


def _cells(usage: EntryPointUsage, *, is_named: bool) -> tuple[str, str, str, str]:
    name = f"{usage.executable_name}:{usage.function}" if is_named else usage.function
    count = f" ({usage.tries})" if usage.tries > 1 else ""
    memory = size_text(usage.memory)
    if worker := usage.worker:
        memory += f", {_percent(usage.memory / worker.memory_bytes)} of {worker.name}"
    return (plain(f"{name}{count}"), memory, f"{usage.cpu_seconds:.2f} s", size_text(usage.disk))


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{share:.1%}"


def _lines(output: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of an output in pieces."""
    for name, value in output.items():
        for item in value if isinstance(value, list) else [value]:
            yield f"{name}\t"
            if isinstance(item, (str, Path)):
                yield str(item)
            elif is_large(item):
                yield from json_pieces(item)
            else:
                yield json.dumps(item, ensure_ascii=False)
            yield "\n"
