"""Draw the mermaid diagrams of the pages as pictures in docs/images/diagrams.

Code hosts draw them from the pages. The site shows the pictures, so that it needs neither the network nor a
script of three megabytes. After a change to a diagram, with Chromium and npm installed:

    npm pack @mermaid-js/tiny@11 && tar xzf mermaid-js-tiny-*.tgz
    python docs/diagrams.py package/dist/mermaid.tiny.js
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent
PICTURES = DOCS / "images" / "diagrams"
BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.DOTALL | re.MULTILINE)

_GREY, _BLUE, _WHITE = "#7a8499", "#4051b5", "#ffffff"
_COLOURS = {  # legible on the light and on the dark palette
    "actorBkg": _BLUE,
    "actorBorder": _BLUE,
    "actorTextColor": _WHITE,
    "actorLineColor": _GREY,
    "signalColor": _GREY,
    "signalTextColor": _GREY,
    "noteBkgColor": "#fff3c4",
    "noteBorderColor": "#d9b64a",
    "noteTextColor": "#333333",
    "primaryColor": _BLUE,
    "primaryBorderColor": _BLUE,
    "primaryTextColor": _WHITE,
    "lineColor": _GREY,
    "textColor": _GREY,
    "titleColor": _GREY,
    "clusterBkg": "transparent",
    "clusterBorder": _GREY,
    "edgeLabelBackground": "transparent",
}
_SETTINGS = {
    "startOnLoad": False,
    "theme": "base",
    "themeVariables": _COLOURS,
    "sequence": {"mirrorActors": False},
    "fontFamily": "sans-serif",
    "htmlLabels": False,
}
_PAGE = """\
<!doctype html><meta charset="utf-8"><body><script src="{script}"></script><script>
mermaid.initialize({settings});
mermaid.render("diagram", {source}).then(drawn => {{ document.body.innerText = drawn.svg; }});
</script>
"""


def diagrams(text: str, stem: str) -> Iterator[tuple[str, str]]:
    """Yield the source of each diagram of a page, and the name of its picture."""
    for number, block in enumerate(BLOCK.findall(text), start=1):
        yield block, f"{stem}-{number}.svg"


def mark(source: str) -> str:
    """Return the comment by which a picture shows from which source it was drawn."""
    return f"<!-- {hashlib.sha256(source.encode()).hexdigest()} -->"


def draw(source: str, script: Path) -> str:
    """Return the SVG of a diagram, drawn by mermaid in a headless Chromium."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        settings, quoted = json.dumps(_SETTINGS), json.dumps(source)
        page.write_text(_PAGE.format(script=script.absolute(), settings=settings, source=quoted), "utf-8")
        browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=9000"]
        dom = subprocess.run(
            [*browser, f"--user-data-dir={folder}/profile", "--dump-dom", page.as_uri()],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    svg = re.search(r"&lt;svg.*&lt;/svg&gt;", dom, re.DOTALL)
    if svg is None:
        sys.exit(f"mermaid drew no picture of:\n{source}")
    return html.unescape(svg[0].replace("<br>", ""))


def main(script: Path) -> None:
    """Draw all diagrams."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for page in sorted(DOCS.rglob("*.md")):
        for source, name in diagrams(page.read_text(encoding="utf-8"), page.stem):
            picture = f"{draw(source, script)}\n{mark(source)}\n"
            (PICTURES / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
