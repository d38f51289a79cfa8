"""The endings of file names, and names of inputs and outputs made of them."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from dx_app_wizard.command_template.holes import WORKER
from dx_app_wizard.dxapp.names import parameter_name_problem

if TYPE_CHECKING:
    from collections.abc import Collection

_COMPRESSED = (".gz", ".bgz", ".bz2", ".xz", ".zst")
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9_+-]{0,9}")
_GENERIC = frozenset(
    "in out input output result results t r x y a b tmp test sample data file my".split()  # noqa: SIM905
)
_RESERVED = frozenset(("in", "out", "file", *WORKER))


def ending_of(path: str) -> str:
    """Return the ending of a file name: `.bam`, or `.vcf.gz` if the file is compressed; empty if none."""
    stem, ending = PurePath(path).stem, PurePath(path).suffix
    if not stem or not _ENDING.fullmatch(ending):
        return ""
    if ending.lower() in _COMPRESSED:
        inner = PurePath(stem).suffix
        return (inner if _ENDING.fullmatch(inner) else "") + ending
    return ending


def stem_of(path: str) -> str:
    """Return the file name without its ending."""
    name = PurePath(path).name
    ending = ending_of(path)
    return name[: -len(ending)] if ending else name


def pattern_of(path: str) -> tuple[str, ...]:
    """Return the pattern of files like this one; empty if the name has no ending."""
    ending = ending_of(path)
    return (f"*{ending}",) if ending else ()


def input_name(path: str, taken: Collection[str], *, plural: bool = False, with_stem: bool = False) -> str:
    """Return a name for the input that gets a file such as path: `bam`, or `bams` for several.

    The name is `r1_fastq` if it needs the stem to be distinct from other inputs.
    """
    kind, stem = _word(_bare(ending_of(path))), _word(stem_of(path))
    s = "s" if plural else ""
    candidates = [f"{kind}{s}", f"{stem}_{kind}{s}", f"{stem}{s}"] if kind else [f"{stem}{s}"]
    return _first_free(candidates[with_stem:] if kind else candidates, taken)


def output_name(path: str, action: str, taken: Collection[str], *, plural: bool = False) -> str:
    """Return a name for the output written to path by the action, the name of a program or subcommand."""
    kind, stem = _word(_bare(ending_of(path))), _word(stem_of(path))
    lead = _word(action) if not stem or stem.lower() in _GENERIC else stem
    s = "s" if plural else ""
    candidates = [f"{lead}_{kind}{s}", f"{lead}_out_{kind}{s}"] if kind and lead != kind else []
    return _first_free([*candidates, f"{lead}{s}", f"{lead}_out{s}"], taken)


def _bare(ending: str) -> str:
    """Return an ending without its dots and without compression."""
    for compressed in _COMPRESSED:
        if ending.lower().endswith(compressed) and ending.lower() != compressed:
            ending = ending[: -len(compressed)]
    return ending.lstrip(".")


def _word(text: str) -> str:
    word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_").lower()
    return f"n{word}" if word[:1].isdigit() else word


def _first_free(candidates: list[str], taken: Collection[str]) -> str:
    usable = [
        name
        for name in candidates
        if name and name not in _RESERVED and parameter_name_problem(name, "bash") is None
    ]
    base = usable[0] if usable else "data"
    numbered = (f"{base}{number}" for number in range(2, 10_000))
    return next(name for name in [*usable, base, *numbered] if name not in taken)
