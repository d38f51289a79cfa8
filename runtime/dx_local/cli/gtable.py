"""`dx-local gtable`: import files as tables of a platform, and export them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dx_local.cli.boundary import CommandResult, boundary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.engine.service.api_client import ApiClient

_ROWS_PER_PART = 10_000
_HELP = {"help_option_names": ["-h", "--help"]}


@click.group("gtable", context_settings=_HELP)
def command() -> None:
    """Convert CSV, TSV and FASTQ files to GTables, and back.

    The shell must be connected to a platform by `dx-local env` or `dx-local exec`.
    A header contains the names of the columns, optionally with types as NAME:TYPE.

    \b
    Examples:
      dx-local gtable import reads.fastq.gz
      dx-local gtable import spans.csv --gri chr,lo,hi --name spans
      dx-local gtable export gtable-xxxx spans.tsv
    """  # noqa: D301 - click wants a real backspace


@command.command("import", context_settings=_HELP)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Name of the table.  [default: the name of the file]")
@click.option(
    "--folder", default="/", metavar="FOLDER", help="Destination folder in the project.  [default: /]"
)
@click.option("--gri", metavar="CHR,LO,HI", help="Index intervals by these columns, and sort rows by them.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_(file: Path, name: str | None, folder: str, gri: str | None, as_json: bool) -> None:
    """Import FILE as a closed table and print its ID."""
    boundary(lambda: _import(file, name or file.name, folder, gri), as_json=as_json)


@command.command("export", context_settings=_HELP)
@click.argument("table", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(table: str, file: Path, as_json: bool) -> None:
    """Write the rows of table ID to FILE, which must not exist."""
    boundary(lambda: _export(table, file), as_json=as_json)


def _import(file: Path, name: str, folder: str, gri: str | None) -> CommandResult:
    from dx_local.engine.service.api_client import ApiClient
    from dx_local.engine.table_formats import read_table
    from dx_local.errors import UsageError

    if not file.is_file():
        raise UsageError(f"no such file: {str(file)!r}")
    client = ApiClient.of_environment()
    source = read_table(file)
    request: dict[str, Any] = {
        "project": client.project,
        "name": name,
        "folder": folder,
        "parents": True,
        "columns": source.columns,
    }
    if gri is not None:
        request["indices"] = [_index(gri)]
    table = str(client.call("/gtable/new", request)["id"])
    try:
        rows = source.rows()
        for number, part in enumerate(iter(lambda: list(islice(rows, _ROWS_PER_PART)), []), start=1):
            client.call(f"/{table}/addRows", {"part": number, "data": part})
        client.call(f"/{table}/close", {})
    except UsageError:
        client.call(f"/{client.project}/removeObjects", {"objects": [table]})
        raise
    return CommandResult(0, {"id": table}, show=lambda: click.echo(table))


def _index(text: str) -> dict[str, str]:
    from dx_local.errors import UsageError

    names = text.split(",")
    if len(names) != 3:
        raise UsageError(f"--gri takes three columns, not {text!r}", "Write --gri CHR,LO,HI.")
    return {"name": "gri", "type": "genomic", **dict(zip(("chr", "lo", "hi"), names, strict=True))}


def _export(table: str, file: Path) -> CommandResult:
    from dx_local.engine.service.api_client import ApiClient
    from dx_local.engine.table_formats import format_of, write_table
    from dx_local.errors import UsageError
    from dx_local.platform.core.ids import is_hash_id

    if not is_hash_id(table, "gtable"):
        raise UsageError(
            f"{table!r} is not the ID of a table", "Write gtable-xxxx; `dx find data` lists them."
        )
    if file.exists():
        raise UsageError(f"{str(file)!r} exists", "Choose another name.")
    format_of(file)
    client = ApiClient.of_environment()
    columns = client.call(f"/{table}/describe", {})["columns"]
    write_table(file, columns, _rows(client, table, [column["name"] for column in columns]))
    return CommandResult(0, {"file": file}, show=lambda: click.echo(str(file)))


def _rows(client: ApiClient, table: str, names: list[str]) -> Iterator[list[Any]]:
    following: int | None = 0
    while following is not None:
        answer = client.call(f"/{table}/get", {"columns": names, "starting": following})
        yield from answer["data"]
        following = answer["next"]
