"""What the interview says: one prompt, and the words, help and examples of every question.

The words are those of the official wizard where it asks the same, so that scripts which wait for them work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.plan import LANGUAGES, PATTERNS

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Prompt:
    """One line to read: its words, what an empty line means, what can be completed, and the help on `?`.

    `belongs` is set where the official wizard asks nothing: a line of a script that it does not accept is
    meant for the next prompt.
    """

    words: str
    default: str | None = None
    help: str = ""
    choices: tuple[str, ...] = ()
    step: str = ""
    belongs: Callable[[str], bool] | None = None

    @property
    def text(self) -> str:
        """The prompt as it is shown, without the step."""
        return f"{self.words} [{self.default}]:" if self.default else f"{self.words}:"


@dataclass(frozen=True)
class Wording:
    """What is said of a question: the prompt's words, its help with an example, and completions."""

    words: str
    help: str
    choices: tuple[str, ...] = ()


WORDINGS: dict[str, Wording] = {
    "name": Wording(
        "App Name",
        "The app's name and its folder's: letters, digits, '.', '_' and '-', such as count-reads.",
    ),
    "title": Wording("Title", "The app's name for people, such as Count reads. Any text of one line."),
    "summary": Wording(
        "Summary", "What the app does, in one phrase, such as Counts the reads of FASTQ files."
    ),
    "version": Wording("Version", "The app's version, by the rules of https://semver.org, such as 0.0.1."),
    "timeout": Wording(
        "Timeout policy",
        "How long any one job of the app may run: a whole number with m (minutes), h (hours) or d (days),"
        " at most 30d, such as 48h.",
    ),
    "language": Wording(
        "Programming language", "What the app is written in: python or bash.", ("Python", *LANGUAGES[1:])
    ),
    "template": Wording(
        "Execution pattern",
        "How the work is spread over jobs. basic: one job. parallelized: main splits the work, process does a"
        " part of it, postprocess joins the parts. scatter-process-gather: the same, with the splitting and"
        " the starting of jobs in entry points of their own.",
        PATTERNS,
    ),
    "network": Wording(
        "Will this app need access to the Internet?",
        "Answer y or n. With y, jobs may reach every host; narrow it down later in access.network.",
    ),
    "project_access": Wording(
        "Will this app need access to the parent project?",
        "Answer n, y (CONTRIBUTE) or a level: VIEW, UPLOAD, CONTRIBUTE, ADMINISTER. Outputs need none of it:"
        " they are copied into the project when the job is done.",
        ("y", "n", "VIEW", "UPLOAD", "CONTRIBUTE", "ADMINISTER"),
    ),
    "region": Wording("Region", "Where the app runs, such as aws:us-east-1 or aws:eu-west-2."),
    "instance_type": Wording(
        "Choose an instance type for your app",
        "What the app's jobs run on, such as mem1_ssd1_v2_x4. Type a region, such as aws:eu-west-2, to change"
        " the region first.",
    ),
}
