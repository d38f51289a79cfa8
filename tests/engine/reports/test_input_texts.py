"""Inputs of jobs as short texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.reports.input_texts import input_texts
from dx_local.platform.data import files

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.platform.core.context import Context


@pytest.fixture
def reads(context: Context, project: str, tmp_path: Path) -> dict[str, Any]:
    """A link to a file of 1200 bytes."""
    path = tmp_path / "reads.fastq"
    path.write_bytes(b"x" * 1200)
    return {
        "$dnanexus_link": files.link_local(context, path, project=project, folder="/", name="reads.fastq")
    }


def test_files_are_shown_by_name_and_size_at_any_depth(context: Context, reads: dict[str, Any]) -> None:
    shown = "reads.fastq (1.2 KiB)"
    assert input_texts(context.store, {"a": reads, "b": [reads] * 5, "c": {"d": reads, "k": 31}}) == (
        f"a={shown}",
        f"b=[{shown}, {shown}, {shown}, 2 more]",
        f"c={{d: {shown}, k: 31}}",
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (31, "31"),
        (None, "null"),
        ("chr1:1-2", "chr1:1-2"),
        ("two words", '"two words"'),
        ("", '""'),
        ("line\nline", '"line\\nline"'),
        ("x" * 300, "x" * 200 + "…"),
        ({"$dnanexus_link": f"file-{'B' * 24}"}, f"file-{'B' * 24}"),
        ({"$dnanexus_link": {"job": f"job-{'B' * 24}", "field": "n"}}, f"job-{'B' * 24}:n"),
    ],
)
def test_values_are_short(context: Context, value: Any, text: str) -> None:
    assert input_texts(context.store, {"n": value}) == (f"n={text}",)
