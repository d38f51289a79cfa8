"""The dialogue around an interview: what it leaves behind when something breaks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dx_app_wizard.answers.sources import Given
from dx_app_wizard.commands.answer import Dialogue
from dx_app_wizard.errors import InterruptedByUserError
from dx_app_wizard.interview.conversation import Conversation
from dx_app_wizard.interview.interview import Interview
from dx_app_wizard.interview.prompters import LinePrompter
from dx_app_wizard.interview.saved_answers import SavedInterview


@pytest.fixture
def interviewed(home: Path) -> Dialogue:
    """A dialogue whose person has given a name and a title."""
    saved = SavedInterview({"language": "bash"}, {}, {"name": "counts"})
    saved.save()
    dialogue = Dialogue(Given(()), None, Path(), only_required=False, saved=saved)
    conversation = Conversation(LinePrompter(os.open(os.devnull, os.O_RDONLY), None), {}, lambda _: None)
    dialogue.interview = Interview(conversation, {}, ("title",), lambda _: False, asked={"title": "A b"})
    return dialogue


def test_a_bug_of_ours_leaves_the_answers_and_says_how_to_go_on(
    interviewed: Dialogue, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ZeroDivisionError), interviewed.keeping_answers():
        _ = 1 // 0
    text = capsys.readouterr().err
    assert "Resume: dx-app-wizard --resume" in text
    assert "dx-app-wizard --language bash --title 'A b'" in text


def test_ctrl_c_while_the_app_is_written_says_how_to_go_on(interviewed: Dialogue) -> None:
    with pytest.raises(InterruptedByUserError) as caught, interviewed.keeping_answers():
        raise KeyboardInterrupt
    assert "--resume" in str(caught.value.hint)


def test_without_an_interview_an_error_is_left_as_it_is(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dialogue = Dialogue(Given(()), None, Path(), only_required=False, saved=SavedInterview({}, {}))
    with pytest.raises(ZeroDivisionError), dialogue.keeping_answers():
        _ = 1 // 0
    assert capsys.readouterr().err == ""
