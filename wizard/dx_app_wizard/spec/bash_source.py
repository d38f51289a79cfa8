"""What a bash app says in its source: functions, jobs that it starts, outputs that it adds.

Bash is not parsed here, its lines are matched; so whoever asks must take an answer as likely, not as certain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

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
_OTHER_FILES = re.compile(r"(?:^|[;&|])[ \t]*(?:source|\.)[ \t]", re.MULTILINE)
_OTHER_WAYS = re.compile(r"job_output\.json|jobutil-add-output[^\n]*\bxargs\b|\beval\b")
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)


@dataclass(frozen=True)
class Mention:
    """A name that the source mentions, and the line, from 1."""

    name: str
    line: int


class BashSource:
    """The text of a source file; comments that fill their line are left out of account."""

    def __init__(self, text: str) -> None:
        self._text = _COMMENT.sub("", text)

    @cached_property
    def functions(self) -> list[str]:
        """The names of the functions, in the order of their definition."""
        return [match[1] or match[2] for match in _FUNCTION.finditer(self._text)]

    @cached_property
    def job_starts(self) -> list[Mention]:
        """The entry points that dx-jobutil-new-job names literally."""
        return self._mentions(_NEW_JOB)

    @cached_property
    def inputs_of_jobs(self) -> frozenset[str]:
        """The names of inputs that jobs are started with: `-iNAME=`, `-i NAME:CLASS=`."""
        return frozenset(_INPUT_OF_JOB.findall(self._text))

    @cached_property
    def outputs(self) -> list[Mention]:
        """The outputs that dx-jobutil-add-output names literally, in any function."""
        return self._mentions(_ADD_OUTPUT)

    @cached_property
    def outputs_of_main(self) -> list[Mention]:
        """Those of them that the body of main itself adds."""
        first, last = self._lines_of("main")
        return [output for output in self.outputs if first <= output.line <= last]

    @cached_property
    def uploads_all_outputs(self) -> bool:
        """Whether the files in out/ are uploaded as outputs, whatever their names."""
        return "dx-upload-all-outputs" in self._text

    @cached_property
    def is_whole(self) -> bool:
        """Whether no other file is sourced, which could define or do anything."""
        return not _OTHER_FILES.search(self._text)

    @cached_property
    def outputs_are_known(self) -> bool:
        """Whether every output that is added is named literally."""
        dynamic = any(match[1] is None for match in _ADD_OUTPUT.finditer(self._text))
        return self.is_whole and not dynamic and not _OTHER_WAYS.search(self._text)

    def _mentions(self, pattern: re.Pattern[str]) -> list[Mention]:
        return [
            Mention(match[1], self._line(match.start()))
            for match in pattern.finditer(self._text)
            if match[1] is not None
        ]

    def _lines_of(self, function: str) -> tuple[int, int]:
        """Return the first and last line of a function; an impossible range where there is none."""
        for match in _FUNCTION.finditer(self._text):
            if (match[1] or match[2]) == function:
                end = re.compile(r"^[ \t]*\}", re.MULTILINE).search(self._text, match.end())
                return self._line(match.start(1)), self._line(end.start() if end else len(self._text))
        return 1, 0

    def _line(self, offset: int) -> int:
        return self._text.count("\n", 0, offset) + 1
