"""Report the words of a command and their roles in the app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.importing.imported import Finding
from dx_app_wizard.importing.programs import version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_app_wizard.command_template.holes import Hole
    from dx_app_wizard.command_template.template import CommandTemplate
    from dx_app_wizard.importing.classify import Classified
    from dx_app_wizard.importing.trial import Sample, TrialResult


def shortened(names: Sequence[str]) -> str:
    """Return the first names of a list, with the number of the others."""
    shown = 3
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def findings_of(
    text: str,
    template: CommandTemplate,
    found: Classified,
    sample: Sample,
    result: TrialResult | None,
) -> list[Finding]:
    """Return the report about the words of a command: `text` as given, and the final template."""
    findings: list[Finding] = []
    for hole in template.inputs:
        paths = sample.files.get(hole.name, ())
        names = shortened([path.name for path in paths]) or hole.name
        evidence = "is a file" if len(paths) == 1 else f"are {len(paths)} files" if paths else "is a hole"
        findings.append(_finding(hole, "input", names, evidence))
        for index in hole.index_inputs:
            beside = shortened([path.name for path in sample.files.get(index.name, ())])
            evidence = "is needed beside it" if beside else "is made if absent"
            findings.append(Finding(beside or index.name, evidence, f"input   {index.name}", "optional"))
    for hole in template.outputs:
        made = result.outputs.get(hole.name, ()) if result else ()
        size = sum((result.folder / path).stat().st_size for path in made) if result else 0
        evidence = (
            f"was written ({size} B)" if len(made) == 1 else f"{len(made)} files were written ({size} B)"
        )
        word = next((edit.original for edit in found.edits if edit.hole == hole and edit.original), "")
        subject = word or ", ".join(Path(path).name for path in made[:2]) or hole.name
        findings.append(_finding(hole, "output", subject, evidence if made else "is an output"))
    for edit in found.edits:
        if "{cpus}" in edit.text:
            old = _with_flag(text, edit.start, edit.end)
            findings.append(Finding(old, "is a number of threads", '"$(nproc)"'))
    for provided in found.programs:
        if provided.evidence:
            version = next((version_of(name) for name in provided.packages), None)
            evidence = f"{provided.evidence}{f', here {version}' if version else ''}"
            role = f"execDepends {', '.join(provided.packages)}" if provided.packages else ""
            findings.append(Finding(provided.program, evidence, role))
    findings += [
        Finding(path.name, "is part of the app", f"resources/{target}")
        for target, path in found.resources.items()
    ]
    of_programs = [name for provided in found.programs for name in provided.packages]
    findings += [
        Finding(name, "is used by the script", f"execDepends {name}")
        for name in found.packages
        if name not in of_programs
    ]
    return findings


def _with_flag(text: str, start: int, end: int) -> str:
    """Return the words at and right before a place of a command, such as `-@ 4`."""
    before = text[:start].rstrip().rpartition(" ")[2]
    return f"{before} {text[start:end]}" if before.startswith("-") else text[start:end]


def _finding(hole: Hole, role: str, subject: str, evidence: str) -> Finding:
    detail = f"{hole.io_class}{'?' if hole.optional else ''} {' '.join(hole.patterns)}".strip()
    return Finding(subject, evidence, f"{role:<7} {hole.name}", detail)
