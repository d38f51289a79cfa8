"""Faults that a user injects into jobs, to see how an app copes: `spot:process[3]`, `slow-io:main=10MB/s`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from dx_local.errors import UsageError
from dx_local.sizes import parse_size

_FAULT = re.compile(
    r"(?P<kind>[^:=]*):(?P<name>[^:=\[\]]+)(?:\[(?P<number>[1-9]\d*)\])?(?::(?P<start>[1-9]\d*))?(?:=(?P<rate>.*))?",
    re.ASCII,
)
_FORM = "Write KIND:ENTRYPOINT, KIND:ENTRYPOINT[N] or KIND:ENTRYPOINT[N]:TRY, such as fail:process[3]."


class FaultKind(str, Enum):
    """The kinds of faults, under the names that users write."""

    FAIL = "fail"
    KILL = "kill"
    TIMEOUT = "timeout"
    SPOT = "spot"
    OOM = "oom"
    SLOW_IO = "slow-io"


@dataclass(frozen=True)
class Fault:
    """A fault of some jobs."""

    kind: FaultKind
    name: str
    """The label of the jobs without a number: an entry point, or the name of an executable."""
    number: int | None = None
    """The number in the job's label, 1 for a label without one; None for all jobs of this name."""
    start: int = 1
    """The start of a job at which the fault happens, restarts because of its parent included."""
    rate: int | None = None
    """Bytes per second that a job can transfer, for SLOW_IO only."""

    def __str__(self) -> str:
        number = f"[{self.number}]" if self.number else ""
        start = f":{self.start}" if self.start > 1 else ""
        rate = f"={self.rate}B/s" if self.rate else ""
        return f"{self.kind.value}:{self.name}{number}{start}{rate}"


def parse_fault(text: str) -> Fault:
    """Return the fault in `KIND:ENTRYPOINT[N]:TRY` or `slow-io:ENTRYPOINT[N]:TRY=RATE`. Raises UsageError."""
    match = _FAULT.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a fault", _FORM)
    try:
        kind = FaultKind(match["kind"])
    except ValueError:
        kinds = ", ".join(member.value for member in FaultKind)
        raise UsageError(f"{text!r} has an unknown kind of fault", f"Choose one of {kinds}.") from None
    number = int(match["number"]) if match["number"] else None
    return Fault(kind, match["name"], number, int(match["start"] or 1), _rate(kind, match["rate"], text))


def _rate(kind: FaultKind, text: str | None, fault: str) -> int | None:
    if kind is not FaultKind.SLOW_IO:
        if text is not None:
            raise UsageError(f"{fault!r} has a rate", f"Only {FaultKind.SLOW_IO.value} has one.")
        return None
    rate = parse_size((text or "").removesuffix("/s"))
    if not rate:
        raise UsageError(f"{fault!r} has no rate", "Add one, such as =10MB/s.")
    return rate
