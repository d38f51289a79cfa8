"""Refine a command template by the result of a trial: outputs that nobody named, and wrong guesses."""

from __future__ import annotations

import os.path
import re
import zlib
from os.path import commonpath
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.command_template.holes import Hole
from dx_app_wizard.command_template.shell_text import RESERVED, Kind
from dx_app_wizard.importing.classify import Edit, is_app
from dx_app_wizard.importing.endings import ending_of, output_name, pattern_of, stem_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_app_wizard.command_template.template import CommandTemplate
    from dx_app_wizard.importing.classify import Classified
    from dx_app_wizard.importing.trial import TrialResult

_INDEX = re.compile(r"\.(?:bai|csi|crai|tbi|fai|gzi|amb|ann|bwt|pac|sa)")
_NOISE = re.compile(r"(?:.*/)?(?:\.[^/]*|__pycache__)(?:/.*)?")


def without_wrong_guesses(found: Classified, result: TrialResult) -> bool:
    """Remove the guessed outputs that the trial did not write; return whether there were any."""
    wrong = [
        edit for edit in found.edits if edit.is_guess and edit.hole and not result.outputs.get(edit.hole.name)
    ]
    for edit in wrong:
        found.edits.remove(edit)
        if edit.hole:
            found.holes.pop(edit.hole.name, None)
    return bool(wrong)


def with_discoveries(
    template: CommandTemplate, found: Classified, result: TrialResult
) -> tuple[str, tuple[str, ...]]:
    """Return the command with holes for everything that the trial wrote, and a note on each discovery.

    `template` is the command before any edit; those of `found` are part of the result.
    """
    if template.outputs:
        # The user has declared the outputs.
        return found.apply(template.text), ()
    action = _last_action(template)
    notes: list[str] = []
    made = [path for path in result.made if not _NOISE.fullmatch(path)]
    unnamed = [path for path in made if not _named_by_word(template, found, path, action, notes)]
    ending: list[str] = []
    named = {edit.hole.name for edit in found.edits if edit.hole and edit.hole.is_output}
    if named or result.printed:
        # An index that a program makes in passing is no result.
        unnamed = [path for path in unnamed if not _INDEX.fullmatch(Path(path).suffix)]
    unnamed += _beside_outputs(found, result)
    ending += [
        _moved(prefix, group, found, action, result, notes)
        for prefix, group in _groups(unnamed, template, result)
    ]
    for path in result.changed:
        if copied := _copied(path, found, notes):
            ending.append(copied)
    # Nothing may be added to a comment at the end.
    ends = (piece.end for piece in template.pieces if piece.kind is not Kind.COMMENT)
    without_comment = template.text[: max(ends, default=0)]
    text = found.apply(without_comment).rstrip().rstrip(";")
    if not named and not made and not result.changed and result.printed:
        text = _redirected(text, template, found, action, result, notes)
    return "; ".join([text, *ending]), tuple(notes)


def _beside_outputs(found: Classified, result: TrialResult) -> list[str]:
    """Return the files that were written beside the only file of an output, such as its index."""
    single = {edit.hole.name for edit in found.edits if edit.hole and not edit.hole.is_array}
    written = [sorted(paths, key=len) for name, paths in result.outputs.items() if name in single]
    return [path for paths in written for path in paths[1:]]


def _named_by_word(
    template: CommandTemplate, found: Classified, path: str, action: str, notes: list[str]
) -> bool:
    """Add an edit if a word of the command names a file that was made, or the folder around it."""
    edited = [(edit.start, edit.end) for edit in found.edits]
    of_folders = {
        word.statement for word in template.words if word.is_command and word.value in ("mkdir", "cd", "rm")
    }
    for word in template.words:
        if word.value is None or word.is_command or word.statement in of_folders:
            continue
        value = os.path.normpath(word.value) if word.value else ""
        # `in` is the folder of the samples here, and a word of the user's loop.
        is_folder = value not in ("", "in") and path.startswith(f"{value}/")
        if value != path and not is_folder:
            continue
        taken = next((edit for edit in found.edits if edit.start == word.start and edit.hole), None)
        if taken and taken.hole:
            return True
        if any(start <= word.start < end for start, end in edited):
            continue
        name = output_name(value, action, found.holes, plural=is_folder)
        patterns = () if is_folder else pattern_of(value)
        hole = Hole(name, "array:file" if is_folder else "file", is_output=True, patterns=patterns)
        found.holes[name] = hole
        same = [other for other in template.words if other.value == word.value and not other.is_command]
        found.edits += [Edit(other.start, other.end, str(hole), hole, original=value) for other in same]
        notes.append(f"{word.value} was made: output {name}")
        return True
    return False


def _groups(
    paths: Iterable[str], template: CommandTemplate, result: TrialResult
) -> Iterable[tuple[str | None, list[str]]]:
    """Return the files in groups that become one output each: numbered ones, or those of one prefix.

    A prefix is a word of the command.
    """
    groups: dict[tuple[str | None, str], list[str]] = {}
    literals = [word.value for word in template.words if word.value and len(word.value) > 1]
    for path in paths:
        prefix = next((value for value in literals if path.startswith(value) and path != value), None)
        stem = re.sub(r"[0-9]+", "#", _with_star(path, result))
        key = (prefix, ending_of(path) if prefix else stem)
        groups.setdefault(key, []).append(path)
    return [(prefix, group) for (prefix, _), group in groups.items()]


