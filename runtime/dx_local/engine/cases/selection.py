"""Select test cases by name, and by an expression of words: `-k "sample and not gz"`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import PurePath
from typing import TYPE_CHECKING

from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.engine.cases.case_files import Case

_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")


def select(cases: Sequence[Case], names: Sequence[str], expression: str | None) -> list[Case]:
    """Return the cases with one of the names, or all, that match the expression, if there is one.

    A name may be a pattern (`gz-*`) or the path of the file. Raises UsageError if a name or the expression
    selects nothing.
    """
    found = [case for case in cases if not names or any(_has_name(case, name) for name in names)]
    for name in names:
        if not any(_has_name(case, name) for case in cases):
            known = [case.name for case in cases]
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"The app has {', '.join(known)}."
            raise UsageError(f"there is no test case {name!r}", hint)
    if expression is None:
        return found
    matching = [case for case in found if matches(expression, case.name)]
    if not matching:
        raise UsageError(f"no test case matches -k {expression!r}")
    return matching


def matches(expression: str, name: str) -> bool:
    """Return whether a name contains the words of an expression, combined by and, or, not and parentheses.

    Upper and lower case are the same. Raises UsageError if the expression is invalid.
    """
    reader = _Reader(_TOKEN.findall(expression), name.lower())
    try:
        result = reader.alternatives()
        reader.expect_end()
    except (_SyntaxError, RecursionError):
        raise UsageError(
            f"-k {expression!r} is not an expression", 'Write words with and, or and not: "a and not b".'
        ) from None
    return result


class _SyntaxError(Exception):
    """A word, an operator or a parenthesis is missing or misplaced."""


def _has_name(case: Case, name: str) -> bool:
    wanted = PurePath(name).stem if name.endswith(".json") else name
    return case.name == wanted or fnmatchcase(case.name, wanted)


class _Reader:
    """Evaluate the tokens of an expression from left to right. Raises _SyntaxError."""

    def __init__(self, tokens: list[str], name: str) -> None:
        self._tokens = tokens
        self._name = name

    def alternatives(self) -> bool:
        result = self._conditions()
        while self._next_is("or"):
            result = self._conditions() or result
        return result

    def expect_end(self) -> None:
        if self._tokens:
            raise _SyntaxError

    def _conditions(self) -> bool:
        result = self._condition()
        while self._next_is("and"):
            result = self._condition() and result
        return result

    def _condition(self) -> bool:
        if self._next_is("not"):
            return not self._condition()
        if self._next_is("("):
            result = self.alternatives()
            if not self._next_is(")"):
                raise _SyntaxError
            return result
        if not self._tokens or self._tokens[0] in ("and", "or", ")"):
            raise _SyntaxError
        return self._tokens.pop(0).lower() in self._name

    def _next_is(self, token: str) -> bool:
        if self._tokens[:1] == [token]:
            del self._tokens[0]
            return True
        return False
