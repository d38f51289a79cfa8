"""Tables of images and containers, and the simple templates of --format."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from dx_local.worker.containers.errors import DockerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.containers.options import Parsed

_FIELD = re.compile(r"{{\s*(json\s+)?((?:\.\w*)+)\s*}}")
_ANY_FIELD = re.compile(r"{{.*?}}")
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def print_rows(
    rows: Sequence[dict[str, str]], titles: Sequence[str], parsed: Parsed, *, id_field: str
) -> None:
    """Print rows, whose fields have the order of the titles: as a table, by --format, or only IDs with -q."""
    template = parsed.last("format")
    if "quiet" in parsed.flags:
        for digits in dict.fromkeys(row[id_field] for row in rows):
            print(digits)
    elif template.startswith("table"):
        fields = [match[2].lstrip(".") for match in _FIELD.finditer(template)]
        cells = [[row.get(field, "") for field in fields] for row in rows]
        _print_table([field.upper() for field in fields], cells)
    elif template:
        for row in rows:
            print(filled(template, row))
    else:
        _print_table(titles, [list(row.values()) for row in rows])


def _print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(titles, *rows)]  # noqa: B905  (Python 3.8)
    for row in (titles, *rows):
        cells = [text.ljust(width) for text, width in zip(row, widths)]  # noqa: B905
        print("   ".join(cells).rstrip())


def filled(template: str, values: Any) -> str:
    """Return a template with its fields filled in: `{{.Name}}`, `{{.State.Running}}`, `{{json .Config}}`.

    Raises DockerError for everything else that templates may contain.
    """
    if template == "json":
        template = "{{json .}}"
    rest = _ANY_FIELD.sub(lambda match: "" if _FIELD.fullmatch(match[0]) else match[0], template)
    if unsupported := _ANY_FIELD.search(rest):
        raise DockerError(
            f"--format: {unsupported[0]} is not supported without a Docker daemon; use fields such as"
            " {{.Name}}"
        )
    text = template.replace("\\t", "\t").replace("\\n", "\n")
    return _FIELD.sub(lambda match: _text_of(values, match[2], is_json=bool(match[1])), text)


def _text_of(values: Any, path: str, *, is_json: bool) -> str:
    for name in filter(None, path.split(".")):
        if not isinstance(values, dict) or name not in values:
            raise DockerError(f"--format: there is no field {path}")
        values = values[name]
    if is_json or isinstance(values, (dict, list, bool)) or values is None:
        return json.dumps(values)
    return str(values)


def age_text(since: float) -> str:
    """Return the time that has passed since then: `3 minutes ago`."""
    seconds = max(int(time.time() - since), 1)
    name, length = next((name, length) for name, length in _UNITS if seconds >= length)
    count = seconds // length
    return f"{count} {name}{'s' if count != 1 else ''} ago"
