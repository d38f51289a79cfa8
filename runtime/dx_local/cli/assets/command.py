"""`dx-local asset`: build assets of apps, add them by their record or name, list them, and forget them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from dx_app_wizard.console.text import plain
from dx_local.cli.boundary import CommandResult, boundary

_HELP = {"help_option_names": ["-h", "--help"]}


@click.group("asset", context_settings=_HELP)
def command() -> None:
    """Build assets of apps, add those that are on this machine, and list them.

    An asset is found by the ID of its record, or by its name and version, wherever
    an app has it in assetDepends. The table [assets] of .dx-app-wizard.toml does the
    same for the apps of one folder.

    \b
    Examples:
      dx-local asset build htslib
      dx-local asset add htslib.tar.gz --name htslib --version 1.21
      dx-local asset add htslib/resources --id record-G1xY2z3004500000000000AB
      dx-local asset ls

    Exit codes: 2 wrong use, 5 the build of an asset failed, 6 a disk is full.
    """  # noqa: D301 - click wants a real backspace


@command.command("build", context_settings=_HELP)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the bundle to FILE, which ends in .tar.gz, and do not add the asset.",
)
@click.option(
    "--project", metavar="ID", help="Project of the asset; `dx build` against `serve` needs it with the name."
)
@click.option("-q", "--quiet", is_flag=True, help="Hide the output of the build.")
def build(folder: Path, output: Path | None, project: str | None, quiet: bool) -> None:
    """Build the asset of a folder with dxasset.json, and add it by its name and by a record.

    As `dx build_asset` does on the platform, a job unpacks resources/ at /, installs
    execDepends and runs the Makefile; the files that this adds or changes are the
    asset. Every later run finds it.
    """
    boundary(lambda: _build(folder, output, project, quiet=quiet), as_json=False)


@command.command("add", context_settings=_HELP)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--id", "record", metavar="ID", help="ID of the asset's record, as in assetDepends.")
@click.option("--name", metavar="NAME", help="Name of the asset, as in assetDepends.")
@click.option("--version", metavar="VERSION", help="Version of the asset; needed with --name.")
@click.option(
    "--project", metavar="ID", help="Project of the asset; `dx build` against `serve` needs it with --name."
)
def add(path: Path, record: str | None, name: str | None, version: str | None, project: str | None) -> None:
    """Use PATH for an asset: its tar file, or a folder with the content to overlay on /.

    PATH is not copied, and must stay.
    """
    boundary(lambda: _add(path, _key(record, name, version, project)), as_json=False)


@command.command("ls", context_settings=_HELP)
def ls() -> None:
    """List the assets that were added, and their paths."""
    boundary(_list, as_json=False)


@command.command("rm", context_settings=_HELP)
@click.argument("key", metavar="ASSET")
def rm(key: str) -> None:
    """Forget an asset, by its ID or NAME@VERSION as `ls` prints it.

    Its files stay, but for a bundle that `build` has made and no other key has.
    """
    boundary(lambda: _forget(key), as_json=False)


def _build(folder: Path, output: Path | None, project: str | None, *, quiet: bool) -> CommandResult:
    from dx_local.cli.stopping import until_stopped
    from dx_local.engine.asset_build.asset_folder import read_asset_folder
    from dx_local.engine.asset_build.building import build_bundle, check_output
    from dx_local.engine.mapped_objects import built_assets
    from dx_local.engine.mapped_objects.known_assets import check_key
    from dx_local.engine.settings import JobSettings
    from dx_local.ui.display.job_output import Logs
    from dx_local.ui.display.progress import choose_observer
    from dx_local.ui.display.run_observer import DisplayOptions
    from dx_local.ui.results.tables import print_table

    asset = read_asset_folder(folder)
    key = f"{project}:{asset.key}" if project else asset.key
    check_key(key, "--project" if project else "the asset")
    if output:
        check_output(output)
    bundle = output or built_assets.bundle_of(key)
    observer = choose_observer("plain", DisplayOptions(folder, logs=Logs.ALL), quiet=quiet)
    settings = JobSettings.from_options({})
    record, stopped = asyncio.run(until_stopped(build_bundle(asset, bundle, settings, observer)))
    if record is None:
        return CommandResult(stopped)
    if output:
        return CommandResult(0, show=lambda: click.echo(plain(str(output))))
    keys = built_assets.keep(key, record, bundle)
    return CommandResult(0, show=lambda: print_table([(each, str(bundle)) for each in keys]))


def _key(record: str | None, name: str | None, version: str | None, project: str | None) -> str:
    if bool(record) == bool(name) or bool(name) != bool(version):
        from dx_local.errors import UsageError

        raise UsageError("the asset has no key", "Pass either --id, or --name and --version.")
    key = record or f"{name}@{version}"
    return f"{project}:{key}" if project else key


def _add(path: Path, key: str) -> CommandResult:
    from dx_local.engine.mapped_objects.known_assets import add_asset

    add_asset(key, path)
    return CommandResult(0)


def _list() -> CommandResult:
    from dx_local.engine.mapped_objects.known_assets import added_assets
    from dx_local.ui.results.tables import print_table

    found = added_assets()

    def show() -> None:
        if found:
            print_table([(key, str(path)) for key, path in found.items()])
        else:
            click.echo("no assets were added", err=True)

    return CommandResult(0, {"assets": found}, show=show)


def _forget(key: str) -> CommandResult:
    from dx_local.engine.mapped_objects import built_assets

    built_assets.forget(key)
    return CommandResult(0)
