"""Find calls that use the network, by addresses and packages written literally in the source.

Anything computed, such as an address in a variable, is not found; the uses found are likely, not certain.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMENT = re.compile(r"(?<![^\s;])#.*$", re.MULTILINE)
_START = r"(?:^|[;&|(`!]|\b(?:do|then|else|if|while|until|time|sudo|exec)\b)[ \t]*"
_REST = r"[ \t](?P<rest>(?:\\\n|[^\n;|&])*)"
_FETCH = re.compile(rf"{_START}(?P<name>curl|wget|git clone){_REST}", re.MULTILINE)
_INSTALL = re.compile(rf"{_START}(?:python3? -m )?(?P<name>pip3? install){_REST}", re.MULTILINE)
_REMOTE = re.compile(
    r"(?:https?|ftp)://(?!localhost|127\.|0\.0\.0\.0)[A-Za-z0-9]|\bgit@[\w.-]+:", re.IGNORECASE
)
_ELSEWHERE_THAN_PYPI = re.compile(r"--no-index|--find-links|(?:^|\s)-[fec]\b|[/$]|\.whl\b")

_MODULES_THAT_FETCH = ("requests", "httpx", "urllib.request", "request")
_FUNCTIONS_THAT_FETCH = frozenset(
    {*("get", "post", "put", "patch", "head", "delete", "request"), *("urlopen", "urlretrieve", "Request")}
)
_BY_THEMSELVES = ("urlopen", "urlretrieve")
_CALLS_OF_PROGRAMS = ("run", "call", "check_call", "check_output", "Popen", "system", "getoutput")


class NetworkUse(NamedTuple):
    """A call that needs the network: the name of the command or function, and the line, from 1."""

    name: str
    line: int


def in_bash(text: str) -> list[NetworkUse]:
    """Return the commands that fetch from an address or install packages from PyPI."""
    text = _COMMENT.sub("", text)
    found = [match for match in _FETCH.finditer(text) if _REMOTE.search(match["rest"])]
    found += [match for match in _INSTALL.finditer(text) if not _ELSEWHERE_THAN_PYPI.search(match["rest"])]
    uses = [NetworkUse(match["name"], text.count("\n", 0, match.start("name")) + 1) for match in found]
    return sorted(uses, key=lambda use: use.line)


def in_python(tree: ast.AST) -> list[NetworkUse]:
    """Return the calls that fetch from an address, directly or through a program."""
    return [use for node in ast.walk(tree) if isinstance(node, ast.Call) for use in _uses(node)]


def _uses(call: ast.Call) -> Iterator[NetworkUse]:
    module, _, name = _dotted(call.func).rpartition(".")
    if name in _FUNCTIONS_THAT_FETCH and (module in _MODULES_THAT_FETCH or name in _BY_THEMSELVES):
        if any(_REMOTE.match(_text(argument)) for argument in call.args):
            yield NetworkUse(f"{module}.{name}".strip("."), call.lineno)
    elif name in _CALLS_OF_PROGRAMS and call.args:
        yield from (use._replace(line=call.lineno) for use in in_bash(_text(call.args[0])))


def _dotted(node: ast.expr) -> str:
    """Return a dotted name such as `urllib.request.urlopen`, without any part that is not a name."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr) -> str:
    """Return a string, or the words of a list, with `$` in place of computed parts."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "$" for part in node.values)
    if isinstance(node, (ast.List, ast.Tuple)):
        return " ".join(_text(element) or "$" for element in node.elts)
    return ""
