"""Ask for confirmation after the review: write the app, edit an answer, show more, or cancel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dx_app_wizard.answers.choices import Choice
from dx_app_wizard.interview.conversation import BACK_LINE, HELP_LINE
from dx_app_wizard.interview.parameter_questions import REMOVE_LINE
from dx_app_wizard.interview.prompts import Prompt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dx_app_wizard.interview.interview import Interview
    from dx_app_wizard.lint.findings import Finding

_WRITE_WORDS = ("", "y", "yes")
_CANCEL_WORDS = ("q", "quit", "cancel", "n", "no")
_LISTS = ("inputs", "outputs")


@dataclass(frozen=True)
class Page:
    """Something about the app that is shown on demand."""

    title: str
    show: Callable[[], None]


@dataclass(frozen=True)
class Review:
    """A review that was shown: the policy's findings, and more pages by the words that show them."""

    findings: Sequence[Finding] = ()
    pages: Mapping[str, Page] = field(default_factory=dict)


def confirm_write(interview: Interview, review: Review) -> bool:
    """Return True to write the app, False to edit an answer, after forgetting its lines.

    Prints the findings; with an error among them, the app cannot be written as it is. Raises
    KeyboardInterrupt if the user cancels.
    """
    conversation = interview.conversation
    for finding in review.findings:
        conversation.prompter.say(str(finding))
    is_allowed = all(finding.level != "error" for finding in review.findings)
    prompt = _prompt(interview, review.pages)
    while True:
        choice = conversation.prompter.confirm(prompt).strip()
        chosen = _lines_to_edit(conversation.lines, choice)
        if chosen:
            conversation.forget(lambda key: key in chosen)  # noqa: B023 - called at once
            return False
        if choice in review.pages:
            review.pages[choice].show()
        elif choice.lower() in _WRITE_WORDS:
            if is_allowed:
                return True
            conversation.prompter.error("Error: the policy forbids this app; edit an answer, or enter q")
        elif choice.lower() in _CANCEL_WORDS:
            raise KeyboardInterrupt
        elif choice == BACK_LINE:
            conversation.step_back()
            return False
        elif choice == HELP_LINE:
            conversation.prompter.say(prompt.explanation)
        else:
            conversation.prompter.error(f"Error: no answer is called {choice!r}. {prompt.help}")


def is_line_of(question_key: str) -> Callable[[str], bool]:
    """Return a function that returns whether a line's key belongs to the question."""
    return lambda key: key == question_key or key.startswith(f"{question_key}.")


def _prompt(interview: Interview, pages: Mapping[str, Page]) -> Prompt:
    answers = tuple(_choices(interview))
    names = [choice.text for choice in answers]
    shown = tuple(Choice(word, page.title) for word, page in pages.items() if word not in names)
    return Prompt(
        "Write the app? <ENTER> yes, the name of an answer edits it, q cancels",
        help=f"Answers: {', '.join(names)}.",
        choices=(*answers, *shown, Choice("q", "write nothing")),
        hint=", ".join([*(f"{choice.text}: {choice.meaning}" for choice in shown), "Down: the answers"]),
        unfold=False,
        words=(*_WRITE_WORDS, *_CANCEL_WORDS),
    )


def _choices(interview: Interview) -> Iterator[Choice]:
    """Yield everything that can be edited: each answer, and each parameter after its list."""
    lines = interview.conversation.lines
    for key in interview.open_keys:
        if key not in interview.asked:
            continue
        yield Choice(
            key, "add one" if key in _LISTS else lines.get(key, "") or _text(interview.asked.get(key))
        )
        for line_key, line in lines.items():
            if (
                line_key.startswith(f"{key}.")
                and line_key.endswith(".name")
                and line not in ("", REMOVE_LINE)
            ):
                name, _, declared = line.partition(":")
                yield Choice(name, declared or lines.get(line_key.removesuffix("name") + "class", ""))


def _text(answer: object) -> str:
    return answer if isinstance(answer, str) else ""


def _lines_to_edit(lines: dict[str, str], choice: str) -> list[str]:
    """Return the keys of the lines to ask for again; `inputs` continues after the last input."""
    if choice in _LISTS:
        return [key for key, line in lines.items() if key.startswith(f"{choice}.") and _ends_list(key, line)]
    named = [
        key.removesuffix("name")
        for key, line in lines.items()
        if choice not in ("", REMOVE_LINE) and key.endswith(".name") and line.partition(":")[0] == choice
    ]
    if named:
        return [key for key in lines if key.startswith(named[0])]
    return [key for key in lines if is_line_of(choice)(key)]


def _ends_list(key: str, line: str) -> bool:
    return key.endswith(".name") and not line
