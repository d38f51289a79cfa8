"""Transcripts of programs that were written for the official wizard, on a real pseudo-terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wizard.conftest import Terminal

    Start = Callable[..., Terminal]

BEFORE_OUTPUTS = (
    ("App Name:", "Имя"),
    ("The name of your app must match", None),
    ("App Name:", "MyTestApp"),
    ("Title", "Заголовок"),
    ("Summary", "Конспект"),
    ("Version", "1.2.3"),
    ("1st input name", "in1"),
    ("Label", "Метка"),
    ("Choose a class", "int"),
    ("optional parameter", "n"),
    ("2nd input name", ""),
)
AFTER_INPUTS = (
    ("1st output name", "out1"),
    ("Label", ""),
    ("Choose a class", "целое"),
    ("Not a recognized class", "int"),
    ("2nd output name", ""),
    ("Timeout policy", "31d"),
    ("Error: max allowed timeout is 30 days", "ЄЯTЪЦGЇC"),
    ("Error: enter an int with a single-letter suffix", None),
    ("Timeout policy", "24h"),
    ("Programming language", "АЛГОЛ"),
    ("Error: unrecognized response", "Python"),
    ("Will this app need access to the Internet[?]", "y"),
    ("Will this app need access to the parent project[?]", "y"),
    ("Choose an instance type for your app", "t1.микро"),
    ("Error: unrecognized response, expected one of", None),
    ("Choose an instance type for your app", ""),
    ("App directory created", None),
)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--template", "parallelized"), id="with template", marks=pytest.mark.slow),
        pytest.param((), id="without"),
    ],
)
def test_every_phrase_that_is_waited_for_appears_and_the_app_is_written(
    terminal: Start, arguments: tuple[str, ...]
) -> None:
    wizard = terminal(*arguments, size=(20, 90))
    for expected, line in (*BEFORE_OUTPUTS, *AFTER_INPUTS):
        wizard.process.expect(expected)
        if line is not None:
            wizard.process.sendline(line)
    assert wizard.end()[0] == 0
    spec = wizard.written("MyTestApp")
    assert (spec["title"], spec["version"]) == ("Заголовок", "1.2.3")
    assert spec["inputSpec"] == [{"name": "in1", "label": "Метка", "class": "int"}]
    assert spec["outputSpec"] == [{"name": "out1", "class": "int"}]
    assert spec["access"] == {"network": ["*"], "project": "CONTRIBUTE"}
