"""Options of all verbs that run jobs."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

import click

from dx_local.cli.completion.candidates import complete_reasons
from dx_local.engine.cluster.settings import SCHEDULERS
from dx_local.engine.debugging import ALL_REASONS, DEBUG_REASONS, DEFAULT_PORT
from dx_local.engine.executors.registry import EXECUTORS
from dx_local.engine.settings import (
    EXECUTOR_VARIABLE,
    ISOLATION_VARIABLE,
    NETWORK_VARIABLE,
    InputDelivery,
    Isolation,
    JobOptions,
    NetworkAccess,
    Sizes,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import Enum
    from typing import Any


def _choice(kind: type[Enum]) -> click.Choice[str]:
    return click.Choice([member.value for member in kind])


_OPTIONS = (
    click.option(
        "--max-parallel",
        type=click.IntRange(min=1),
        metavar="N",
        help="Number of jobs to run in parallel.  [default: one per core]",
    ),
    click.option("-x", "--xtrace", is_flag=True, help="Print each bash command before it runs."),
    click.option(
        "--plain-bash",
        is_flag=True,
        help="Run bash without the ERR trap and `set -E` by which failures name their line.",
    ),
    click.option(
        "--reuse",
        is_flag=True,
        help="Reuse the output of an earlier job on the same platform with the same code and input.",
    ),
    click.option(
        "--python",
        metavar="VERSION",
        help="Python version for jobs, such as 3.12.  [default: that of the app's release, if installed]",
    ),
    click.option(
        "--install-depends",
        is_flag=True,
        help="Unpack missing Debian packages of execDepends, for the jobs only and without root.",
    ),
    click.option(
        "--isolation",
        type=_choice(Isolation),
        default=Isolation.AUTO.value,
        show_default=True,
        envvar=ISOLATION_VARIABLE,
        help="Run jobs in a sandbox that looks like a worker: if possible, always (or fail), or never.",
    ),
    click.option(
        "--network",
        type=_choice(NetworkAccess),
        default=NetworkAccess.AUTO.value,
        show_default=True,
        envvar=NETWORK_VARIABLE,
        help="Which jobs get network access: only apps that request access.network (auto), or all (allow).",
    ),
    click.option(
        "--memory-limit",
        metavar="SIZE",
        help="Memory limit of each job, such as 2GiB, or `instance` for that of its instance type.",
    ),
    click.option(
        "--inputs",
        "input_delivery",
        type=_choice(InputDelivery),
        default=InputDelivery.COPY.value,
        show_default=True,
        help=(
            "How input files are delivered: a copy, or a read-only link if the sandbox protects the original."
        ),
    ),
    click.option(
        "--on",
        type=click.Choice(SCHEDULERS),
        help="Run jobs on nodes from this batch scheduler. Needs the extra parsl.",
    ),
    click.option(
        "--nodes", type=click.IntRange(min=1), metavar="N", help="Nodes to request, at most.  [default: 1]"
    ),
    click.option(
        "--executor",
        type=click.Choice(list(EXECUTORS)),
        envvar=EXECUTOR_VARIABLE,
        metavar="[local|parsl]",  # `thread` is for tests
        help="Executor that starts the jobs.  [default: local, or parsl with --on]",
    ),
    click.option(
        "--executor-config",
        type=click.Path(),
        metavar="FILE",
        help="TOML file with a table [executor].  [default: the project file, with --on or --executor]",
    ),
    click.option(
        "--sizes",
        type=_choice(Sizes),
        help="Give each job one core of a node (slot), or the cores and memory of its instance type.",
    ),
    click.option(
        "--listen",
        metavar="ADDRESS[:PORT]",
        help="Address at which nodes reach this machine.  [default: that of its default route]",
    ),
    click.option(
        "--object",
        "objects",
        multiple=True,
        metavar="ID=PATH",
        help="Local data for an object of the cloud, by its ID or PROJECT-ID:ID. Repeatable.",
    ),
    click.option(
        "--with",
        "apps",
        multiple=True,
        metavar="APP",
        help="Folder of another app to put into the project, for apps that run it. Repeatable.",
    ),
    click.option(
        "--inject",
        multiple=True,
        metavar="KIND:ENTRYPOINT[N][:TRY]",
        help="Inject a fault into jobs: fail, kill, timeout, spot, oom, or slow-io (…=10MB/s). Repeatable.",
    ),
)
"""In the order of `--help`. Each stores its value under its name in JobOptions."""


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the job options to a command, which receives their values together as the argument `job`."""

    @wraps(command)
    def with_job(**arguments: Any) -> Any:
        # Not yet JobSettings: an error in them is reported by the command's boundary.
        job = {name: arguments.pop(name) for name in JobOptions.__annotations__ if name in arguments}
        return command(job=job, **arguments)

    for option in reversed(_OPTIONS):
        with_job = option(with_job)
    return with_job


_DEBUG_OPTIONS = (
    click.option(
        "--debug-on",
        multiple=True,
        metavar="REASON",
        shell_complete=complete_reasons,
        help=f"Stop jobs that fail for this reason in a debugger: {', '.join(DEBUG_REASONS)}. Repeatable.",
    ),
    click.option("--debug", is_flag=True, help=f"Same as --debug-on {ALL_REASONS}."),
    click.option(
        "--debug-job",
        metavar="LABEL",
        help="The only job to debug, such as process[57].",
    ),
    click.option(
        "--debugpy",
        type=click.IntRange(1, 65535),
        is_flag=False,
        flag_value=DEFAULT_PORT,
        metavar="[PORT]",
        help="Have the first job, or that of --debug-job, wait for VS Code.  [default port: 5678]",
    ),
)


def debug_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for debuggers to a command with job options, of which they are part then."""

    @wraps(command)
    def with_debug(*, debug: bool, **arguments: Any) -> Any:
        if debug:
            arguments["debug_on"] = (*arguments["debug_on"], ALL_REASONS)
        return command(**arguments)

    for option in reversed(_DEBUG_OPTIONS):
        with_debug = option(with_debug)
    return with_debug
