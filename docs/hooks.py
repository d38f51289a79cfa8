"""Adapt pages written for a code host to the site: links out of docs/, mermaid diagrams and comments.

mkdocs knows only the files in docs/, so links to other files of the repository become plain text. Diagrams
become the pictures that diagrams.py has drawn.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError

sys.path.insert(0, str(Path(__file__).parents[1]))
from docs import diagrams

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = diagrams.DOCS.parent
_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>\.\./[^)#\s]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Return the text of a page as the site shows it. Raises PluginError for a link to a missing file."""
    path = page.file.src_uri
    shown = _COMMENT.sub("", _with_pictures(markdown, path))
    return _LINK.sub(lambda link: _within_docs(link, path), shown)


def _with_pictures(markdown: str, path: str) -> str:
    """Replace each mermaid block by its picture."""
    pictures = posixpath.relpath("images/diagrams", posixpath.dirname(path))
    for source, name in diagrams.diagrams(markdown, Path(path).stem):
        markdown = markdown.replace(f"```mermaid\n{source}```", f"![Diagram]({pictures}/{name})", 1)
    return markdown


def _within_docs(link: re.Match[str], path: str) -> str:
    """Return a link within docs/ as it is, and the text of any other."""
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(path), link["target"]))
    if target.startswith("docs/"):
        return link[0]
    if not (ROOT / target).exists():
        raise PluginError(f"{path}: no such file: {link['target']}")
    return link["text"]
