"""`dx-local exec`: run a command as a client of a platform that lives as long as the command."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dx_local.cli.boundary import CommandResult, boundary
from dx_local.cli.job_options import job_options
from dx_local.cli.serve import state_option
from dx_local.cli.stopping import signals_that_stop, until_stopped
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.engine.service.serve import ServeRequest
    from dx_local.engine.settings import JobOptions, JobSettings

_NOT_EXECUTABLE = 126
_NOT_FOUND = 127


@click.command(
    "exec", context_settings={"help_option_names": ["-h", "--help"], "allow_interspersed_args": False}
)
@state_option(default="a temporary folder")
@job_options
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND…")
def command(state: Path | None, job: JobOptions, program: tuple[str, ...]) -> None:
    """Run COMMAND as a client of a new platform, which is discarded afterwards.

    With --state, the platform is kept in DIR. dx-local exits with COMMAND's exit
    code, and passes SIGINT and SIGTERM on to it.

    \b
    Examples:
      dx-local exec -- bash                       an interactive shell
      dx-local exec -- dx upload reads.fastq
      dx-local exec -- pytest tests

    Exit codes: COMMAND's, or 128 plus the number of the signal that ended it;
    126 if COMMAND cannot be executed, 127 if it does not exist, 2 and 4 as for serve.
    """  # noqa: D301 - click wants a real backspace
    boundary(lambda: _exec(state, job, program), as_json=False)


def _exec(state: Path | None, job: JobOptions, program: tuple[str, ...]) -> CommandResult:
    from dx_local.engine.settings import JobSettings

    settings = JobSettings.from_options(job)
    done, stopped = asyncio.run(until_stopped(_in_folder(state, settings, program)))
    return CommandResult(stopped if done is None else done)


async def _in_folder(state: Path | None, settings: JobSettings, program: tuple[str, ...]) -> int:
    from dx_local.engine.service.serve import ServeRequest

    with _folder(state) as folder:
        return await _run(ServeRequest(folder, settings, lends_terminal=True), program)


@contextmanager
def _folder(state: Path | None) -> Iterator[Path]:
    if state is not None:
        yield state.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="dx-local-exec-"))
    try:
        yield folder
    finally:
        remove_tree(folder, ignore_errors=True)


async def _run(request: ServeRequest, program: tuple[str, ...]) -> int:
    from dx_local.engine.service import client_environment
    from dx_local.engine.service.serve import serving
    from dx_local.ui.display.progress import Messages

    async with serving(request, Messages()) as saved:
        environment = client_environment.environment(saved, request.folder, os.environ)
        executable = shutil.which(program[0], path=environment["PATH"])
        if executable is None:
            click.echo(f"error: program {program[0]!r} was not found", err=True)
            return _NOT_FOUND
        try:
            return await _exit_code([executable, *program[1:]], environment)
        except OSError as error:
            click.echo(f"error: program {program[0]!r} cannot be executed: {error.strerror}", err=True)
            return _NOT_EXECUTABLE


async def _exit_code(command_line: list[str], environment: dict[str, str]) -> int:
    """Run a program, forward signals to it, and return its exit code. Raises OSError."""
    loop = asyncio.get_running_loop()
    process: asyncio.subprocess.Process | None = None
    early_signals: list[signal.Signals] = []

    def forward(number: signal.Signals) -> None:
        if number == signal.SIGINT and _terminal_sends_to_group():
            return
        if process is None:
            early_signals.append(number)
            return
        with suppress(ProcessLookupError):
            process.send_signal(number)

    for number in signals_that_stop():
        loop.add_signal_handler(number, forward, number)
    process = await asyncio.create_subprocess_exec(*command_line, env=environment)
    for number in early_signals:
        forward(number)
    code = await process.wait()
    return code if code >= 0 else 128 - code


def _terminal_sends_to_group() -> bool:
    """Return whether the terminal sends Ctrl-C to the command itself, as it does in the foreground."""
    with suppress(OSError), Path("/dev/tty").open("rb", buffering=0) as terminal:
        return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    return False
