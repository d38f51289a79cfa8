"""Words of Dockerfile instructions: quotes, and variables in them.

Source: https://docs.docker.com/reference/dockerfile/#environment-replacement
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD = re.compile(r"""(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'\\])+""", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^}]*))?\})")
_PART = re.compile(
    r"""\\(?P<escaped>.)|'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<plain>[^\\'"]+|.)""", re.DOTALL
)


def split(text: str) -> list[str]:
    """Return the words of a text, with their quotes."""
    return _WORD.findall(text)


def expanded(word: str, variables: Mapping[str, str]) -> str:
    """Return a word without quotes, and with the values of variables outside of single quotes."""
    done = []
    for part in _PART.finditer(word):
        if part["escaped"] is not None:
            done.append(part["escaped"] if part["escaped"] in "$\\'\" " else part[0])
        elif part["single"] is not None:
            done.append(part["single"])
        elif part["double"] is not None:
            inner = re.split(r"(\\[$\\\"])", part["double"])
            done += [
                text[1] if text.startswith("\\") and len(text) == 2 else _filled(text, variables)
                for text in inner
            ]
        else:
            done.append(_filled(part["plain"], variables))
    return "".join(done)


def _filled(text: str, variables: Mapping[str, str]) -> str:
    def value_of(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        operator, other = match[3] or "", match[4] or ""
        value = variables.get(name)
        is_set = value is not None and (value != "" or not operator.startswith(":"))
        if operator.endswith("+"):
            return other if is_set else ""
        return value if is_set and value is not None else other

    return _VARIABLE.sub(value_of, text)


def pairs(text: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the pairs of `NAME=VALUE …` or, in the old form, of `NAME VALUE`. Raises DockerError."""
    words = split(text)
    if words and "=" not in words[0]:
        name, _, value = text.strip().partition(" ")
        if not value.strip():
            raise DockerError(f"{name} has no value")
        return {name: expanded(value.strip(), variables)}
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise DockerError(f"{word!r} is not of the form NAME=VALUE")
        found[expanded(name, variables)] = expanded(value, variables)
    return found
