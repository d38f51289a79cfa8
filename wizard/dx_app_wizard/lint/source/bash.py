"""The source of a bash app: its functions, the jobs that it starts, and the outputs that it adds.

Most of this is matched in the text rather than parsed, so the results are likely, not certain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from dx_app_wizard.lint.source.bash_syntax import BashSyntax, parse_bash

_FUNCTION = re.compile(
    r"^[ \t]*(?:function[ \t]+)?([A-Za-z_][\w-]*)[ \t]*\(\)|^[ \t]*function[ \t]+([\w-]+)", re.MULTILINE
)
_GAP = r"(?:[ \t]|\\\n)+"
_WORD = r"""["']?([A-Za-z_]\w*)["']?(?![\w$/{.:=-])"""
_NEW_JOB = re.compile(rf"dx-jobutil-new-job{_GAP}{_WORD}")
_ADD_OUTPUT = re.compile(
    rf"dx-jobutil-add-output{_GAP}(?:(?:--class(?:=|{_GAP})\w+|--array){_GAP})*(?:{_WORD})?"
)
_INPUT_OF_JOB = re.compile(r"(?<![\w-])-i(?:[ \t]+|=)?[\"']?([A-Za-z_]\w*)(?::[a-z:]+)?=")
ENVIRONMENT = r"[\"']?(?:[~\w${}./-]*/)?environment\b"
"""The file ~/environment, which exists on every worker and defines no functions."""
_OTHER_FILES = re.compile(rf"(?:^|[;&|])[ \t]*(?:source|\.)[ \t]+(?!{ENVIRONMENT})", re.MULTILINE)
_OTHER_WAYS = re.compile(r"job_output\.json|jobutil-add-output[^\n]*\bxargs\b|\beval\b")
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_STARTED_JOB = re.compile(r"=\(?[ \t]*[\"']?(?:\$\(|`)[ \t]*dx-jobutil-new-job\b([^)`]*)")
_ASSIGNED = re.compile(
    r"(?<![\w$.-])(?P<variable>\w+)(?P<append>\+?)(?==)"
    r"|\bfor[ \t]+(?P<loop>\w+)[ \t]+in\b[ \t]*(?P<values>[^\n;]*)"
    r"|\bread\b[^\n;]*"
)
_ELEMENTS = re.compile(r"[\"']?\$\{(\w+)\[@\]\}[\"']?")
_REFERENCE = re.compile(r"\$\{?(\w+)(?:\[[^\]]*\])?\}?[\"']?:([A-Za-z_]\w*)")
_OUTPUT_FOLDER = re.compile(r"\bout/[\"']?([A-Za-z_]\w*)")
_OTHER_FOLDERS = re.compile(r"\bout/[\"']?[$*`{]|(?<![\w.-])out/?(?![\w./-])")


@dataclass(frozen=True)
class Mention:
    """A name in the source, and its line, from 1."""

    name: str
    line: int


@dataclass(frozen=True)
class OutputReference:
    """A reference to an output of a subjob: the function of the job, the field, and the line."""

    target: str
    field: str
    line: int


class BashSource:
    """The text of a source file, without the comments that have a line of their own."""

    def __init__(self, text: str) -> None:
        self._text = _COMMENT.sub("", text)

    @cached_property
    def syntax(self) -> BashSyntax | None:
        """The parsed source, None if it cannot be parsed."""
        return parse_bash(self._text)

    @cached_property
    def functions(self) -> list[str]:
        """The names of the functions, in the order of their definition."""
        return [match[1] or match[2] for match in _FUNCTION.finditer(self._text)]

    @cached_property
    def job_starts(self) -> list[Mention]:
        """The entry points in calls of dx-jobutil-new-job, if written literally."""
        return self._mentions(_NEW_JOB)

    @cached_property
    def inputs_of_jobs(self) -> frozenset[str]:
        """The names of inputs that jobs are started with: `-iNAME=`, `-i NAME:CLASS=`."""
        return frozenset(_INPUT_OF_JOB.findall(self._text))

    @cached_property
    def outputs(self) -> list[Mention]:
        """The outputs in calls of dx-jobutil-add-output, if written literally, in any function."""
        return self._mentions(_ADD_OUTPUT)

    @cached_property
    def outputs_of_main(self) -> list[Mention]:
        """The outputs that the body of main itself adds."""
        first, last = self._lines_of("main")
        return [output for output in self.outputs if first <= output.line <= last]

    @cached_property
    def uploads_all_outputs(self) -> bool:
        """True if the files in out/ are uploaded as outputs."""
        return "dx-upload-all-outputs" in self._text

    @cached_property
    def output_folders(self) -> frozenset[str] | None:
        """The folders of out/ that are written literally; None if there may be others."""
        if _OTHER_FOLDERS.search(self._text) or not self.outputs_are_known:
            return None
        return frozenset(_OUTPUT_FOLDER.findall(self._text)) or None

    @cached_property
    def output_references(self) -> list[OutputReference]:
        """References to outputs of jobs whose function is known: `"$job:field"`."""
        jobs: dict[str, str | None] = {}
        found = []
        events = [*_ASSIGNED.finditer(self._text), *_REFERENCE.finditer(self._text)]
        for event in sorted(events, key=self._effect):
            if event.re is _ASSIGNED:
                self._follow_assignment(event, jobs)
            elif target := jobs.get(event[1]):
                found.append(OutputReference(target, event[2], self._line(event.start())))
        return found

    def outputs_of_job(self, function: str) -> frozenset[str] | None:
        """Return the outputs that a job of a function may add; None if they cannot be determined."""
        ranges = self.syntax.functions if self.syntax else {}
        if function not in ranges or not self.outputs_are_known or self.uploads_all_outputs:
            return None
        others = {start.name for start in self.job_starts} | {"main"}
        elsewhere = [lines for name, lines in ranges.items() if name in others and name != function]
        return frozenset(
            output.name for output in self.outputs if not any(output.line in lines for lines in elsewhere)
        )

    def _effect(self, event: re.Match[str]) -> int:
        """Return the offset at which an event takes effect: of a new job, after references in its input."""
        started = _STARTED_JOB.match(self._text, event.end()) if event.re is _ASSIGNED else None
        return started.end() if started else event.start()

    def _follow_assignment(self, event: re.Match[str], jobs: dict[str, str | None]) -> None:
        """Record in jobs, by variable, the function of the assigned job, or None for any other value."""
        if event["loop"]:
            elements = _ELEMENTS.fullmatch(event["values"].strip())
            jobs[event["loop"]] = jobs.get(elements[1]) if elements else None
        elif event["variable"]:
            name = event["variable"]
            target = self._started_at(event.end())
            if event["append"] and jobs.get(name, target) != target:
                target = None
            jobs.pop(name, None)
            if not self._text.startswith("=()", event.end()):
                jobs[name] = target
        else:
            jobs.update(dict.fromkeys(event[0].split()))

    def _started_at(self, offset: int) -> str | None:
        """Return the function of the job that an assignment, with its `=` at offset, starts."""
        match = _STARTED_JOB.match(self._text, offset)
        words = re.findall(r"[^\s\\\"']+", match[1]) if match else []
        named = [word for word in words if word in self.functions]
        return named[0] if len(named) == 1 else None

    @cached_property
    def is_whole(self) -> bool:
        """True if no other file is sourced, as that could define anything."""
        return not _OTHER_FILES.search(self._text)

    @cached_property
    def outputs_are_known(self) -> bool:
        """True if the names of all added outputs are written literally."""
        dynamic = any(match[1] is None for match in _ADD_OUTPUT.finditer(self._text))
        return self.is_whole and not dynamic and not _OTHER_WAYS.search(self._text)

    def _mentions(self, pattern: re.Pattern[str]) -> list[Mention]:
        return [
            Mention(match[1], self._line(match.start()))
            for match in pattern.finditer(self._text)
            if match[1] is not None
        ]

    def _lines_of(self, function: str) -> tuple[int, int]:
        """Return the first and last line of a function; an empty range (1, 0) if it does not exist."""
        if self.syntax and function in self.syntax.functions:
            lines = self.syntax.functions[function]
            return lines.start, lines.stop - 1
        for match in _FUNCTION.finditer(self._text):
            if (match[1] or match[2]) == function:
                end = re.compile(r"^[ \t]*\}", re.MULTILINE).search(self._text, match.end())
                return self._line(match.start(1)), self._line(end.start() if end else len(self._text))
        return 1, 0

    def _line(self, offset: int) -> int:
        return self._text.count("\n", 0, offset) + 1
