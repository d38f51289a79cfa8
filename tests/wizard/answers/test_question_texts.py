from __future__ import annotations

import pytest

from dx_app_wizard.answers.question_texts import TEXTS
from dx_app_wizard.answers.questions import QUESTIONS

BY_KEY = {question.key: question for question in QUESTIONS}


def test_every_question_has_a_text() -> None:
    assert set(TEXTS) == set(BY_KEY)


@pytest.mark.parametrize("key", ["version", "timeout", "network", "project_access", "region", "ci"])
def test_the_default_in_the_text_is_the_default_of_the_question(key: str) -> None:
    question = BY_KEY[key]
    assert question.default is not None
    assert question.read(question.text.default) == question.default({})


@pytest.mark.parametrize("key", ["name", "version", "timeout", "region", "title"])
def test_the_example_in_the_text_is_valid(key: str) -> None:
    question = BY_KEY[key]
    assert question.read(question.text.example)
    assert question.text.example in question.text.prompt_hint


def test_only_questions_for_flags_and_files_have_no_prompt() -> None:
    assert [key for key, text in TEXTS.items() if not text.prompt] == [
        "inputs",
        "outputs",
        "ci",
        "command",
        "packages",
    ]
