"""The pages of documentation find each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def links(page: Path) -> set[Path]:
    """Return the files that a page links to."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in found if "://" not in link}


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    assert {page.resolve() for page in PAGES} - links(index) - {index.resolve()} == set()
    assert index.resolve() in links(ROOT / "README.md")


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES], ids=str)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    assert [link for link in links(page) if not link.exists()] == []
