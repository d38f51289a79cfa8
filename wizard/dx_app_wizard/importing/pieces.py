"""Divide the samples of a scattered command among trials, as main divides its inputs among process jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dx_app_wizard.command_template.region_command import RegionCommand
from dx_app_wizard.command_template.scattered import scattered_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_app_wizard.command_template.template import CommandTemplate
    from dx_app_wizard.importing.trial import Sample
    from dx_app_wizard.scatter.scatter import Scatter


def pieces_of(template: CommandTemplate, scatter: Scatter | None, sample: Sample) -> list[Sample]:
    """Return the samples of each trial, at least one: of a scattered input, each has its own files.

    As many trials are made as there are files for all scattered inputs. Indexes are those beside the files.
    """
    if scatter is None:
        return [sample]
    command = scattered_command(template, scatter)
    if isinstance(command, RegionCommand):
        # One trial runs the command on all regions.
        return [sample]
    size = 2 if scatter.kind == "pairs" else 1
    own = {hole.name: sample.files.get(hole.name, ()) for hole in command.divided}
    others = {name: files for name, files in sample.files.items() if name not in command.arrays}
    count = min(len(files) // size for files in own.values())
    pieces = [
        replace(
            sample,
            files={**{name: files[at * size : (at + 1) * size] for name, files in own.items()}, **others},
        )
        for at in range(count)
    ]
    return pieces or [replace(sample, files=others)]


def joined(template: CommandTemplate, scatter: Scatter | None, pieces: Sequence[Sample]) -> Sample:
    """Return one sample with the files of all pieces, in their order."""
    if scatter is None:
        return pieces[0]
    files = dict(pieces[0].files)
    for name in scattered_command(template, scatter).arrays:
        paths = tuple(path for piece in pieces for path in piece.files.get(name, ()))
        if paths:
            files[name] = paths
    return replace(pieces[0], files=files)
