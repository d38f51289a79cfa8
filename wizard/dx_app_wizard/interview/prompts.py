"""What the interview says: one prompt, and the words, help and examples of every question.

The words are those of the official wizard where it asks the same, so that scripts which wait for them work;
hints, help and choices hold none of these words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


_FEW_CHOICES = 20


@dataclass(frozen=True)
class Choice:
    """One of the answers to choose from, and a few words about it."""

    text: str
    meaning: str = ""


@dataclass(frozen=True)
class Prompt:
    """One line to read: its words, what an empty line means, what there is to choose, the help on `?`.

    A terminal shows `hint` below the field, and the choices at once unless `unfold` is False. With
    `erasable`, `-` stands for nothing where a former answer is the default. `belongs` is
    set where the official wizard asks nothing: a line of a script that it does not accept is meant for the
    next prompt.
    """

    words: str
    default: str | None = None
    help: str = ""
    choices: tuple[Choice, ...] = ()
    step: str = ""
    hint: str = ""
    unfold: bool = True
    erasable: bool = False
    belongs: Callable[[str], bool] | None = None

    @property
    def text(self) -> str:
        """The prompt as it is shown, without the step."""
        if not self.default:
            return f"{self.words}:"
        return f"{self.words.removesuffix(' [y/n]')} [{self.default}]:"

    @property
    def explanation(self) -> str:
        """What `?` shows: the help, and the choices where they are few."""
        if not 0 < len(self.choices) <= _FEW_CHOICES:
            return self.help
        width = max(len(choice.text) for choice in self.choices)
        lines = (f"  {choice.text:<{width}}  {choice.meaning}".rstrip() for choice in self.choices)
        return "\n".join([self.help, *lines])


@dataclass(frozen=True)
class Wording:
    """What is said of a question: the prompt's words, a hint with an example, help, and choices."""

    words: str
    hint: str
    help: str
    choices: tuple[Choice, ...] = ()


WORDINGS: dict[str, Wording] = {
    "name": Wording(
        "App Name",
        "letters, digits, '.', '_' and '-', such as count-reads",
        "The app's name and its folder's: letters, digits, '.', '_' and '-', such as count-reads.",
    ),
    "title": Wording(
        "Title",
        "the name for people, such as Count reads",
        "The app's name for people, such as Count reads. Any text of one line.",
    ),
    "summary": Wording(
        "Summary",
        "one phrase, such as Counts the reads of FASTQ files",
        "What the app does, in one phrase, such as Counts the reads of FASTQ files.",
    ),
    "version": Wording(
        "Version",
        "numbers as semver.org has them, such as 0.0.1",
        "The app's version, by the rules of https://semver.org, such as 0.0.1.",
    ),
    "timeout": Wording(
        "Timeout policy",
        "a number with m, h or d, such as 48h; at most 30d",
        "How long any one job of the app may run: a whole number with m (minutes), h (hours) or d (days),"
        " at most 30d, such as 48h.",
    ),
    "language": Wording(
        "Programming language",
        "python or bash",
        "What the app is written in: python or bash.",
        (Choice("Python", "Python 3 with dxpy"), Choice("bash", "bash with the dx tools")),
    ),
    "template": Wording(
        "Execution pattern",
        "how the work is spread over jobs",
        "How the work is spread over jobs. basic: one job. parallelized: main splits the work, process does a"
        " part of it, postprocess joins the parts. scatter-process-gather: the same, with the splitting and"
        " the starting of jobs in entry points of their own.",
        (
            Choice("basic", "one job"),
            Choice("parallelized", "process in parallel, then join"),
            Choice("scatter-process-gather", "the same, splits in a job, too"),
        ),
    ),
    "network": Wording(
        "Will this app need access to the Internet?",
        "y lets its jobs reach every host",
        "Answer y or n. With y, jobs may reach every host; narrow it down later in access.network.",
    ),
    "project_access": Wording(
        "Will this app need access to the parent project?",
        "y, n or a level; outputs get there without it",
        "Answer n, y (CONTRIBUTE) or a level: VIEW, UPLOAD, CONTRIBUTE, ADMINISTER. Outputs need none of it:"
        " they are copied into the project when the job is done.",
        (
            Choice("n", "none"),
            Choice("y", "CONTRIBUTE"),
            Choice("VIEW", "read"),
            Choice("UPLOAD", "read, and add objects"),
            Choice("CONTRIBUTE", "read, add and remove objects"),
            Choice("ADMINISTER", "everything"),
        ),
    ),
    "region": Wording(
        "Region",
        "where the app runs, such as aws:eu-west-2",
        "Where the app runs, such as aws:us-east-1 or aws:eu-west-2.",
    ),
    "instance_type": Wording(
        "Choose an instance type for your app",
        "type to filter, such as 16 cores; a region, such as aws:eu-west-2, changes the region",
        "What the app's jobs run on, such as mem1_ssd1_v2_x4. Type a region, such as aws:eu-west-2, to change"
        " the region first.",
    ),
    "ci_package": Wording(
        "Package that CI installs",
        "such as dx-app-wizard @ git+https://HOST/REPOSITORY@COMMIT",
        "The requirement from which CI installs dx-app-wizard: NAME @ URL, NAME==VERSION, or the URL of a"
        " wheel. This copy was not installed from a URL that could be used there.",
    ),
}


def matching(choices: Iterable[Choice], text: str) -> list[Choice]:
    """Return the choices that fit text, those that begin with it first.

    Text fits where it stands in a choice, or begins at a word of the choice's meaning.
    """
    wanted = " ".join(text.lower().split())
    found = [
        choice
        for choice in choices
        if wanted in choice.text.lower() or f" {wanted}" in f" {choice.meaning.lower()}"
    ]
    return sorted(found, key=lambda choice: not choice.text.lower().startswith(wanted))
