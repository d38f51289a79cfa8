"""`dx-local image`: add, list and remove container images that `docker` in jobs finds by name."""

from __future__ import annotations

import time
from pathlib import Path

import click

from dx_local.cli.boundary import CommandResult, boundary

_HELP = {"help_option_names": ["-h", "--help"]}
_SHOWN_ID = 12


@click.group("image", context_settings=_HELP)
def command() -> None:
    """Add container images that `docker` in jobs finds by name, without network.

    Jobs run them without a Docker daemon. Layers are unpacked once, into the cache of
    dx-local, and all runs share them.

    \b
    Examples:
      dx-local image add samtools.tar.gz
      dx-local image add layout/ --name quay.io/biocontainers/samtools:1.19
      dx-local image ls
    """  # noqa: D301 - click wants a real backspace


@command.command("add", context_settings=_HELP)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME:TAG", help="Name of the image.  [default: its name in the archive]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def add(path: Path, name: str | None, as_json: bool) -> None:
    """Add the image in PATH: an archive of `docker save`, an OCI archive, or a folder with an OCI layout."""
    boundary(lambda: _add(path, name), as_json=as_json)


@command.command("ls", context_settings=_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_(as_json: bool) -> None:
    """List the images, and the space of layers that only jobs have loaded."""
    boundary(_list, as_json=as_json)


@command.command("rm", context_settings=_HELP)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--unused", is_flag=True, help="Remove also the layers that only jobs have loaded.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def remove(names: tuple[str, ...], unused: bool, as_json: bool) -> None:
    """Remove images by NAME, and their layers unless another image has them."""
    boundary(lambda: _remove(names, unused=unused), as_json=as_json)


def _add(path: Path, name: str | None) -> CommandResult:
    from dx_local.engine.images.adding import add_images

    names = [image.name for image in add_images(path, name)]
    return CommandResult(0, {"added": names}, show=lambda: click.echo("\n".join(names)))


def _list() -> CommandResult:
    from dx_local.engine.images.adding import cache_content
    from dx_local.sizes import size_text
    from dx_local.ui.results.tables import print_table

    content = cache_content()
    data = {
        "images": [
            {"name": image.name, "id": f"sha256:{image.image_id}", "bytes": size, "added": image.added}
            for image, size in content.images
        ],
        "unused": {"layers": len(content.unnamed_layers), "bytes": content.unnamed_bytes},
    }

    def show() -> None:
        print_table(
            [
                (
                    image.name,
                    image.image_id[:_SHOWN_ID],
                    time.strftime("%Y-%m-%d", time.localtime(image.added)),
                    size_text(size),
                )
                for image, size in content.images
            ],
            right=(3,),
        )
        if content.unnamed_layers:
            layers = f"{len(content.unnamed_layers)} layer{'s' if len(content.unnamed_layers) != 1 else ''}"
            click.echo(f"loaded by jobs: {layers}, {size_text(content.unnamed_bytes)}", err=True)
        elif not content.images:
            click.echo("no images", err=True)

    return CommandResult(0, data, show=show)


def _remove(names: tuple[str, ...], *, unused: bool) -> CommandResult:
    from dx_local.engine.images.adding import remove_images
    from dx_local.errors import UsageError
    from dx_local.sizes import size_text

    if not names and not unused:
        raise UsageError("no image to remove", "Name images, or pass --unused.")
    freed = remove_images(names, with_unnamed=unused)
    return CommandResult(
        0,
        {"removed": list(names), "bytes": freed},
        show=lambda: click.echo(f"removed, {size_text(freed)} freed", err=True),
    )
