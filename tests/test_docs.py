"""The pages of documentation find each other, and fit the width of a screen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs.diagrams import PICTURES, diagrams, mark

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
ALL = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *PAGES]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
WIDTH = 100
NOT_WRAPPED = {"api.md", "answers.md", "lint-rules.md"}  # generated
# Text between the markers of the benchmarks, comments, code blocks, tables, and lines that are one link.
UNBREAKABLE = re.compile(
    r"<!-- (\w+): begin.*?<!-- \1: end -->|<!--.*?-->|^ *```.*?^ *```$|^ *\|.*?$|^!?\[[^\]]*\]\([^)]*\)$",
    re.DOTALL | re.MULTILINE,
)


def links(page: Path) -> set[Path]:
    """Return the files that a page links to."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return {(page.parent / link).resolve() for link in found if "://" not in link}


def pages_of(navigation: Any) -> set[str]:
    """Return the pages in the site's navigation, which nests lists and mappings."""
    if isinstance(navigation, str):
        return {navigation}
    entries = navigation.values() if isinstance(navigation, dict) else navigation
    return set().union(*map(pages_of, entries))


def test_the_navigation_lists_every_page() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert pages_of(site["nav"]) == {page.relative_to(ROOT / "docs").as_posix() for page in PAGES}


def test_the_readme_leads_to_the_home_page() -> None:
    assert (ROOT / "docs" / "index.md").resolve() in links(ROOT / "README.md")


@pytest.mark.parametrize("page", ALL, ids=str)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    assert [link for link in links(page) if not link.exists()] == []


def test_pictures_show_the_diagrams_of_the_pages() -> None:
    """After a change: see docs/diagrams.py."""
    expected = {
        name: mark(source)
        for page in PAGES
        for source, name in diagrams(page.read_text(encoding="utf-8"), page.stem)
    }
    drawn = {path.name: path.read_text(encoding="utf-8").splitlines()[-1] for path in PICTURES.iterdir()}
    assert drawn == expected


@pytest.mark.parametrize("page", [page for page in ALL if page.name not in NOT_WRAPPED], ids=str)
def test_text_is_wrapped(page: Path) -> None:
    text = UNBREAKABLE.sub("", page.read_text(encoding="utf-8"))
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []
