"""The state that a failed or interrupted interview leaves behind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.answers.sources import AnswerSources
from dx_app_wizard.commands.answer import AnswerCollector
from dx_app_wizard.commands.saved_answers import SavedInterview
from dx_app_wizard.errors import InterruptedByUserError
from dx_app_wizard.interview.conversation import Conversation
from dx_app_wizard.interview.interview import Interview
from dx_app_wizard.interview.prompters import LinePrompter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def interviewed(home: Path) -> AnswerCollector:
    """A collector whose user has entered a name and a title."""
    saved = SavedInterview({"language": "bash"}, {}, {"name": "counts"})
    saved.save()
    collector = AnswerCollector(AnswerSources(()), saved)
    conversation = Conversation(
        LinePrompter(os.open(os.devnull, os.O_RDONLY), None), {"title": "A b"}, lambda _: None
    )
    collector.interview = Interview(conversation, {}, ("title",), lambda _: False)
    return collector


def test_a_bug_of_ours_leaves_the_answers_and_says_how_to_go_on(
    interviewed: AnswerCollector, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError), interviewed.keeping_answers():
        _ = 1 // 0
    text = capsys.readouterr().err
    assert "Resume: dx-app-wizard --resume" in text
    assert "dx-app-wizard --language bash --title 'A b'" in text


def test_ctrl_c_while_the_app_is_written_says_how_to_go_on(interviewed: AnswerCollector) -> None:
    with pytest.raises(InterruptedByUserError) as caught, interviewed.keeping_answers():
        raise KeyboardInterrupt
    assert "--resume" in str(caught.value.hint)


def test_without_an_interview_an_error_is_left_as_it_is(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collector = AnswerCollector(AnswerSources(()), SavedInterview({}, {}))
    with pytest.raises(ZeroDivisionError), collector.keeping_answers():
        _ = 1 // 0
    assert capsys.readouterr().err == ""
