"""Options of all verbs that run jobs: what the jobs are started in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dx_local.engine.executors import ISOLATION_VARIABLE, NETWORK_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from dx_local.engine.environments.job_environments import WorkplaceOptions

_PYTHON = click.option(
    "--python",
    metavar="VERSION",
    help="Python version for jobs, such as 3.12.  [default: that of the app's release, if installed]",
)

_INSTALL = click.option(
    "--install-depends",
    "installs",
    is_flag=True,
    help="Unpack Debian packages of execDepends that this machine lacks, for the jobs alone, without root.",
)

_ISOLATION = click.option(
    "--isolation",
    type=click.Choice(["auto", "namespace", "none"]),
    default="auto",
    show_default=True,
    envvar=ISOLATION_VARIABLE,
    help="Run jobs in a sandbox that looks like a worker: if possible, always (or fail), or never.",
)

_NETWORK = click.option(
    "--network",
    type=click.Choice(["auto", "allow"]),
    default="auto",
    show_default=True,
    envvar=NETWORK_VARIABLE,
    help="Which jobs get network access: only apps that request access.network (auto), or all (allow).",
)

_MEMORY = click.option(
    "--memory-limit",
    metavar="SIZE",
    help="Memory limit of each job, such as 2GiB, or `instance` for that of its instance type.",
)


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `python`, `installs`, `isolation`, `network` and `memory_limit`."""
    for option in (_MEMORY, _NETWORK, _ISOLATION, _INSTALL, _PYTHON):
        command = option(command)
    return command


def workplace_options(
    python: str | None, installs: bool, memory_limit: str | None, network: str
) -> WorkplaceOptions:
    """Return the options as the engine takes them. Raises UsageError for what jobs cannot have."""
    from dx_local.engine.environments.job_environments import WorkplaceOptions
    from dx_local.engine.environments.python_versions import check_python
    from dx_local.engine.memory_limit import parse_limit

    if python is not None:
        check_python(python)
    limit = parse_limit(memory_limit) if memory_limit is not None else None
    return WorkplaceOptions(
        python=python, installs=installs, memory_limit=limit, allows_network=network == "allow"
    )
