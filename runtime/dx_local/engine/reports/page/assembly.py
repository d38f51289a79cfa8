"""Put the page of a report together: the sources in `web/`, the data of the run, and a security policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.reports.legible import legible
from dx_local.engine.reports.page.packing import packed, report_data
from dx_local.engine.reports.sentences import rerun_command, sentence

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

_WEB = Path(__file__).parent / "web"
_SCRIPTS = (
    "text", "elements", "unpack", "timeline", "graph", "overview", "jobs", "details", "live", "page"
)  # fmt: skip
_PLACE = re.compile(r"\{\{ (\w+) \}\}")
_LONGEST_TITLE = 200  # characters


@dataclass(frozen=True)
class PageTexts:
    """The texts of jobs in a page: log tails by position, and the input and output of each job."""

    logs: JSON
    values: list[list[str | None] | None]


def report_page(report: JSON, texts: PageTexts, links: str = "") -> str:
    """Return the page of a report as one HTML file without any reference to the network.

    `links` is the prefix of relative links to the files of the run.
    """
    return _assembled(
        title=_title(report),
        summary=_summary(report),
        config=json.dumps({"mode": "file", "links": links}),
        report=packed(page_data(report)),
        logs=packed(texts.logs),
        values=packed(texts.values),
        sources="'none'",
    )


def live_page(title: str, config: JSON) -> str:
    """Return the page that gets its data from the server that it comes from; `config` is for `live.js`."""
    return _assembled(
        title=title,
        summary="",
        config=json.dumps(config),
        report="",
        logs="",
        values="",
        sources="'self'",
    )


def page_data(report: JSON) -> JSON:
    """Return the data that the page unpacks: the coded report, its sentence, and the command for a rerun."""
    return {**report_data(report), "sentence": sentence(report), "rerun": rerun_command(report)}


@cache
def content_policy(sources: str) -> str:
    """Return the Content-Security-Policy: our own script and style by their digests, nothing else.

    `sources` is where the page may get data from: `'none'` or `'self'`.
    """
    script, style = _source_texts()
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data:;"
        f" connect-src {sources}; base-uri 'none'; form-action 'none'"
    )


def _assembled(*, sources: str, config: str, **texts: str) -> str:
    script, style = _source_texts()
    values = {
        "policy": content_policy(sources),
        "style": style,
        "script": script,
        "title": _escaped(texts["title"]),
        "summary": texts["summary"],
        "config": config.replace("<", "\\u003c"),
        "report": texts["report"],
        "logs": texts["logs"],
        "values": texts["values"],
    }
    return _PLACE.sub(lambda place: values[place[1]], _read("page.html"))


@cache
def _source_texts() -> tuple[str, str]:
    """Return the script, of which each file is a part, and the style."""
    parts = "\n".join(_read(f"{name}.js") for name in _SCRIPTS)
    return f'\n"use strict";\n(() => {{\n{parts}}})();\n', f"\n{_read('page.css')}"


def _escaped(text: str) -> str:
    """Return text for HTML; the module `html` would take 2 ms to import."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")


def _title(report: JSON) -> str:
    count = len(report["jobs"]["id"])
    jobs = f"{count:,} job{'s' if count != 1 else ''}"
    return legible(f"{report['state']}: {report['name'][:_LONGEST_TITLE]}, {jobs}")


def _summary(report: JSON) -> str:
    """Return the summary for browsers without JavaScript."""
    parts = [f"<p>{_escaped(legible(sentence(report)))}</p>"]
    if cause := report["cause"]:
        text = f"{cause['path']}: {cause['reason']}: {cause['explanation']}"
        parts.append(f"<pre>{_escaped(legible(text))}</pre>")
    parts.append("<p>The whole report needs JavaScript; report.json has the same data.</p>")
    return "".join(parts)
