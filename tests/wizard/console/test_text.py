"""Text of jobs never moves the cursor of a terminal, or changes its colours or state."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.console.text import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[1;31mred\x1b[0m", "ared"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
        ("a\x1b]0;no end\nb", "a\nb"),
        ("a\x1bPq#0\x1b\\b", "ab"),
        ("a\x1bcb", "ab"),
        ("a\x1b(0b", "ab"),
        ("a\x0eb\x0fc", "abc"),
        ("a\bb\x7f", "ab"),
        ("a\x9b31mb", "ab"),
        ("10%\r20%\r\n", "10% 20%\n"),
        ("a\tb\n", "a\tb\n"),
        ("Andr\udce9", "Andr\ufffd"),
        ("naïve → 你好", "naïve → 你好"),
    ],
)
def test_what_is_left_of_control_sequences(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(
    st.text(st.characters(codec=None), max_size=50) | st.text("\x1b[]P;0m\x07\\\x9b\x9d\r\n ab", max_size=20)
)
def test_no_control_character_is_left(text: str) -> None:
    shown = plain(text)
    assert not [one for one in shown if unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t"]
    assert plain(shown) == shown
    assert shown.count("\n") == text.count("\n")
