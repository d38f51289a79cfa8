"""Write the bash script of an app whose process jobs run a command, each on one region of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.command_template.process_jobs import COLLECTING, own_name, process_lines, shared_values
from dx_app_wizard.command_template.region_command import REGION, joined_by
from dx_app_wizard.command_template.script import (
    directive_lines,
    indented,
    output_path,
    preparation,
    statements,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.command_template.holes import Hole
    from dx_app_wizard.command_template.region_command import RegionCommand


def region_script(command: RegionCommand, summary: str) -> str:
    """Return the source of the app: main starts a process job for each region, and one that joins them."""
    return _SCRIPT.format(
        summary=summary,
        directives=directive_lines(command.template),
        input=command.scatter.input,
        command=indented([*preparation(command.template), "", *statements(command.template)]),
        main=indented(_main(command)),
        process=indented(process_lines(command.template, _own(command, "link"))),
        gather=indented(_gather(command)),
        list_regions=_list_regions(command),
        pass_on=COLLECTING.format(shared=_own(command, "shared")),
    )


def region_trial(command: RegionCommand) -> str:
    """Return a script that runs the command on one region after another, and joins the outputs.

    The samples are files as in a job; the script needs no platform.
    """
    name = command.scatter.input
    lines = ["set -euo pipefail", "", _list_regions(command), *preparation(command.template), ""]
    lines += [f'found_regions=$(list_regions "${name}_path" "${{{command.regions}_path:-}}")', "count=0"]
    lines += [f"while read -r {REGION}; do", "  count=$((count + 1))", "  {"]
    lines += [indented(statements(command.template)), "  } < /dev/null"]
    for hole in command.template.outputs:
        lines += [f"  mkdir -p parts/{hole.name}"]
        lines += [f'  mv out/{hole.name}/* "parts/{hole.name}/$(printf %06d "$count")"']
    lines += ['done <<< "$found_regions"']
    for hole in command.template.outputs:
        lines.append(_joined(hole, f"parts/{hole.name}/*", output_path(command.template, hole)))
    return "\n".join([*lines, "rm -r parts", ""])


def _joined(hole: Hole, files: str, target: str) -> str:
    command = joined_by(hole)
    return f'{" ".join(command)} "{target}" {files}' if command else f'cat {files} > "{target}"'


def _own(command: RegionCommand, name: str) -> str:
    """Return name, with underscores appended until no input uses it."""
    names = {parameter["name"] for parameter in command.input_declarations()} | {REGION}
    return own_name(name, names)


def _main(command: RegionCommand) -> Iterator[str]:
    name, index = command.scatter.input, command.index
    bed, found, job, parts, shared = (
        _own(command, each) for each in ("bed", "found", "job", "parts", "shared")
    )
    yield f'local {REGION} {bed}="" {found} {job} {parts}=()'
    yield f'dx download "${name}" -o "${name}_name"'
    yield f"if [[ ${{{index.name}:-}} ]]; then"
    yield f'  dx download "${index.name}" -o "${name}_name.{index.kind}"'
    yield "else"
    yield f'  {" ".join(index.maker)} "${name}_name"'
    yield f'  {index.name}=$(dx upload --brief "${name}_name.{index.kind}")'
    yield "fi"
    yield f"if [[ ${{{command.regions}:-}} ]]; then"
    yield f"  {bed}=regions.bed"
    yield f'  dx download "${command.regions}" -o "${bed}"'
    yield "fi"
    yield f'{found}=$(list_regions "${name}_name" "${bed}")'
    yield f"if [[ ! ${found} ]]; then"
    yield f'  dx-jobutil-report-error "{name} has no regions"'
    yield "  return 1"
    yield "fi"
    yield ""
    yield f"local {shared}=()"
    for field, words in shared_values(hole for hole in command.template.inputs if hole.name != REGION):
        yield f"pass_on {field} {words}"
    yield ""
    yield f"while read -r {REGION}; do"
    yield f'  {job}=$(dx-jobutil-new-job process -i "{REGION}:string=${REGION}" "${{{shared}[@]}}")'
    for hole in command.template.outputs:
        yield f'  {parts}+=(-i "{hole.name}:array:file=${job}:{hole.name}")'
    yield f'done <<< "${found}"'
    yield f'{job}=$(dx-jobutil-new-job gather "${{{parts}[@]}}")'
    for hole in command.template.outputs:
        yield f'dx-jobutil-add-output {hole.name} "${job}:{hole.name}" --class=jobref'


def _gather(command: RegionCommand) -> Iterator[str]:
    yield "dx-download-all-inputs"
    yield f"mkdir -p {' '.join(f'out/{hole.name}' for hole in command.template.outputs)}"
    for hole in command.template.outputs:
        target = f"out/{hole.name}/${{{hole.name}_name[0]}}"
        yield _joined(hole, f'"${{{hole.name}_path[@]}}"', target)
    yield "dx-upload-all-outputs"


def _list_regions(command: RegionCommand) -> str:
    contigs = {
        "bam": """samtools idxstats "$file" | awk -F '\\t' '$3 > 0 { print $1 }'""",
        "fasta": 'cut -f 1 "$file.fai"',
    }
    listed = contigs.get(command.format.name, 'bcftools index --stats "$file" | cut -f 1')
    about = {"bam": "the contigs with reads", "fasta": "all sequences"}
    return _LIST_REGIONS.format(
        contigs=about.get(command.format.name, "the contigs with variants"), listed=listed
    )


_LIST_REGIONS = """\
# Print the regions of a BED file, as CONTIG:START-END with positions from 1; without such a file,
# {contigs}.
list_regions() {{
  local file=$1 bed=$2
  if [[ $bed ]]; then
    awk -F '\\t' 'NF > 2 && !/^#/ {{ printf "%s:%d-%d\\n", $1, $2 + 1, $3 }}' "$bed"
  else
    {listed}
  fi
}}
"""

_SCRIPT = """\
#!/usr/bin/env bash
#
# {summary}.
#
#               +--> process --+
#     main -----+--> process --+--> gather --> outputs
#               +--> process --+
#
# main starts a process job for each region of `{input}`, on its own worker, and one gather job that receives
# all their files. main does not wait for these jobs: it returns references to outputs (JOB:FIELD), and the
# platform starts a job as soon as the values that it needs are available.
#
# The platform sets a variable for each input of a job; a file has NAME_path, NAME_name and NAME_prefix, too.
# shellcheck disable=SC2154
{directives}
set -euo pipefail
shopt -s inherit_errexit

# Run the command on one region; each output is a file in out/NAME/.
process_piece() {{
{command}
}}

main() {{
{main}
}}

# Process one region.
process() {{
{process}
}}

# Join the files of all regions, in their order.
gather() {{
{gather}
}}

{list_regions}{pass_on}"""
