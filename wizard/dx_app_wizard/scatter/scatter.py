"""The answer to the question about the work of a process job, and its text form.

reads                  a file of `reads`
bams+bais              a file of `bams` with its file of `bais`
bams+beds:name         the same, joined by name; `:position` joins by position
reads:pairs            two files of `reads` that follow each other
bam:region             a region of the file `bam`
bam+bai+targets:region the same, with its index and with the regions of a BED file
reads:lines            lines of `reads`, in about as many pieces as there are process jobs
reads:lines=N          N lines of `reads`
reads:records=N        N records of `reads`, which are FASTQ or FASTA
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, get_args

from dx_app_wizard.errors import UserError

Kind = Literal["file", "name", "position", "pairs", "region", "lines", "records"]

KINDS: tuple[Kind, ...] = get_args(Kind)
SIZED: tuple[Kind, ...] = ("lines", "records")
"""The kinds that may have a size."""

LARGEST_SIZE = 10**9
EXAMPLES = ("reads", "reads:pairs", "bams+bais", "bam:region", "reads:lines=1000", "reads:records=1000")

_TEXT = re.compile(r"([^:=]*)(?::([^:=]*))?(?:=(.*))?", re.DOTALL)
_NAME = re.compile(r"[a-zA-Z_][0-9a-zA-Z_]*")


class ScatterError(UserError):
    """A scatter is not in its text form, or does not fit the inputs of the app."""

    code = "invalid-scatter"


@dataclass(frozen=True)
class Scatter:
    """The share of a process job: `inputs` are the input to divide and its partners.

    The kind `file` joins partners as their formats suggest: an index by name, other files by position. `size`
    is the number of lines or records, None for about equal pieces.
    """

    inputs: tuple[str, ...]
    kind: Kind = "file"
    size: int | None = None

    @property
    def input(self) -> str:
        """The name of the input that is divided."""
        return self.inputs[0]

    @property
    def partners(self) -> tuple[str, ...]:
        """The names of the inputs whose files accompany those of `input`."""
        return self.inputs[1:]

    def __str__(self) -> str:
        """Return the text form, which `parse_scatter` reads."""
        kind = "" if self.kind == "file" else f":{self.kind}"
        return "+".join(self.inputs) + kind + (f"={self.size}" if self.size else "")


def parse_scatter(text: str) -> Scatter:
    """Return the scatter that text describes; raise ScatterError if it is not in the text form."""
    match = _TEXT.fullmatch(text.strip())
    names = tuple(name.strip() for name in match[1].split("+")) if match else ()
    if match is None or not all(_NAME.fullmatch(name) for name in names):
        raise ScatterError(f"{text!r} is not INPUT, INPUT+PARTNER or INPUT:KIND, such as bams+bais")
    if len(set(names)) < len(names):
        raise ScatterError(f"{text!r} names the same input twice")
    kind = _kind(match[2])
    return Scatter(names, kind, _size(kind, match[3]))


def _kind(text: str | None) -> Kind:
    if text is None:
        return "file"
    for kind in KINDS:
        if kind == text.strip().lower():
            return kind
    near = get_close_matches(text.lower(), KINDS, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"The kinds are {', '.join(KINDS)}."
    raise ScatterError(f"{text!r} is not a kind of scatter", hint)


def _size(kind: Kind, text: str | None) -> int | None:
    if text is None:
        return None
    if kind not in SIZED:
        raise ScatterError(f"a scatter by {kind} has no size; got {text!r}", "Use lines=N or records=N.")
    digits = text.strip()
    if not re.fullmatch(r"[0-9]{1,10}", digits) or not 1 <= int(digits) <= LARGEST_SIZE:
        raise ScatterError(f"{kind}={text} is not a number of {kind} from 1 to {LARGEST_SIZE:,}")
    return int(digits)
