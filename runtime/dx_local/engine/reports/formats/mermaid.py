"""The graph of a report's entry points as a Mermaid flowchart.

Source: https://mermaid.js.org/syntax/flowchart.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dx_local.engine.reports.edges import DATA, DEPENDS_ON, STARTS

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

_ARROWS = {DATA: "-->", DEPENDS_ON: "-->|dependsOn|", STARTS: "-.->|starts|"}
_SPECIAL = re.compile(r"[^\w .,:()+-]")
_LONGEST = 60  # characters of a name


def mermaid_graph(report: JSON) -> str:
    """Return the flowchart: a node for each entry point with its jobs, and the edges of `shown_edges`."""
    several = len({each["executableName"] for each in report["entryPoints"]}) > 1
    lines = ["flowchart LR"]
    for number, each in enumerate(report["entryPoints"]):
        failed = f", {each['failed']:,} failed" if each["failed"] else ""
        count = f"{each['jobs']:,} job{'s' if each['jobs'] != 1 else ''}{failed}"
        lines.append(f'    n{number}["{_text(entry_point_name(each, is_named=several))}<br>{count}"]')
    lines += [f"    n{each['from']} {_ARROWS[each['kind']]} n{each['to']}" for each in shown_edges(report)]
    return "\n".join(lines) + "\n"


def shown_edges(report: JSON) -> list[JSON]:
    """Return the edges worth drawing: the start of an entry point only if it waits for nothing else."""
    waits = {each["to"] for each in report["edges"] if each["kind"] != STARTS and each["from"] != each["to"]}
    return [each for each in report["edges"] if each["kind"] != STARTS or each["to"] not in waits]


def entry_point_name(summary: JSON, *, is_named: bool) -> str:
    """Return the name of an entry point; `is_named` adds that of its executable. A workflow has only that."""
    executable, function = str(summary["executableName"]), str(summary["function"])
    if not function:
        return executable
    return f"{executable}:{function}" if is_named else function


def _text(text: str) -> str:
    """Return text for a quoted label, with character codes for all that Mermaid or HTML could interpret."""
    cut = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", cut)
