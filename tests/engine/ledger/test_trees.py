"""The files of folders on which jobs depend, as the ledger records them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.ledger.ledger import completed_by, tree_of, with_digests

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "usr" / "bin" / "tool").write_text("one")
    (tmp_path / "link").symlink_to("usr/bin")
    return tmp_path


def test_a_tree_has_files_and_links_by_relative_path(folder: Path) -> None:
    tree = with_digests(folder, tree_of(folder))
    assert set(tree) == {"usr/bin/tool", "link"}
    assert tree["link"].sha256 == "link:usr/bin"


def test_content_counts_and_the_time_does_not(folder: Path) -> None:
    before = with_digests(folder, tree_of(folder))
    tool = folder / "usr" / "bin" / "tool"
    os.utime(tool, (0, 0))
    touched = with_digests(folder, tree_of(folder), before)
    assert touched["usr/bin/tool"].sha256 == before["usr/bin/tool"].sha256
    tool.write_text("two")
    edited = with_digests(folder, tree_of(folder), before)
    assert edited["usr/bin/tool"].sha256 != before["usr/bin/tool"].sha256


def test_a_file_that_is_evidently_unchanged_is_not_read(folder: Path) -> None:
    tree = tree_of(folder)
    known = {name: file._replace(sha256="known") for name, file in tree.items()}
    assert with_digests(folder, tree, known)["usr/bin/tool"].sha256 == "known"


def test_an_archive_is_a_tree_of_one_file(tmp_path: Path) -> None:
    archive = tmp_path / "asset.tar"
    archive.write_bytes(b"tar")
    (name,) = tree_of(archive)
    assert with_digests(archive, tree_of(archive))[name].size == 3


def test_a_file_that_was_edited_meanwhile_has_no_digest(folder: Path) -> None:
    """Jobs that have run got the file as it was, which is not known any more."""
    tree = tree_of(folder)
    tool = folder / "usr" / "bin" / "tool"
    tool.write_text("two")
    os.utime(tool, (0, 0))
    assert with_digests(folder, tree)["usr/bin/tool"] == tree["usr/bin/tool"]


def test_digests_of_an_earlier_tree_are_completed_by_unchanged_files(folder: Path) -> None:
    """A run that ended early has none, and its resources are the same nevertheless."""
    early = tree_of(folder)
    assert completed_by(with_digests(folder, tree_of(folder)), early) == with_digests(folder, early)
    os.utime(folder / "usr" / "bin" / "tool", (0, 0))
    assert completed_by(with_digests(folder, tree_of(folder)), early) == early


def test_a_link_that_leads_out_of_the_folder_counts_as_the_file(folder: Path) -> None:
    outside, inner = folder / "outside", folder / "usr"
    outside.write_text("one")
    (inner / "out").symlink_to(outside)
    before = with_digests(inner, tree_of(inner))
    outside.write_text("two")
    assert with_digests(inner, tree_of(inner), before)["out"].sha256 != before["out"].sha256
