"""The documentation builds as a site, whose pages load nothing from the network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOADED = re.compile(r'<(?:script|img|iframe)[^>]* src="?([^" >]+)|<link[^>]* href="?([^" >]+)')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built so that a broken link or a page outside the navigation is an error."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    loaded = {found for page in pages for found in LOADED.findall(page.read_text(encoding="utf-8"))}
    addresses = {address for pair in loaded for address in pair if address}
    assert len(pages) > 20
    assert {address for address in addresses if "//" in address} == set()


def test_comments_and_diagrams_are_not_shown_as_code(site: Path) -> None:
    pages = [page.read_text(encoding="utf-8") for page in site.rglob("*.html")]
    assert [page for page in pages if "not run:" in page or "sequenceDiagram" in page] == []


def test_every_page_can_be_searched(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    for page in site.rglob("*.html"):
        assert page.name == "404.html" or f'"{page.relative_to(site).as_posix()}"' in index
