"""The reasons why a job of a resumed run is not taken over from the earlier run: a closed list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ReasonKind(str, Enum):
    """The kinds of reasons; the value is the text in reports, in which `{}` is the detail."""

    NEW = "new"
    FAILED = "it failed"
    NOT_RUN = "it had not run"
    NOT_ENDED = "it had not ended"
    CODE = "its code changed: {}"
    INPUT = "input {}"
    UPSTREAM = "input {}, which put out something else"
    DEPENDENCY = "dependency changed: {}"
    PYTHON = "it ran with another Python: {}"
    OUTPUT = "output {}"
    NETWORK = "it asks for network"
    IGNORE_REUSE = "ignoreReuse"
    STARTS_OTHERS = "starts the others"


@dataclass(frozen=True)
class Reason:
    """A reason and its detail, such as the name of an input."""

    kind: ReasonKind
    detail: str = ""

    def __str__(self) -> str:
        return self.kind.value.format(self.detail)
