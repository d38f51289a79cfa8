"""The text of every question: for the interview, `--help`, the reference and the schema of answers files.

Prompts are those of the official wizard for the questions that it asks too: scripts wait for them. For the
same reason, no other text here may contain the text of a prompt.

`--help` imports this module, so it must load quickly.
"""

from __future__ import annotations

from typing import NamedTuple

from dx_app_wizard.answers.choices import (
    CI_SERVICES,
    DEFAULT_PATTERN,
    LANGUAGES,
    PATTERN_SKETCH,
    PATTERN_TEXTS,
    PATTERNS,
    Choice,
    one_of,
)


class QuestionText(NamedTuple):
    """The text of one question.

    `about` names the answer, in one sentence; `form` describes valid answers, `default` the answer that is
    used if there is no other, and `example` is a valid answer. `option` replaces `about` and `form` in
    `--help`, `hint` replaces `form` in the interview, and `details` are further sentences for its help.
    `introduction` is printed before a person is asked.
    `missing` replaces the usual message about a required answer that is missing.
    """

    about: str
    form: str = ""
    default: str = ""
    example: str = ""
    prompt: str = ""
    option: str = ""
    hint: str = ""
    details: str = ""
    introduction: str = ""
    missing: str = ""
    choices: tuple[Choice, ...] = ()

    @property
    def description(self) -> str:
        """The description in the reference and in the schema of answers files."""
        default = f" By default, {self.default}." if self.default else ""
        return _sentence(self.about, self.form) + default

    @property
    def option_help(self) -> str:
        """The help of the option on the command line."""
        default = f" [{self.default}]" if self.default else ""
        return (self.option or _sentence(self.about, self.form)) + default

    @property
    def prompt_hint(self) -> str:
        """The hint below the prompt."""
        example = f"such as {self.example}" if self.example else ""
        return ", ".join(filter(None, (self.hint or self.form, example)))

    def prompt_help(self, hint: str) -> str:
        """Return the help that `?` prints for a prompt with this hint."""
        return " ".join(filter(None, (self.about, f"Enter {hint}.", self.details)))

    @property
    def expected(self) -> str:
        """The answer that a message about its absence asks for."""
        return self.missing or self.form


def _sentence(about: str, form: str) -> str:
    return f"{about.removesuffix('.')}: {form}." if form else about


TEXTS: dict[str, QuestionText] = {
    "name": QuestionText(
        "Name of the app and of its folder.",
        "letters, digits, '.', '_' and '-'",
        example="count-reads",
        prompt="App Name",
        missing="the app's name, such as count-reads",
    ),
    "title": QuestionText(
        "Human-readable title of the app.",
        default="NAME made readable",
        example="Count reads",
        prompt="Title",
        hint="any text of one line",
    ),
    "summary": QuestionText(
        "One-phrase summary of the app.",
        default="the title",
        example="Counts the reads of FASTQ files",
        prompt="Summary",
        hint="one phrase",
    ),
    "version": QuestionText(
        "Semantic version of the app.",
        default="0.0.1",
        example="1.0.0",
        prompt="Version",
        hint="three numbers",
        details="The format is that of https://semver.org.",
    ),
    "inputs": QuestionText("Inputs of the app.", option="Add an input; repeatable."),
    "outputs": QuestionText("Outputs of the app.", option="Add an output; repeatable."),
    "timeout": QuestionText(
        "Time limit of a job.",
        "days, hours or minutes, at most 30 days",
        default="48h",
        example="48h",
        prompt="Timeout policy",
        option="Time limit of a job: 30d, 48h, 90m.",
        hint="a whole number with m, h or d, at most 30d",
    ),
    "language": QuestionText(
        "Language of the source.",
        one_of(LANGUAGES),
        prompt="Programming language",
        choices=(Choice("Python", "Python 3 with dxpy"), Choice("bash", "bash with the dx tools")),
    ),
    "template": QuestionText(
        "Division of the work into jobs.",
        one_of(PATTERNS),
        default=DEFAULT_PATTERN,
        prompt="Execution pattern",
        introduction=PATTERN_SKETCH,
        choices=tuple(Choice(pattern, text) for pattern, text in PATTERN_TEXTS.items()),
    ),
    "scatter": QuestionText(
        "Share of the work that each process job gets, in a parallel pattern.",
        "INPUT, INPUT+PARTNER, or INPUT:KIND with the kind pairs, region, lines=N or records=N",
        default="a file of an array, or lines of a text file",
        example="bams+bais",
        prompt="What does each process job get?",
        option=(
            "Share of each process job: reads, reads:pairs, bams+bais, bam:region, reads:lines=N,"
            " reads:records=N; implies a parallel pattern."
        ),
        hint="one of these, or your own, such as reads:lines=4000",
        details="Partners are joined by position, and an index by name; a missing index is made.",
    ),
    "network": QuestionText(
        "Internet access for jobs.",
        "true, false or an array of hosts",
        default="no",
        prompt="Will this app need access to the Internet?",
        option="Give jobs Internet access.",
        hint="y for every host, or n",
        details="To allow only some hosts, edit access.network in dxapp.json later.",
    ),
    "project_access": QuestionText(
        "Access to the parent project.",
        "VIEW, UPLOAD, CONTRIBUTE or ADMINISTER",
        default="none",
        prompt="Will this app need access to the parent project?",
        hint="n, y or a level; outputs need none",
        choices=(
            Choice("n", "none"),
            Choice("y", "CONTRIBUTE"),
            Choice("VIEW", "read"),
            Choice("UPLOAD", "read, and add objects"),
            Choice("CONTRIBUTE", "read, add and remove objects"),
            Choice("ADMINISTER", "everything"),
        ),
    ),
    "region": QuestionText(
        "Region that the app runs in.",
        default="aws:us-east-1",
        example="aws:eu-west-2",
        prompt="Region",
        option="Region that the app runs in.",
        hint="a place (sydney) or a region",
        details="Inputs must be in the same region; type to filter, or press Down for all regions.",
    ),
    "instance_type": QuestionText(
        "Instance type of the workers.",
        default="four cores, by region",
        prompt="Choose an instance type for your app",
        hint="an instance type, or text to filter by, such as 16 cores",
    ),
    "ci": QuestionText("CI and pre-commit files to add.", one_of(CI_SERVICES), default="none"),
    "ci_package": QuestionText(
        "Pinned requirement from which CI installs dx-app-wizard.",
        "NAME @ URL, NAME==VERSION, or the URL of a wheel",
        default="the URL this copy came from",
        example="dx-app-wizard @ git+https://HOST/REPOSITORY@COMMIT",
        prompt="Package that CI installs",
        option="Pinned requirement from which CI installs dx-app-wizard.",
        details="This copy was not installed from a URL that CI could use.",
        missing=(
            "the requirement from which CI installs dx-app-wizard, as this copy was not installed from a git"
            " or archive URL"
        ),
    ),
    "command": QuestionText(
        "Shell command that the app runs, with holes such as {reads} and {>table}.",
        option="Shell command that the app runs; {NAME} is an input, {>NAME} an output.",
        example="sort {table:file:*.tsv} > {>sorted:file:*.tsv}",
    ),
    "packages": QuestionText(
        "Packages that the app needs, as execDepends.",
        "names in the worker's release, or pip:NAME",
        default="those of the command's programs",
        option="Package for execDepends, or pip:NAME; repeatable.",
    ),
}
"""The texts, by the questions' keys."""
