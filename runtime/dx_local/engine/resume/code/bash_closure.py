"""The parts of a bash file on which an entry point depends.

A worker sources the whole file, then calls the function of the entry point. So everything outside of
functions always counts, and a function counts if a part that counts runs it or passes its name to a command.
Comments and layout do not count.
The name of an entry point in dx-jobutil-new-job does not count: it starts another job.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from dx_app_wizard.lint.source.bash_syntax import parse_bash
from dx_local.engine.resume.code.parts import part, whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dx_app_wizard.lint.source.bash_syntax import BashSyntax, Command
    from dx_local.engine.resume.code.parts import Closure

_TOP_LEVEL = "top-level code"
_WORD = re.compile(r"[A-Za-z_0-9][\w:.+@-]*")
_TAKES_NO_FUNCTION = frozenset(
    {"echo", "printf", "cat", "grep", "dx", "local", "export", "dx-jobutil-new-job", "dx-jobutil-add-output"}
)
"""Commands that call none of the functions whose names are among their arguments."""
_PASSED_ON = re.compile(r"\b(?:declare|typeset|export)[ \t]+-\w*[fF]\w*([^\n;|&)]*)")
"""Functions that are exported or printed; without a name, all of them are."""
_CALLED_BY_BASH = ("command_not_found_handle",)
"""Functions that bash calls although no command names them."""
_OWN_FILE = re.compile(r"(?<!\\)\$\{?0\b")
"""The path of the file itself."""
_EXPORTS_ALL = re.compile(r"-[a-zA-Z]*a[a-zA-Z]*|allexport")
"""Arguments of `set` by which all functions that are defined later are exported."""
_PATTERN = re.compile(r"[*?{\n]|\[.+\]")
"""Parts of a program's name that the shell replaces."""
_ENVIRONMENT = re.compile(r"(.*/)?environment")
"""The file ~/environment, which exists on every worker and defines no functions."""
_DEFINITION = re.compile(r"^[ \t]*(?:function[ \t]+)?([\w:.+@-]+)[ \t]*\(\)", re.MULTILINE)
_END = re.compile(r".*[})][ \t]*(#.*)?")


def bash_closure(code: str, function: str) -> Closure:
    """Return the parts of a bash file that can affect a job at an entry point."""
    file = _parsed(code)
    return whole_file(code) if file is None else file.closure(function)


@lru_cache(maxsize=64)
def _parsed(code: str) -> _File | None:
    """Return the parts of a file, None if it cannot be parsed."""
    syntax = parse_bash(code)
    return None if syntax is None else _File(code, syntax)


class _File:
    def __init__(self, code: str, syntax: BashSyntax) -> None:
        self._code = code
        self._lines = code.splitlines()
        self._syntax = syntax
        ranges = syntax.functions
        # A function in another one is a part of that.
        outer = {
            name: lines
            for name, lines in ranges.items()
            if not any(_is_inside(lines, other) for other in ranges.values())
        }
        self._names = {inner: name for name, lines in outer.items() for inner in self._inside(lines)}
        self._texts = {name: self._text(lines) for name, lines in outer.items()}
        in_functions = {number for lines in outer.values() for number in lines}
        top = [number for number in range(1, len(self._lines) + 1) if number not in in_functions]
        self._texts[""] = self._text(top)
        self._ranges = outer
        self._commands: defaultdict[str, list[Command]] = defaultdict(list)
        for command in syntax.commands:
            self._commands[self._part_of(command)].append(command)
        # Two functions of one name, or code that shares a line with a function, cannot be told apart.
        self._is_divisible = len(in_functions) == sum(map(len, outer.values())) and self._is_unambiguous()

    def closure(self, function: str) -> Closure:
        if function not in self._names or not self._is_divisible:
            return whole_file(self._code)
        reached: set[str] = set()
        pending = ["", self._names[function], *filter(self._names.get, _CALLED_BY_BASH)]
        while pending:
            name = pending.pop()
            if name not in reached:
                reached.add(name)
                pending += (self._names[word] for word in self._mentioned(name) if word in self._names)
        if any(map(self._is_dynamic, reached)):
            return whole_file(self._code)
        return frozenset(
            part(name or _TOP_LEVEL, self._texts[name], self._ranges[name].start if name else 1)
            for name in reached
        )

    def _mentioned(self, name: str) -> Iterator[str]:
        """Yield the words of a part that may be names of functions which it calls or passes on."""
        for command in self._commands[name]:
            yield from _mentioned(command)
        for passed_on in _PASSED_ON.findall(self._texts[name]):
            yield from _WORD.findall(passed_on)

    def _is_dynamic(self, name: str) -> bool:
        """Return whether a part can reach functions by computed names, or define more of them."""
        text = self._texts[name]
        is_computed = any("$" in passed or not passed.strip() for passed in _PASSED_ON.findall(text))
        return is_computed or "BASH_SOURCE" in text or any(map(_is_dynamic, self._commands[name]))

    def _is_unambiguous(self) -> bool:
        definitions = _DEFINITION.findall(self._code)
        return len(definitions) == len(set(definitions)) and all(
            self._lines[lines.start - 1].lstrip().startswith((name, "function"))
            and _END.fullmatch(self._lines[lines.stop - 2])
            for name, lines in self._ranges.items()
        )

    def _inside(self, lines: range) -> list[str]:
        functions = self._syntax.functions.items()
        return [name for name, inner in functions if inner == lines or _is_inside(inner, lines)]

    def _part_of(self, command: Command) -> str:
        return next((name for name, lines in self._ranges.items() if command.line in lines), "")

    def _text(self, numbers: Iterable[int]) -> str:
        """Return lines without comments and layout, as far as that is certain."""
        return "\n".join(self._normal(number) for number in numbers if not self._is_empty(number))

    def _is_empty(self, number: int) -> bool:
        line = self._lines[number - 1].strip()
        continues = number > 1 and self._lines[number - 2].endswith("\\")
        is_comment = line.startswith("#") and not line.startswith("#!")
        return (not line or is_comment) and not continues and not self._is_verbatim(number)

    def _normal(self, number: int) -> str:
        line = self._lines[number - 1]
        stripped = line.rstrip()
        return line if self._is_verbatim(number) or stripped.endswith("\\") else stripped

    def _is_verbatim(self, number: int) -> bool:
        """Return whether a line begins or ends inside a string or here-document."""
        return number in self._syntax.verbatim or number - 1 in self._syntax.verbatim


def _mentioned(command: Command) -> Iterator[str]:
    """Yield the words of a command that may be names of functions which it calls."""
    words = command.words[:1] if command.program in _TAKES_NO_FUNCTION else command.words
    for word in words:
        yield word.text
        yield from _WORD.findall(word.text)


def _is_dynamic(command: Command) -> bool:
    """Return whether a command can reach functions by computed names, define more, or read the file."""
    program, arguments = command.program, command.arguments
    if any(_OWN_FILE.search(word.text) for word in command.words if not word.literal):
        return True
    if program in ("source", "."):
        return not arguments or not _ENVIRONMENT.fullmatch(arguments[0].text)
    if program in ("bash", "sh", "trap"):
        return any(word.text.startswith("$") and not word.literal for word in arguments[:3])
    if program == "set":
        return any(_EXPORTS_ALL.fullmatch(word.text) for word in arguments)
    return program in (None, "eval", "compgen") or bool(_PATTERN.search(program or ""))


def _is_inside(inner: range, outer: range) -> bool:
    return inner != outer and inner.start >= outer.start and inner.stop <= outer.stop
