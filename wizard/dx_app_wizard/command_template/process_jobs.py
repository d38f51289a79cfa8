"""Parts of the bash scripts of apps whose main starts process jobs that run a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.command_template.script import output_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dx_app_wizard.command_template.holes import Hole
    from dx_app_wizard.command_template.template import CommandTemplate

COLLECTING = """
# Add the values of one input to those that all process jobs get; the field is NAME or NAME:CLASS.
pass_on() {{
  local field=$1 value
  shift
  for value in "$@"; do
    {shared}+=(-i "$field=$value")
  done
}}
"""
"""The function that `shared_values` are the arguments of; `shared` is the name of its array."""


def own_name(name: str, inputs: Iterable[str]) -> str:
    """Return name, with underscores appended until no variable of these inputs has it."""
    taken = {f"{each}{ending}" for each in inputs for ending in ("", "_name", "_path", "_prefix")}
    while name in taken:
        name += "_"
    return name


def shared_values(holes: Iterable[Hole]) -> Iterator[tuple[str, str]]:
    """Yield the field and the words for each input that all process jobs get."""
    for hole in holes:
        if hole.is_file or hole.is_array:
            values = f'"${{{hole.name}[@]}}"'
        elif hole.optional and hole.default is None:
            values = f'${{{hole.name}+"${hole.name}"}}'
        else:
            values = f'"${hole.name}"'
        yield hole.name if hole.is_file else f"{hole.name}:{hole.io_class}", values
        for index in hole.index_inputs:
            yield index.name, f'"${{{index.name}[@]}}"'


def process_lines(template: CommandTemplate, link: str) -> Iterator[str]:
    """Yield the body of the entry point process; `link` is the name of its variable."""
    yield f"local {link}"
    yield "dx-download-all-inputs"
    yield "process_piece"
    for hole in template.outputs:
        yield f'{link}=$(dx upload --brief "{output_path(template, hole)}")'
        yield f'dx-jobutil-add-output {hole.name} "${link}" --class=file'
