"""Options of docker's commands: long and short ones, flags and values, as docker parses them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dx_local.worker.containers.errors import DockerError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TRUE, _FALSE = ("true", "1", "t", "True", "TRUE", "T"), ("false", "0", "f", "False", "FALSE", "F")


class OptionTable(NamedTuple):
    """The options of one command, by the forms that the user may write, without dashes."""

    flags: dict[str, str]
    """Options without value, and the name for each."""
    values: dict[str, str]
    """Options with a value, and the name for each."""
    may_follow: bool = True
    """True if options may follow other words; False if the words after the first belong to a program."""


class Parsed(NamedTuple):
    """The options and the other words of a command line."""

    flags: frozenset[str]
    values: dict[str, list[str]]
    words: list[str]

    def last(self, name: str, default: str = "") -> str:
        """Return the last value of an option."""
        return (self.values.get(name) or [default])[-1]

    def all(self, name: str) -> list[str]:
        """Return all values of an option."""
        return self.values.get(name, [])


def table(flags: str, values: str = "", *, may_follow: bool = True) -> OptionTable:
    """Return the options that two texts list; the last form of each, as in `i,interactive`, is its name."""

    def named(text: str) -> dict[str, str]:
        return {form: forms.split(",")[-1] for forms in text.split() for form in forms.split(",")}

    return OptionTable(named(flags), named(values), may_follow)


def parse(words: Sequence[str], options: OptionTable) -> Parsed:
    """Return the options and other words. Raises DockerError for an unknown option."""
    flags: dict[str, bool] = {}
    values: dict[str, list[str]] = {}
    others: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            others += rest
            break
        if not word.startswith("-") or word == "-":
            others.append(word)
            if not options.may_follow:
                others += rest
                break
        elif word.startswith("--"):
            _parse_long(word, rest, options, flags, values)
        else:
            _parse_short(word, rest, options, flags, values)
    return Parsed(frozenset(name for name, is_set in flags.items() if is_set), values, others)


def _parse_long(
    word: str, rest: list[str], options: OptionTable, flags: dict[str, bool], values: dict[str, list[str]]
) -> None:
    form, equals, value = word[2:].partition("=")
    if form in options.flags:
        if value not in ("", *_TRUE, *_FALSE):
            raise DockerError(f"invalid value {value!r} for --{form}")
        flags[options.flags[form]] = value not in _FALSE
    elif form in options.values:
        values.setdefault(options.values[form], []).append(value if equals else _next(rest, word))
    else:
        raise DockerError(f"unknown flag: --{form}")


def _parse_short(
    word: str, rest: list[str], options: OptionTable, flags: dict[str, bool], values: dict[str, list[str]]
) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        if letter in options.flags:
            flags[options.flags[letter]] = True
        elif letter in options.values:
            value = letters[letters.startswith("=") :]
            values.setdefault(options.values[letter], []).append(value or _next(rest, f"-{letter}"))
            return
        else:
            raise DockerError(f"unknown shorthand flag: {letter!r} in {word}")


def _next(rest: list[str], form: str) -> str:
    if not rest:
        raise DockerError(f"flag needs an argument: {form}")
    return rest.pop(0)
