"""Parse bash source into the commands that it runs, including those run by sudo, xargs and the like.

The grammar is that of tree-sitter, which covers pipes, substitutions, here-documents and quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Parser

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
"""Characters that crash the grammar's scanner, which looks them up in tables for ASCII."""
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")


class Word(NamedTuple):
    """A word of a command without quotes; `literal` is false if the shell expands any part."""

    text: str
    literal: bool = True


@dataclass(frozen=True)
class Command:
    """A command: its words, the first of which is the program, and its place, from 1."""

    words: tuple[Word, ...]
    line: int
    column: int

    @property
    def program(self) -> str | None:
        """The name of the program, None if the shell expands it."""
        return self.words[0].text if self.words[0].literal else None

    @property
    def arguments(self) -> tuple[Word, ...]:
        """The words after the program."""
        return self.words[1:]

    @property
    def operands(self) -> tuple[Word, ...]:
        """The arguments that are not options."""
        return tuple(word for word in self.arguments if not word.text.startswith("-"))


@dataclass(frozen=True)
class BashSyntax:
    """Commands in document order, functions with their lines, assigned variables, targets of redirects.

    `verbatim` has the lines that are, or end, inside a string or here-document, and so count as they are.
    """

    commands: tuple[Command, ...]
    functions: dict[str, range]
    variables: frozenset[str]
    redirects: tuple[Word, ...]
    verbatim: frozenset[int] = frozenset()


def parse_bash(text: str) -> BashSyntax | None:
    """Parse bash source, with `_` for characters beyond ASCII; return None at any syntax error."""
    root = _parser().parse(_BEYOND_ASCII.sub("_", text).encode()).root_node
    if root.has_error:
        return None
    commands: list[Command] = []
    functions: dict[str, range] = {}
    variables, redirects = set(), []
    verbatim: set[int] = set()
    for node in _nodes(root):
        if node.type == "command":
            commands += _commands(node)
        elif node.type == "function_definition" and (name := node.child_by_field_name("name")):
            functions[_source(name)] = range(node.start_point.row + 1, node.end_point.row + 2)
        elif node.type == "variable_assignment" and (name := node.child_by_field_name("name")):
            variables.add(_source(name))
        elif node.type == "file_redirect" and (target := node.child_by_field_name("destination")):
            redirects.append(_word(target))
        elif node.type in _VERBATIM and node.end_point.row > node.start_point.row:
            verbatim.update(range(node.start_point.row + 1, node.end_point.row + 1))
    return BashSyntax(tuple(commands), functions, frozenset(variables), tuple(redirects), frozenset(verbatim))


_VERBATIM = ("string", "raw_string", "ansi_c_string", "heredoc_body")


@cache
def _parser() -> Parser:
    """Return the parser. The import is deferred because loading the grammar takes 20 ms."""
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def _nodes(root: Node) -> Iterator[Node]:
    """Yield the nodes of a tree in document order, without recursion, as trees may be deep."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(node.named_children)


def _commands(node: Node) -> Iterator[Command]:
    """Yield the command of a node, and the commands that it wraps."""
    parts = [child for child in node.named_children if child.type not in _NO_WORDS]
    words = tuple(_word(part) for part in parts)
    if words:
        start = node.start_point
        for run in _runs(words):
            yield Command(run, start.row + 1, start.column + 1)


_NO_WORDS = ("variable_assignment", "file_redirect", "heredoc_redirect", "herestring_redirect", "comment")


def _word(node: Node) -> Word:
    if node.type == "command_name" and node.named_children:
        node = node.named_children[0]
    text = _source(node)
    if node.type in ("word", "number"):
        return Word(re.sub(r"\\(.)", r"\1", text))
    if node.type == "raw_string":
        return Word(text[1:-1])
    if node.type == "string":
        return Word(text[1:-1], all(child.type == "string_content" for child in node.named_children))
    if node.type == "concatenation":
        parts = [_word(child) for child in node.children]
        return Word("".join(part.text for part in parts), all(part.literal for part in parts))
    return Word(text, node.type not in _COMPUTED and not node.named_children)


_COMPUTED = ("simple_expansion", "expansion", "command_substitution", "process_substitution", "ansi_c_string")


def _source(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


class _Wrapper(NamedTuple):
    """A program that runs another: its options that take a value, and its number of own operands."""

    options: str = ""
    operands: int = 0


_WRAPPERS = {
    "builtin": _Wrapper(),
    "chronic": _Wrapper(),
    "command": _Wrapper(),
    "coproc": _Wrapper(),
    "env": _Wrapper("-u --unset -C --chdir -S"),
    "exec": _Wrapper("-a"),
    "flock": _Wrapper("-w --timeout -E", 1),
    "ionice": _Wrapper("-c -n --class --classdata"),
    "nice": _Wrapper("-n --adjustment"),
    "nohup": _Wrapper(),
    "numactl": _Wrapper("-N -m -C -i -p"),
    "parallel": _Wrapper(
        "-j --jobs -P --max-procs -n -N --max-args -L --max-lines -I --replace -a --arg-file -C --colsep -d"
        " --delimiter --delay --eta-interval --env --halt --halt-on-error --joblog --load --memfree --results"
        " --retries -S --sshlogin --tagstring --timeout --tmpdir --workdir --wd --block --recstart --recend"
    ),
    "setsid": _Wrapper(),
    "stdbuf": _Wrapper("-i -o -e"),
    "strace": _Wrapper("-o -e -s -p -u -E"),
    "sudo": _Wrapper("-u --user -g --group -C -h -p -r -t -D -R"),
    "taskset": _Wrapper("", 1),
    "time": _Wrapper("-f --format -o --output"),
    "timeout": _Wrapper("-k --kill-after -s --signal", 1),
    "unbuffer": _Wrapper(),
    "xargs": _Wrapper("-n --max-args -P --max-procs -I -L --max-lines -d --delimiter -a --arg-file -s -E"),
}
_LOOKS_UP = ("-v", "-V")
_EXECUTES = ("-exec", "-execdir", "-ok", "-okdir")


def _runs(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """Yield a command, and the commands that it wraps, at any depth."""
    pending = [words]
    while pending:
        words = pending.pop()
        yield words
        pending += (inner for inner in _inner(words) if inner and not inner[0].text.startswith(":::"))


def _inner(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """Yield the commands that a command wraps directly."""
    name = words[0].text.rpartition("/")[2]
    looks_up = name == "command" and words[1:] and words[1].text.startswith(_LOOKS_UP)
    if name == "find":
        for index, word in enumerate(words[:-1]):
            if word.text in _EXECUTES:
                until = next((end for end in range(index, len(words)) if words[end].text in ";+"), len(words))
                yield words[index + 1 : until]
    elif name in _WRAPPERS and not looks_up:
        inner = _wrapped(words, _WRAPPERS[name])
        if name == "parallel" and inner:
            parts = inner[0].text.split()
            inner = (*(Word(part, not re.search("[$`]", part)) for part in parts), *inner[1:])
        yield inner


def _wrapped(words: tuple[Word, ...], wrapper: _Wrapper) -> tuple[Word, ...]:
    """Return the words after a wrapper's own options, operands and assignments."""
    options = wrapper.options.split()
    rest = list(words[1:])
    while rest and (rest[0].text.startswith("-") or _ASSIGNMENT.match(rest[0].text)):
        option = rest.pop(0).text
        if option == "--":
            break
        if option in options and rest:
            rest.pop(0)
    return tuple(rest[wrapper.operands :])
