"""The fingerprint of a job: everything on which its output depends. Jobs with equal ones put out the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.engine.resume.code.parts import Closure


@dataclass(frozen=True)
class Circumstances:
    """Everything but the input on which the jobs of one entry point of one executable depend.

    `dependencies` has a digest or version for each thing that is not code: packages, bundled files,
    resources/, assets, the instance type, the region.
    """

    code: Closure
    dependencies: frozenset[tuple[str, str]]
    python: str


@dataclass(frozen=True)
class Fingerprint:
    """The circumstances of a job, and the digests of its inputs by name."""

    function: str
    circumstances: Circumstances
    inputs: frozenset[tuple[str, str]]
