"""A report as a summary in Markdown, for a pull request or the summary of a CI job."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dx_local.engine.reports.formats.mermaid import entry_point_name, mermaid_graph
from dx_local.engine.reports.legible import legible
from dx_local.engine.reports.sentences import duration, rerun_command, sentence
from dx_local.sizes import size_text

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

_MARKS = {"done": "✅", "failed": "❌"}
_HEADINGS = (
    "entry point", "jobs", "failed", "median", "slowest", "memory", "CPU", "instance type", "would do"
)  # fmt: skip
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@&$])")
_PLAIN_NAME = re.compile(r"[\w:.-]+")
_LONGEST = 2000  # characters of a message
_LOG_LINES = 10
_RESTS_ON_FEW = 3


def markdown_summary(report: JSON) -> str:
    """Return the summary: state, cause, entry points with advice, and their graph."""
    mark = _MARKS.get(report["state"], "⚠️")
    parts = [f"### {mark} {_text(report['name'])}: {report['state']}", _text(sentence(report))]
    if report["cause"]:
        parts.append(_cause(report))
    parts.append(_entry_points(report))
    if len(report["entryPoints"]) > 1:
        parts.append(
            f"<details><summary>Graph</summary>\n\n{_fenced(mermaid_graph(report), 'mermaid')}\n\n</details>"
        )
    return "\n\n".join(parts) + "\n"


def _cause(report: JSON) -> str:
    cause = report["cause"]
    message = cause["explanation"][:_LONGEST]
    lines = [f"{cause['path']}: {cause['reason']}: {message}"]
    if source := cause["source"]:
        lines += [f"at {source['place']}:{source['line']}", f"    {source['text']}"]
    lines += [f"| {line}" for line in cause["excerpt"][-_LOG_LINES:]]
    command = rerun_command(report)
    again = f"\n\nRun this job again:\n\n{_fenced(command, 'bash')}" if command else ""
    return _fenced(legible("\n".join(lines))) + again


def _entry_points(report: JSON) -> str:
    several = len({each["executableName"] for each in report["entryPoints"]}) > 1
    rows = [_HEADINGS, ("---", *["---:"] * 6, "---", "---")]
    rows += [_row(each, several=several) for each in report["entryPoints"]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(each: JSON, *, several: bool) -> tuple[str, ...]:
    median, slowest = each["medianSeconds"], each["slowestSeconds"]
    return (
        _text(entry_point_name(each, is_named=several)),
        f"{each['jobs']:,}",
        f"{each['failed']:,}",
        "" if median is None else duration(median),
        "" if slowest is None else duration(slowest),
        _memory(each),
        "" if each["cpuSeconds"] is None else duration(each["cpuSeconds"]),
        _code(each["instanceType"]),
        _advice(each),
    )


def _memory(each: JSON) -> str:
    if each["maxMemory"] is None:
        return ""
    of_all = f" of {size_text(each['instanceMemory'])}" if each["instanceMemory"] else ""
    return f"{size_text(each['maxMemory'])}{of_all}"


def _advice(each: JSON) -> str:
    advice = each["advice"]
    if advice is None:
        return ""
    if advice["isPresent"]:
        return "the same"
    samples = each["samples"]
    few = f" (from {samples} job{'s' if samples != 1 else ''})" if samples < _RESTS_ON_FEW else ""
    return f"{_code(advice['instanceType'])}{few}"


def _code(name: str) -> str:
    return f"`{name}`" if _PLAIN_NAME.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """Return one line of text, in which no character has a meaning for Markdown."""
    return _SPECIAL.sub(r"\\\1", " ".join(legible(text).split()))


def _fenced(text: str, language: str = "text") -> str:
    """Return a code block whose fence is longer than any in the text."""
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