def _moved(
    prefix: str | None,
    group: list[str],
    found: Classified,
    action: str,
    result: TrialResult,
    notes: list[str],
) -> str:
    """Return the command that moves a group of files to an output."""
    first = group[0]
    is_array = len(group) > 1
    pattern = f"{prefix or commonpath(group)}*{ending_of(first)}" if is_array else _with_star(first, result)
    file_pattern = Path(pattern).name
    is_beside = first.startswith(("in/", "out/")) and file_pattern.startswith("*.")
    stem = "" if is_beside else re.sub(r"[*\d_.-]+$", "", stem_of(file_pattern)).strip("*_.-")
    if is_beside:
        # The name of a file beside another one follows from it, such as in.bam.bai, and has a meaning.
        name = output_name(ending_of(first), ending_of(first).lstrip("."), found.holes, plural=is_array)
    else:
        name = output_name(f"{stem or action}{ending_of(first)}", action, found.holes, plural=is_array)
    keeps_pattern = is_beside or (is_array and "*" in file_pattern)
    patterns = (file_pattern,) if keeps_pattern else pattern_of(first)
    hole = Hole(name, "array:file" if is_array else "file", is_output=True, patterns=patterns)
    found.holes[name] = hole
    others = f" and {len(group) - 1} more" if is_array else ""
    notes.append(f"{first}{others} {'were' if is_array else 'was'} left behind: output {name}")
    return f"mv {_quoted_glob(pattern)} {hole}"


def _copied(path: str, found: Classified, notes: list[str]) -> str | None:
    """Return the command that copies a changed sample to an output."""
    parts = path.split("/")
    if len(parts) < 3 or parts[0] != "in":
        return None
    source = parts[1]
    name = output_name(f"changed{ending_of(path)}", "changed", found.holes)
    hole = Hole(name, "file", is_output=True, patterns=pattern_of(path))
    found.holes[name] = hole
    notes.append(f"{parts[-1]} was changed in place: input {source}, and output {name}")
    return f"cp {{{source}}} {hole}"


def _redirected(
    text: str,
    template: CommandTemplate,
    found: Classified,
    action: str,
    result: TrialResult,
    notes: list[str],
) -> str:
    """Return the command with its standard output as an output."""
    ending = _ending_of_text(result.folder.parent / "stdout")
    name = output_name(f"out{ending}", action, found.holes)
    hole = Hole(name, "file", is_output=True, patterns=(f"*{ending}",))
    found.holes[name] = hole
    notes.append(f"stdout ({result.printed} B) is output {name}")
    several = any(
        piece.kind is Kind.OPERATOR and piece.depth == 0 and piece.raw in (";", "\n", "&&", "||")
        for piece in template.pieces
    )
    # Such as `> /dev/stdout`: the last redirection alone would take effect.
    is_redirected = any(re.fullmatch(r"1?>>?\|?|&>>?|1?>&\d*", word.before) for word in template.words)
    return f"( {text} ) > {hole}" if several or is_redirected else f"{text} > {hole}"


def _with_star(path: str, result: TrialResult) -> str:
    """Return a path with `*` for the stem of a sample in its last part, as other samples have other stems."""
    folder, _, name = path.rpartition("/")
    made = {result.folder / other for other in result.made}
    samples = set((result.folder / "in").rglob("*")) - made
    for sample in sorted(samples, key=lambda path: (-len(path.name), path)):
        part = stem_of(sample.name)
        # A single letter at the beginning of a name is no evidence, except beside the sample or an output.
        is_evidence = len(part) > 1 or folder.startswith(("in/", "out/"))
        if is_evidence and sample.is_file() and name.startswith(part) and name != part:
            name = "*" + name[len(part) :]
            return f"{folder}/{name}" if folder else name
    return path


def _quoted_glob(pattern: str) -> str:
    """Return a pattern as a word of the shell, with only `*` active; options cannot begin with a dash."""
    parts = [
        part if re.fullmatch(r"[\w./+=@%-]*", part) else "'" + part.replace("'", "'\\''") + "'"
        for part in pattern.split("*")
    ]
    text = "*".join(parts)
    return f"./{text}" if text.startswith(("*", "-")) else text


def _last_action(template: CommandTemplate) -> str:
    """Return the subcommand of the last program, or else its name."""
    words = template.words
    action = ""
    for at, word in enumerate(words):
        if word.is_command and word.value and word.value not in RESERVED:
            action = Path(word.value).name
            following = words[at + 1].value if at + 1 < len(words) else None
            if following and re.fullmatch(r"[a-z][\w-]*", following) and not words[at + 1].before:
                is_path = Path(following).exists() and not is_app(Path(following))
                action = action if is_path else following
    return action.partition(".")[0] or "result"


def _ending_of_text(path: Path) -> str:
    """Return the ending that fits the content of a file."""
    with path.open("rb") as file:
        head = file.read(65536)
    packed = ""
    if head[:2] == b"\x1f\x8b":
        packed = ".gz"
        head = zlib.decompressobj(31).decompress(head, 65536)
    kinds = (
        (b"BAM\1", ".bam", ""),
        (b"BCF\2", ".bcf", ""),
        (b"CRAM", ".cram", ""),
        (b"@HD\t", ".sam", packed),
        (b"@SQ\t", ".sam", packed),
        (b"##fileformat=VCF", ".vcf", packed),
        (b">", ".fasta", packed),
    )
    for start, ending, tail in kinds:
        if head.startswith(start):
            return ending + tail
    lines = head.split(b"\n", 4)
    if head.startswith(b"@") and len(lines) > 3 and lines[2].startswith(b"+"):
        return f".fastq{packed}"
    if re.match(rb"\S+\t\d+\t\d+\b", head):
        return f".bed{packed}"
    if b"\0" in head:
        return f".bin{packed}"
    return (".tsv" if b"\t" in lines[0] else ".txt") + packed
