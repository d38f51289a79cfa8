"""The contents of values: equal for objects with the same bytes and metadata, whatever their IDs are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.dxapp.links import link
from dx_local.engine.ledger.ledger import Content, content_of
from dx_local.engine.resume.contents import Contents
from dx_local.platform.data import files, objects

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.platform.core.context import Context


class Maker:
    """Makes objects on one platform."""

    def __init__(self, context: Context, project: str, folder: Path) -> None:
        self.context, self.project, self.folder = context, project, folder
        self.contents = Contents(context.platform, lambda _object_id: None)

    def file(self, data: bytes, name: str = "reads", *, is_read: bool = True) -> Any:
        path = self.folder / name
        path.write_bytes(data)
        with self.context.store.transaction():
            file_id = files.link_local(self.context, path, project=self.project, folder="/", name=name)
        if is_read:
            self.contents.learn(file_id, content_of([path]))
        return link(file_id)

    def record(self, **details: Any) -> Any:
        request = {"project": self.project, "name": "note", "details": details}
        with self.context.store.transaction():
            made = objects.create(self.context, "record", request, fields={}, state="closed")
        return link(made)


@pytest.fixture
def maker(context: Context, project: str, tmp_path: Path) -> Maker:
    return Maker(context, project, tmp_path)


def test_ids_do_not_count_but_bytes_and_names_do(maker: Maker) -> None:
    of = maker.contents.of
    assert of(maker.file(b"same")) == of(maker.file(b"same"))
    assert of(maker.file(b"same")) != of(maker.file(b"else"))
    assert of(maker.file(b"same")) != of(maker.file(b"same", "other"))


def test_objects_that_are_linked_to_count(maker: Maker) -> None:
    of = maker.contents.of
    assert of(maker.record(part=maker.file(b"a"))) == of(maker.record(part=maker.file(b"a")))
    assert of(maker.record(part=maker.file(b"a"))) != of(maker.record(part=maker.file(b"b")))


def test_ids_in_texts_and_arrays_are_replaced(maker: Maker) -> None:
    first, second = maker.file(b"a"), maker.file(b"a")
    values = [{"x": [file, f"dx://{file['$dnanexus_link']}", 3]} for file in (first, second)]
    assert maker.contents.of(values[0]) == maker.contents.of(values[1])
    assert maker.contents.of(values[0]) != maker.contents.of({"x": [first, 3]})


def test_unknown_bytes_are_equal_to_none_until_they_are_read(maker: Maker) -> None:
    known, unknown = maker.file(b"a"), maker.file(b"a", is_read=False)
    note = maker.record(part=unknown)
    assert maker.contents.of(known) != maker.contents.of(unknown)
    assert maker.contents.of(note) != maker.contents.of(maker.record(part=known))
    (object_id,) = maker.contents.unread(note)
    maker.contents.learn(object_id, content_of(maker.contents.unread(note)[object_id]))
    assert maker.contents.of(note) == maker.contents.of(maker.record(part=known))


def test_a_circle_of_links_ends(maker: Maker) -> None:
    first = maker.record()
    second = maker.record(other=first)
    maker.context.store.update("object", first["$dnanexus_link"], details={"other": second})
    assert maker.contents.of(first) != maker.contents.of(maker.record())


def test_recorded_content_is_used(context: Context, maker: Maker) -> None:
    file = maker.file(b"a", is_read=False)
    contents = Contents(context.platform, lambda _object_id: Content(1, "digest"))
    assert contents.unread(file) == {}
