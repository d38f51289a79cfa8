"""The parts into which code is divided, such as functions, and how to compare them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

WHOLE_FILE = "the whole file"
"""The name of the only part if the code cannot be divided."""


@dataclass(frozen=True)
class CodePart:
    """A part of the code, such as a function: its name and the digest of its code; two are equal by these.

    `line` is its place in the file, from 1.
    """

    name: str
    digest: str
    line: int = field(default=1, compare=False)


Closure = frozenset[CodePart]
"""The parts of the code that can affect a job."""


def part(name: str, text: str, line: int = 1) -> CodePart:
    """Return the part with this code."""
    return CodePart(name, hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest(), line)


def whole_file(code: str) -> Closure:
    """Return the closure of code that cannot be divided."""
    return frozenset([part(WHOLE_FILE, code)])


def changed_parts(before: Closure, after: Closure) -> list[CodePart]:
    """Return the parts that are new or different, in the order of the file; else those that are gone."""
    return sorted(after - before or before - after, key=lambda each: (each.line, each.name))
