from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.platform.conftest import refused_by_full_disk

from dx_local.platform.core import local_bytes
from dx_local.platform.core.errors import InvalidInput, InvalidState
from dx_local.platform.core.local_bytes import Part
from dx_local.platform.data import contents, file_bytes, files, objects
from dx_local.platform.data.transfer_urls import UploadTicket

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.platform.core.context import Context


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "reads.txt"
    path.write_bytes(b"hello")
    return path


def linked(context: Context, project: str, source: Path) -> str:
    return files.link_local(context, source, project=project, folder="/in/put", name=source.name)


def test_a_local_file_becomes_a_closed_file(context: Context, project: str, source: Path) -> None:
    described = objects.describe(context, linked(context, project, source), {})
    assert {key: described[key] for key in ("name", "folder", "state", "size", "media")} == {
        "name": "reads.txt",
        "folder": "/in/put",
        "state": "closed",
        "size": 5,
        "media": "text/plain",
    }


def test_a_local_file_is_not_copied(context: Context, project: str, source: Path) -> None:
    (path,) = file_bytes.pieces(context.platform, linked(context, project, source))
    assert path.samefile(source) or os.stat_result(path.stat()).st_blocks  # linked, or cloned blocks


def test_a_symbolic_link_is_followed(context: Context, project: str, source: Path) -> None:
    link = source.with_name("link")
    link.symlink_to(source)
    (path,) = file_bytes.pieces(context.platform, linked(context, project, link))
    assert path.read_bytes() == b"hello"


@pytest.mark.parametrize("kind", ["folder", "missing", "fifo"])
def test_only_regular_files_are_accepted(context: Context, project: str, tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(InvalidInput, match="is not a file"):
        linked(context, project, path)


def test_a_copy_may_be_edited(context: Context, project: str, source: Path, tmp_path: Path) -> None:
    file = linked(context, project, source)
    file_bytes.copy_out(context.platform, file, tmp_path / "out" / "copy.txt")
    (tmp_path / "out" / "copy.txt").write_text("changed")
    assert source.read_bytes() == b"hello"


def test_a_copy_replaces_an_existing_file(
    context: Context, project: str, source: Path, tmp_path: Path
) -> None:
    destination = tmp_path / "there.txt"
    destination.write_text("a much longer text")
    file_bytes.copy_out(context.platform, linked(context, project, source), destination)
    assert destination.read_bytes() == b"hello"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["platform", "reads.txt", "there.txt"]


def test_a_copy_of_a_link_is_a_file(context: Context, project: str, source: Path, tmp_path: Path) -> None:
    file = linked(context, project, source)
    whole = context.platform.folder / "files" / file
    whole.unlink()
    whole.symlink_to(source)
    file_bytes.copy_out(context.platform, file, tmp_path / "copy")
    assert not (tmp_path / "copy").is_symlink()
    assert not (tmp_path / "copy").samefile(source)


def test_parts_of_a_local_file_are_computed_on_request(context: Context, project: str, source: Path) -> None:
    file = linked(context, project, source)
    parts = objects.describe(context, file, {"fields": {"parts": True}})["parts"]
    assert parts == {"1": {"state": "complete", "size": 5, "md5": md5(b"hello")}}


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"", [b""]),
        (b"a", [b"a"]),
        (b"abcd", [b"abcd"]),
        (b"abcde", [b"abcd", b"e"]),
        (b"abcdefgh", [b"abcd", b"efgh"]),
    ],
)
def test_a_file_is_cut_into_parts(tmp_path: Path, data: bytes, parts: list[bytes]) -> None:
    (tmp_path / "f").write_bytes(data)
    found = local_bytes.hash_parts(tmp_path / "f", 4)
    assert found == [Part(len(part), md5(part)) for part in parts]


def test_ways_to_link_are_tried_until_one_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object) -> None:
        raise PermissionError

    (tmp_path / "f").write_bytes(b"x")
    for way in ("link", "symlink"):
        monkeypatch.setattr(os, way, refused)
    local_bytes.clone_or_link(tmp_path / "f", tmp_path / "g")
    assert (tmp_path / "g").read_bytes() == b"x"
    assert not (tmp_path / "g").samefile(tmp_path / "f")


