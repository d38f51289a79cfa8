from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.platform.data.media_types import BYTES_READ, UNKNOWN, media_type


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("name"))
    return file.getvalue()


def zip_file() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("name", "text")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (gzip.compress(b"x"), "application/gzip"),
        (tar(), "application/x-tar"),
        (zip_file(), "application/zip"),
        (b"%PDF-1.7", "application/pdf"),
        (b"", "text/plain"),
        (b"latin \xe9", UNKNOWN),
        (b"a\0b", UNKNOWN),
        ("é".encode()[:1], UNKNOWN),
    ],
    ids=["gzip", "tar", "zip", "pdf", "empty", "latin-1", "zero byte", "half a character"],
)
def test_the_beginning_tells_the_type(content: bytes, expected: str) -> None:
    assert media_type(content) == expected


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_long_text_is_text_wherever_it_is_cut(text: str) -> None:
    assert media_type(f"> {text * BYTES_READ}".encode()[:BYTES_READ]) == "text/plain"


@given(st.binary(max_size=600))
def test_bytes_of_any_kind_have_a_type(content: bytes) -> None:
    assert "/" in media_type(content)
