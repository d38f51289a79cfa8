"""Write the bash script of an app whose process jobs run a command, each on its own files."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from dx_app_wizard.command_template.indexes import names_beside
from dx_app_wizard.command_template.process_jobs import COLLECTING, own_name, process_lines, shared_values
from dx_app_wizard.command_template.script import directive_lines, indented, preparation, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.command_template.holes import Hole
    from dx_app_wizard.command_template.indexes import IndexInput
    from dx_app_wizard.command_template.scattered import ScatteredCommand

_WIDTH = 108


def scattered_script(command: ScatteredCommand, summary: str) -> str:
    """Return the source of the app: main starts a process job for each piece, and gathers their outputs."""
    share = "each pair of files of" if command.scatter.kind == "pairs" else "each file of"
    about = (
        f"main starts a process job for {share} `{command.of_app.input}`, on its own worker. It does not wait"
        " for these jobs: it returns references to their outputs (JOB:FIELD), which the platform gathers into"
        " arrays."
    )
    return _SCRIPT.format(
        summary=summary,
        directives=directive_lines(command.template),
        about="\n".join(f"# {line}" for line in textwrap.wrap(about, _WIDTH)),
        piece="two files" if command.scatter.kind == "pairs" else "one file",
        command=indented([*preparation(command.template), "", *statements(command.template)]),
        main=indented([*_main(command)]),
        process=indented([*process_lines(command.template, _own(command, "link"))]),
        helpers=COLLECTING.format(shared=_own(command, "shared")) if _shared(command) else "",
    )


def _own(command: ScatteredCommand, name: str) -> str:
    """Return name, with underscores appended until no input of the app or the command uses it."""
    names = {parameter["name"] for parameter in command.input_declarations()}
    names |= {parameter["name"] for parameter in command.template.input_declarations()}
    return own_name(name, names)


def _shared(command: ScatteredCommand) -> list[Hole]:
    """Return the inputs that every process job gets."""
    return [hole for hole in command.template.inputs if hole.name not in command.arrays]


def _main(command: ScatteredCommand) -> Iterator[str]:
    at, job, inputs, shared = (_own(command, name) for name in ("at", "job", "inputs", "shared"))
    first = command.of_app.input
    file = f" {_own(command, 'file')}" if command.indexes else ""
    yield f"local {at} {job} {inputs}{file}"
    yield from _checks(command)
    for index in command.indexes:
        yield from _indexes_by_name(command, index)
    if _shared(command):
        yield ""
        yield f"local {shared}=()"
        for name, words in shared_values(_shared(command)):
            yield f"pass_on {name} {words}"
    yield ""
    if command.scatter.kind == "pairs":
        yield f"for (({at} = 0; {at} < ${{#{first}[@]}}; {at} += 2)); do"
        yield f'  {inputs}=(-i "{first}=${{{first}[{at}]}}" -i "{first}=${{{first}[{at} + 1]}}")'
    else:
        yield f'for {at} in "${{!{first}[@]}}"; do'
        values = [f'-i "{hole.name}=${{{command.arrays[hole.name]}[{at}]}}"' for hole in command.divided]
        yield f"  {inputs}=({' '.join(values)})"
    for index in command.indexes:
        yield from _index_of_piece(command, index)
    more = f' "${{{shared}[@]}}"' if _shared(command) else ""
    yield f'  {job}=$(dx-jobutil-new-job process "${{{inputs}[@]}}"{more})'
    for hole in command.template.outputs:
        yield f'  dx-jobutil-add-output {hole.name} "${job}:{hole.name}" --class=jobref --array'
    yield "done"


def _checks(command: ScatteredCommand) -> Iterator[str]:
    """Yield the lines that report arrays which cannot be divided."""
    first, *partners = command.of_app.inputs
    checks = [(f"${{#{first}[@]}} == 0", f"{first} has no files")]
    if command.scatter.kind == "pairs":
        checks.append((f"${{#{first}[@]}} % 2", f"{first} has an odd number of files: one lacks its pair"))
    for name in partners:
        differ = f"{first} and {name} differ in the number of files"
        checks.append((f"${{#{name}[@]}} != ${{#{first}[@]}}", differ))
    for condition, message in checks:
        yield f"if (({condition})); then"
        yield f'  dx-jobutil-report-error "{message}"'
        yield "  return 1"
        yield "fi"


def _indexes_by_name(command: ScatteredCommand, index: IndexInput) -> Iterator[str]:
    at, found = _own(command, "at"), _own(command, f"{index.name}_of")
    array = command.arrays[index.name]
    yield ""
    yield f"local -A {found}=()"
    yield f'for {at} in "${{!{array}[@]}}"; do'
    yield f'  {found}["${{{array}_name[{at}]}}"]=${{{array}[{at}]}}'
    yield "done"


def _index_of_piece(command: ScatteredCommand, index: IndexInput) -> Iterator[str]:
    """Yield the lines that pass on the index of each file of a piece, if there is one."""
    at, file, inputs = (_own(command, name) for name in ("at", "file", "inputs"))
    found, array = _own(command, f"{index.name}_of"), command.arrays[index.of]
    names = [alternative[0] for alternative in names_beside("FILE.ENDING", index.kind)]
    keys = [name.replace("FILE.ENDING", f"${{{file}}}").replace("FILE", f"${{{file}%.*}}") for name in names]
    is_pair = command.scatter.kind == "pairs"
    indent = "    " if is_pair else "  "
    if is_pair:
        yield f'  for {file} in "${{{array}_name[{at}]}}" "${{{array}_name[{at} + 1]}}"; do'
    else:
        yield f"  {file}=${{{array}_name[{at}]}}"
    for word, key in zip(("if", "elif"), keys, strict=False):
        yield f'{indent}{word} [[ ${{{found}["{key}"]:-}} ]]; then'
        yield f'{indent}  {inputs}+=(-i "{index.name}=${{{found}["{key}"]}}")'
    yield f"{indent}fi"
    if is_pair:
        yield "  done"


_SCRIPT = """\
#!/usr/bin/env bash
#
# {summary}.
#
#               +--> process --+
#     main -----+--> process --+--> outputs
#               +--> process --+
#
{about}
#
# The platform sets a variable for each input of a job; a file has NAME_path, NAME_name and NAME_prefix, too.
# shellcheck disable=SC2154
{directives}
set -euo pipefail
shopt -s inherit_errexit

# Run the command on {piece}; each output is a file in out/NAME/.
process_piece() {{
{command}
}}

main() {{
{main}
}}

# Process {piece}.
process() {{
{process}
}}
{helpers}"""
