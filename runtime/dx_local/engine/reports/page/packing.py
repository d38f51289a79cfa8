"""Pack the data of a report for its page: delta coded columns, deflated, as base64.

`unpack.js` is the other end.
"""

from __future__ import annotations

import base64
import re
import zlib
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.json_text import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.platform.core.context import JSON

_NUMBERED = re.compile(r"(.*)\[([1-9]\d{0,8})\]", re.DOTALL)
_LONGEST_TEXT = 2000  # characters of a failure message of each job; that of the cause is longer
_KIB = 1024


def packed(value: Any) -> str:
    """Return a JSON value, deflated, as base64."""
    return base64.b64encode(zlib.compress(to_json(value).encode("utf-8", "replace"), 6)).decode()


def report_data(report: JSON) -> JSON:
    """Return a report with its columns coded so that they deflate well.

    Times follow one another, so that only differences remain: each creation to the one before, and each start
    and end to the creation of its job. Labels consist of a name and a number, and the usual path of a log is
    left out. Memory and disk are in KiB, CPU time in ms.
    """
    jobs, earlier = report["jobs"], report["earlierTries"]
    names, numbers = _labels(jobs["label"])
    created = jobs["created"]
    texts = _Texts()
    return {
        **report,
        "jobs": {
            "id": [each.removeprefix("job-") for each in jobs["id"]],
            "name": names,
            "number": _deltas(numbers),
            "entryPoint": jobs["entryPoint"],
            "parent": jobs["parent"],
            "created": _deltas(created),
            **_measures(jobs, created),
            "state": texts.positions(jobs["state"]),
            "tries": jobs["tries"],
            "reused": [int(each) for each in jobs["reused"]],
            "again": texts.positions(jobs["again"]),
            "node": texts.positions(jobs["node"]),
            "reason": texts.positions(jobs["reason"]),
            "message": texts.positions(jobs["message"]),
            "log": _odd_logs(report),
        },
        "earlierTries": {
            "job": earlier["job"],
            "number": earlier["number"],
            **_measures(earlier, [created[job] for job in earlier["job"]]),
            "node": texts.positions(earlier["node"]),
            "reason": texts.positions(earlier["reason"]),
            "message": texts.positions(earlier["message"]),
            "log": earlier["log"],
        },
        "texts": texts.all,
    }


class _Texts:
    """The distinct texts of columns; a column holds positions in it, or null."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    @property
    def all(self) -> list[str]:
        return list(self._positions)

    def positions(self, column: Sequence[str | None]) -> list[int | None]:
        return [None if text is None else self._position(_cut(text)) for text in column]

    def _position(self, text: str) -> int:
        return self._positions.setdefault(text, len(self._positions))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _labels(labels: Sequence[str]) -> tuple[list[Any], list[int]]:
    """Return the names of labels, each once and then as its position, and their numbers."""
    known: dict[str, int] = {}
    names: list[Any] = []
    numbers = []
    for label in labels:
        match = _NUMBERED.fullmatch(label)
        name, number = (match[1], int(match[2])) if match and int(match[2]) > 1 else (label, 1)
        names.append(known.get(name, name))
        known.setdefault(name, len(known))
        numbers.append(number)
    return names, numbers


def _measures(columns: JSON, created: Sequence[int]) -> JSON:
    return {
        "started": [_minus(start, time) for start, time in zip(columns["started"], created, strict=True)],
        "stopped": [_minus(end, time) for end, time in zip(columns["stopped"], created, strict=True)],
        "memory": [None if each is None else round(each / _KIB) for each in columns["memory"]],
        "disk": [None if each is None else round(each / _KIB) for each in columns["disk"]],
        "cpu": [None if each is None else round(each * 1000) for each in columns["cpuSeconds"]],
    }


def _minus(value: int | None, base: int) -> int | None:
    return None if value is None else value - base


def _deltas(values: Sequence[int]) -> list[int]:
    return [value - before for value, before in zip(values, (0, *values[:-1]), strict=True)]


def _odd_logs(report: JSON) -> list[tuple[int, str | None]]:
    """Return the positions and paths of logs that do not have the path that `unpack.js` expects."""
    jobs, entry_points = report["jobs"], report["entryPoints"]
    odd = []
    for position, log in enumerate(jobs["log"]):
        ending = f"-try-{jobs['tries'][position] - 1}" if jobs["tries"][position] > 1 else ""
        function = entry_points[jobs["entryPoint"][position]]["function"]
        usual = f"jobs/{function}-{jobs['id'][position]}{ending}/log.txt"
        expected = None if jobs["started"][position] is None else usual
        if log != expected:
            odd.append((position, log))
    return odd
