"""Tests of the page that `make bench` writes: only the text between its markers changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from benchmarks.page import BEGIN, END, PAGE, MarkerError, replaced, write

if TYPE_CHECKING:
    from pathlib import Path


def test_only_the_text_between_the_markers_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write("new", page)
    write("newer", page)
    assert page.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"
    assert list(tmp_path.iterdir()) == [page]


def test_the_page_has_its_markers() -> None:
    assert "text" in replaced(PAGE.read_text(encoding="utf-8"), "text")


@pytest.mark.parametrize("page", ["", BEGIN, END, END + BEGIN, BEGIN + BEGIN + END, BEGIN + END + END])
def test_a_page_without_both_markers_stays_as_it_is(tmp_path: Path, page: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(page)
    with pytest.raises(MarkerError):
        write("new", path)
    assert path.read_text() == page