def test_a_failed_copy_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        local_bytes.copy_to([tmp_path / "missing"], tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("edit", ["in place", "replaced", "removed"])
def test_a_linked_file_that_its_owner_changes(
    context: Context, project: str, source: Path, edit: str
) -> None:
    """A replacement of the file has no effect; a change of its bytes is detected, even with the same size."""
    file = linked(context, project, source)
    (whole,) = file_bytes.pieces(context.platform, file)
    shares = whole.samefile(source)
    if edit == "in place":
        source.write_bytes(b"HELLO")
        os.utime(source, ns=(0, 0))
    else:
        source.unlink()
    if edit == "replaced":
        source.write_bytes(b"HELLO")
    if edit == "in place" and shares:
        with pytest.raises(InvalidState, match="changed on disk"):
            file_bytes.pieces(context.platform, file)
    else:
        assert file_bytes.pieces(context.platform, file)[0].read_bytes() == b"hello"


def test_hard_links_to_users_files_are_replaced(context: Context, project: str, source: Path) -> None:
    file = linked(context, project, source)
    file_bytes.replace_hard_links(context.platform)
    assert source.stat().st_nlink == 1
    assert file_bytes.pieces(context.platform, file)[0].read_bytes() == b"hello"


def received(context: Context, data: bytes) -> Path:
    """Return the path of received bytes of an upload."""
    path = file_bytes.new_bytes_folder(context.platform) / "received"
    path.write_bytes(data)
    return path


def upload(context: Context, file_id: str, data: bytes, index: int = 1) -> None:
    files.upload(context, file_id, {"index": index, "size": len(data)})
    ticket = UploadTicket(file_id, index, len(data), "", expires=0)
    files.receive_part(context.platform, ticket, received(context, data), md5(data))


def content(context: Context, file_id: str) -> bytes:
    return b"".join(path.read_bytes() for path in file_bytes.pieces(context.platform, file_id))


def test_bytes_are_kept_if_a_removal_is_rolled_back(context: Context, project: str) -> None:
    file_id = files.new(context, "file", {"project": project})["id"]
    upload(context, file_id, b"hello")
    files.close(context, file_id, {})
    with refused_by_full_disk(context.store):
        contents.remove_objects(context, project, {"objects": [file_id]})
    with context.store.transaction():
        pass
    assert content(context, file_id) == b"hello"


def test_a_link_to_an_input_is_removed_if_it_is_rolled_back(
    context: Context, project: str, source: Path
) -> None:
    with refused_by_full_disk(context.store):
        linked(context, project, source)
    assert not list(file_bytes.new_bytes_folder(context.platform).iterdir())
    assert source.read_bytes() == b"hello"


def test_a_file_whose_storing_is_rolled_back_has_no_bytes(context: Context, project: str) -> None:
    file_id = files.new(context, "file", {"project": project})["id"]
    with refused_by_full_disk(context.store):
        files.close_with_bytes(context, file_id, received(context, b"first"), files.MINIMUM_PART_SIZE)
    assert not list(file_bytes.new_bytes_folder(context.platform).iterdir())
    files.close_with_bytes(context, file_id, received(context, b"second"), files.MINIMUM_PART_SIZE)
    assert content(context, file_id) == b"second"


def test_bytes_that_a_killed_server_left_do_not_hide_the_parts_of_a_file(
    context: Context, project: str
) -> None:
    file_id = files.new(context, "file", {"project": project})["id"]
    file_bytes.whole_path(context.platform, file_id).write_bytes(b"stored, but not committed")
    first = bytes(files.MINIMUM_PART_SIZE)
    upload(context, file_id, first)
    upload(context, file_id, b"second", index=2)
    files.close(context, file_id, {})
    assert content(context, file_id) == first + b"second"


def test_a_repeated_part_that_fails_to_commit_does_not_count_as_the_earlier_one(
    context: Context, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = files.new(context, "file", {"project": project})["id"]
    upload(context, file_id, b"first")
    bytes_before = file_bytes.part_folder(context.platform, file_id) / "1"

    def refused(*_arguments: Any) -> None:
        bytes_before.write_bytes(b"other")
        raise TimeoutError

    monkeypatch.setattr(file_bytes, "store_part", refused)
    with pytest.raises(TimeoutError):
        upload(context, file_id, b"other")
    with pytest.raises(InvalidState, match="has not been uploaded"):
        files.close(context, file_id, {})
