"""Tables: aligned columns, and durations."""

from __future__ import annotations

import pytest

from dx_local.ui.results.tables import duration_text, print_table


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("a", "1 B", ""), ("bcd", "100 B", "text")], right=(1,))
    assert capsys.readouterr().out == "a      1 B\nbcd  100 B  text\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.26, "1.3 s"), (59.94, "59.9 s"), (59.97, "1:00"), (125, "2:05"), (3725, "1:02:05")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
