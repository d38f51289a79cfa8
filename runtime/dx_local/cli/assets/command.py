"""`dx-local asset`: add assets of apps by their record or name, list them, and forget them."""

from __future__ import annotations

from pathlib import Path

import click

from dx_local.cli.boundary import CommandResult, boundary

_HELP = {"help_option_names": ["-h", "--help"]}


@click.group("asset", context_settings=_HELP)
def command() -> None:
    """Add assets of apps that are on this machine, and list them.

    An asset is found by the ID of its record, or by its name and version, wherever
    an app has it in assetDepends. The table [assets] of .dx-app-wizard.toml does the
    same for the apps of one folder.

    \b
    Examples:
      dx-local asset add htslib.tar.gz --name htslib --version 1.21
      dx-local asset add htslib/resources --id record-G1xY2z3004500000000000AB
      dx-local asset ls

    Exit codes: 2 wrong use.
    """  # noqa: D301 - click wants a real backspace


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
    """Forget an asset, by its ID or NAME@VERSION as `ls` prints it. Its files stay."""
    boundary(lambda: _forget(key), as_json=False)


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
    from dx_local.engine.mapped_objects.known_assets import forget_asset

    forget_asset(key)
    return CommandResult(0)
