"""Names, times and bars that fit into columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from dx_local.ui.fitting import ASCII, UNICODE, bar, clock_text, cut, shorten, symbols_for, time_text

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Mn"]), max_size=60)


@given(NAMES, st.integers(0, 70))
def test_a_shortened_name_fits_and_keeps_its_start_and_its_end(name: str, width: int) -> None:
    short = shorten(name, width)
    assert cell_len(short) <= width
    if cell_len(name) <= width:
        assert short == name
    elif "…" in short and "…" not in name:
        start, end = short.split("…")
        assert name.startswith(start)
        assert name.endswith(end)


@given(st.text("abc_", min_size=1, max_size=60), st.integers(2, 99_999), st.integers(9, 70))
def test_the_number_of_a_job_is_never_shortened(name: str, number: int, width: int) -> None:
    assert shorten(f"{name}[{number}]", width).endswith(f"[{number}]")


@given(NAMES, st.integers(0, 70))
def test_a_cut_text_fits(text: str, width: int) -> None:
    assert cell_len(cut(text, width)) <= width


@given(st.floats(0, 1), st.integers(3, 80), st.sampled_from([UNICODE, ASCII]))
def test_a_bar_has_its_width_and_is_full_only_at_the_end(share: float, width: int, symbols: object) -> None:
    drawn = bar(share, width, symbols)  # type: ignore[arg-type]
    assert len(drawn) == width
    assert drawn == bar(1, width, symbols) or share < 1  # type: ignore[arg-type]


def test_a_bar_in_ascii() -> None:
    assert bar(0.5, 12, ASCII) == "[#####.....]"


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", UNICODE), ("ascii", ASCII), ("latin-1", ASCII)])
def test_symbols_fit_the_encoding(encoding: str, expected: object) -> None:
    assert symbols_for(encoding) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1:00"), (4460, "1:14:20")],
)
def test_times_are_short(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_clocks_show_minutes_from_the_start() -> None:
    assert clock_text(4) == "0:04"
