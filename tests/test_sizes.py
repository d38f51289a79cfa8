"""Parse and format sizes."""

from __future__ import annotations

import pytest

from dx_local.sizes import parse_size, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("512B", 512),
        ("1k", 1024),
        ("1 KB", 1000),
        ("1.5KiB", 1536),
        (" 2GiB ", 2 << 30),
        ("2g", 2 << 30),
        ("2GB", 2_000_000_000),
        ("1T", 1 << 40),
        ("", None),
        ("GiB", None),
        ("-1G", None),
        ("1e3", None),
        ("2 gigs", None),
        ("1iB", None),
        ("٢G", None),
    ],
)
def test_a_size_is_read(text: str, size: int | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (150 << 20, "150 MiB"),
        (1000 << 20, "1.0 GiB"),
        (1 << 60, "1024 PiB"),
    ],
)
def test_a_size_is_written(size: int, text: str) -> None:
    assert size_text(size) == text
