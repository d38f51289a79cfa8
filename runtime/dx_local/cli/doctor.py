"""`dx-local doctor`: check the machine, count the implemented API methods, show the policy in force.

With --ci, it prints only the table of surroundings, which also heads the crash logs of dx-local.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from dx_app_wizard.console.text import plain
from dx_app_wizard.policy.load import load_policy
from dx_app_wizard.policy.model import VARIABLE_PREFIX, WIZARD_TABLE
from dx_app_wizard.user_dirs import cache_problem, find_cache_dir
from dx_local.cli.boundary import CommandResult, boundary

# Programs on this machine that jobs, the linter or the wizard call, with their purpose.
_PROGRAMS = {
    "git": "merges changes for `dx-app-wizard --update`",
    "shellcheck": "checks bash apps; optional",
}


@click.command("doctor", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--ci",
    "is_table",
    is_flag=True,
    help="Print a table of this machine's surroundings, with hints; exit with 1 if runs fail here.",
)
@click.option("--routes", is_flag=True, help="List every API method that is implemented.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(is_table: bool, routes: bool, as_json: bool) -> None:
    """Check this machine's setup, and show the policy that applies in this folder."""
    boundary(lambda: _examine(is_table=is_table, routes=routes), as_json=as_json)


def _examine(*, is_table: bool, routes: bool) -> CommandResult:
    from importlib.metadata import version

    from dx_local.api.coverage import as_markdown, implemented
    from dx_local.engine.environments.bash_of_jobs import bash_of_jobs
    from dx_local.engine.environments.debian import dpkg
    from dx_local.engine.environments.debian.apt import Apt
    from dx_local.engine.environments.python_environments import DXPY_VERSION, existing_environments
    from dx_local.engine.environments.python_versions import PYTHON_OF_RELEASE, find_python
    from dx_local.engine.executors.zygote_start.slow_tools import not_compiled
    from dx_local.engine.surroundings.checks import examine, tools_state
    from dx_local.engine.surroundings.table import as_json, is_usable, lines

    surroundings = examine(Path.cwd())
    environments = [str(environment.bin.parent) for environment in existing_environments()]
    found: dict[str, Any] = {
        "dx-local": version("dx-app-wizard"),
        "python": {
            "version": platform.python_version(),
            "path": sys.executable,
            "notCompiled": not_compiled(),
        },
        "workerEnvironment": {
            "dxpy": DXPY_VERSION,
            "path": environments[0] if environments else None,
            "paths": environments,
        },
        "pythonOfRelease": {
            release: {"version": version, "path": find_python(version)}
            for release, version in PYTHON_OF_RELEASE.items()
        },
        "debianPackages": {"checked": dpkg.installed() is not None, "installable": Apt.is_installed()},
        "isolation": _isolation(),
        "surroundings": as_json(surroundings),
        "tools": tools_state(),
        "cache": {"path": find_cache_dir("dx-local"), "problem": cache_problem("dx-local")},
        "bash": bash_of_jobs()._asdict(),
        "programs": {name: shutil.which(name) for name in ("bash", *_PROGRAMS)},
        "routes": implemented(),
        "policy": _policy(Path()),
    }
    if is_table:
        table = "\n".join(lines(surroundings))
        return CommandResult(
            0 if is_usable(surroundings) else 1, found, show=lambda: click.echo(plain(table))
        )
    show = (lambda: click.echo(as_markdown(), nl=False)) if routes else (lambda: _show(found))
    return CommandResult(0, found, show=show)


def _isolation() -> str:
    """Return `namespace` if jobs can have a sandbox, with its restriction, or else the reason."""
    from dx_local.engine.surroundings.checks import sandbox_support

    is_possible, problem = sandbox_support()
    if not is_possible:
        return f"none: {problem}"
    return f"namespace, but jobs see the processes of this machine: {problem}" if problem else "namespace"


def _policy(folder: Path) -> dict[str, Any]:
    """Return the policy files for a folder, the nearest first, and each setting with its source.

    Environment variables override the wizard's defaults in these files, so they are included.
    """
    policy = load_policy(folder)
    found = {
        f"{table}.{key}": (setting.value, str(setting.place))
        for (table, key), setting in policy.settings.items()
    }
    for name, value in os.environ.items():
        if name.startswith(VARIABLE_PREFIX) and value:
            key = f"{WIZARD_TABLE}.{name.removeprefix(VARIABLE_PREFIX).lower()}"
            found[key] = (value, f"the environment variable {name}")
    settings = [{"key": key, "value": value, "place": place} for key, (value, place) in sorted(found.items())]
    return {"files": [str(path) for path in policy.files], "settings": settings}


def _packages(debian: dict[str, bool]) -> str:
    """Return a sentence on the handling of packages on which apps depend."""
    if not debian["checked"]:
        return "pip packages are installed; Debian packages are not checked, because there is no dpkg"
    unpacked = ", and unpacked with --install-depends" if debian["installable"] else ""
    return f"pip packages are installed; Debian packages are checked{unpacked}"


def _show(found: dict[str, Any]) -> None:
    count = sum(len(methods) for methods in found["routes"].values())
    environment, version = found["workerEnvironment"], found["python"]["version"]
    click.echo(f"dx-local\t{found['dx-local']}")
    problem = found["python"]["notCompiled"]
    click.echo(f"Python\t{version} at {found['python']['path']}{f', but {problem}' if problem else ''}")
    places = ", ".join(environment["paths"]) or "built on first use"
    click.echo(f"dxpy\t{environment['dxpy']}; worker environments: {places}")
    for release, python in found["pythonOfRelease"].items():
        path = python["path"] or f"not found; its jobs run under {version}"
        click.echo(f"release {release}\tPython {python['version']}: {path}")
    click.echo(f"execDepends\t{_packages(found['debianPackages'])}")
    click.echo(f"isolation\t{found['isolation']}")
    click.echo(f"dx in jobs\t{found['tools']}")
    cache = found["cache"]
    problem = f", because {cache['problem']}" if cache["problem"] else ""
    click.echo(f"cache\t{cache['path'] or 'none'}{problem}")
    bash = found["bash"]
    click.echo(f"bash\t{bash['problem'] or '{path} {version} (runs apps written in bash)'.format(**bash)}")
    for name, purpose in _PROGRAMS.items():
        click.echo(f"{name}\t{found['programs'][name] or 'not found'} ({purpose})")
    for each in found["surroundings"]:
        if each["state"] != "good":
            hint = f" {each['remedy']}" if each["remedy"] else ""
            click.echo(f"{each['name']}\t{each['state']}: {each['finding']}.{hint}")
    click.echo(f"API\t{count} methods; `dx-local doctor --routes` lists them")
    click.echo(f"policy\t{', '.join(found['policy']['files']) or 'no files'}")
    for setting in found["policy"]["settings"]:
        value = json.dumps(setting["value"], ensure_ascii=False, default=str)
        click.echo(f"  {setting['key']} = {value}\t{setting['place']}")
