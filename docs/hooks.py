"""Adapt pages written for a code host to the site: links out of docs/, mermaid diagrams and comments.

mkdocs knows only the files in docs/. Links to other files of the repository become links to `repo_url`, or
plain text without one. Diagrams become the pictures that diagrams.py has drawn.
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

ROOT = Path(__file__).parents[1]
_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>\.\./[^)#\s]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Return the text of a page as the site shows it. Raises PluginError for a link to a missing file."""
    path = page.file.src_uri
    shown = _COMMENT.sub("", _with_pictures(markdown, path))
    return _LINK.sub(lambda link: _rewritten(link, path, config.repo_url), shown)


def _with_pictures(markdown: str, path: str) -> str:
    """Replace each mermaid block by its picture."""
    pictures = posixpath.relpath("images/diagrams", posixpath.dirname(path))
    for source, name in diagrams.diagrams(markdown, Path(path).stem):
        markdown = markdown.replace(f"```mermaid\n{source}```", f"![Diagram]({pictures}/{name})", 1)
    return markdown


def _rewritten(link: re.Match[str], path: str, repo_url: str | None) -> str:
    """Return a link as the site has it; one within docs/ stays."""
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(path), link["target"]))
    if target.startswith("docs/"):
        return link[0]
    if not (ROOT / target).exists():
        raise PluginError(f"{path}: no such file: {link['target']}")
    if not repo_url:
        return link["text"]
    kind = "tree" if (ROOT / target).is_dir() else "blob"
    return f"[{link['text']}]({repo_url.rstrip('/')}/{kind}/main/{target})"
