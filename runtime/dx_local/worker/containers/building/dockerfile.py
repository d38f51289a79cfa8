"""Parse a Dockerfile into stages of instructions; refuse what cannot be carried out before anything runs.

Source: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from dx_local.worker.containers.building import words
from dx_local.worker.containers.errors import DockerError

_SUPPORTED = (
    "FROM", "RUN", "COPY", "ADD", "ENV", "WORKDIR", "ENTRYPOINT", "CMD", "USER", "ARG", "LABEL"
)  # fmt: skip
_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*(\S)\s*$", re.IGNORECASE)
_FLAG = re.compile(r"\s*--([a-z]+)(?:=(\S*))?(?=\s|$)")
_FLAGS = {
    "FROM": ("platform",),
    "COPY": ("from", "chown", "chmod", "link"),
    "ADD": ("chown", "chmod", "link"),
}
_REMOTE = re.compile(r"(?:https?|git|ssh)://|git@")
_HERE_DOCUMENT = re.compile(r"<<-?\s*[\"']?[A-Za-z_]")


class Instruction(NamedTuple):
    """An instruction, with the number of its first line."""

    line: int
    name: str
    text: str
    """The rest, without flags."""
    flags: dict[str, str]

    def error(self, problem: str) -> DockerError:
        """Return an error that names this line."""
        return DockerError(f"Dockerfile line {self.line}: {self.name} {problem}")

    def json_words(self) -> list[str] | None:
        """Return the words of the form `["a", "b"]`; None if the text is a shell command."""
        if not self.text.startswith("["):
            return None
        try:
            content = json.loads(self.text)
        except ValueError:
            return None
        is_list = isinstance(content, list) and all(isinstance(word, str) for word in content)
        return content if is_list else None


class Stage(NamedTuple):
    """A FROM with the instructions after it."""

    start: Instruction
    base: str
    """The image or earlier stage, with its variables."""
    name: str
    instructions: tuple[Instruction, ...]


class Dockerfile(NamedTuple):
    """A parsed file."""

    arguments: tuple[Instruction, ...]
    """The ARG before the first FROM."""
    stages: tuple[Stage, ...]


def parse_dockerfile(text: str) -> Dockerfile:
    """Return the stages of a Dockerfile. Raises DockerError that names the line."""
    instructions = [_instruction(line, whole) for line, whole in _logical_lines(text)]
    for each in instructions:
        _check(each)
    arguments: list[Instruction] = []
    stages: list[Stage] = []
    for each in instructions:
        if each.name == "FROM":
            base, name = _base_and_name(each)
            stages.append(Stage(each, base, name or str(len(stages)), ()))
        elif stages:
            stages[-1] = stages[-1]._replace(instructions=(*stages[-1].instructions, each))
        elif each.name == "ARG":
            arguments.append(each)
        else:
            raise each.error("comes before the first FROM")
    if not stages:
        raise DockerError("the Dockerfile has no FROM")
    return Dockerfile(tuple(arguments), tuple(stages))


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines with their numbers, those that an escape character continues as one."""
    lines = text.splitlines()
    directive = _DIRECTIVE.match(lines[0]) if lines else None
    escape = directive[1] if directive else "\\"
    found: list[tuple[int, str]] = []
    start, pending = 0, ""
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith("#") or (pending and not line.strip()):
            continue
        start = start if pending else number
        stripped = line.rstrip()
        if stripped.endswith(escape):
            pending += stripped[:-1]
            continue
        whole, pending = pending + line, ""
        if whole.strip():
            found.append((start, whole.strip()))
    if pending.strip():
        found.append((start, pending.strip()))
    return found


def _instruction(line: int, whole: str) -> Instruction:
    name, _, text = whole.replace("\t", " ", 1).partition(" ") if " " not in whole else whole.partition(" ")
    flags = {}
    while match := _FLAG.match(text):
        flags[match[1]] = match[2] or ""
        text = text[match.end() :]
    return Instruction(line, name.upper(), text.strip(), flags)


def _check(each: Instruction) -> None:
    """Raise DockerError for an instruction that cannot be carried out."""
    if each.name not in _SUPPORTED:
        raise each.error("is not supported without a Docker daemon")
    for flag in each.flags:
        if flag not in _FLAGS.get(each.name, ()):
            raise each.error(f"--{flag} is not supported without a Docker daemon")
    if not each.text:
        raise each.error("needs an argument")
    if each.name in ("RUN", "COPY", "ADD") and _HERE_DOCUMENT.search(each.text) and each.json_words() is None:
        raise each.error("with a here-document (<<) is not supported without a Docker daemon")
    if each.name == "ADD" and any(map(_REMOTE.match, each.json_words() or words.split(each.text))):
        raise each.error("of a URL is not supported without a Docker daemon")
    if each.name in ("COPY", "ADD") and len(each.json_words() or words.split(each.text)) < 2:
        raise each.error("needs a source and a destination")


def _base_and_name(each: Instruction) -> tuple[str, str]:
    parts = words.split(each.text)
    if len(parts) == 3 and parts[1].upper() == "AS":
        return parts[0], parts[2]
    if len(parts) != 1:
        raise each.error("takes IMAGE or IMAGE AS NAME")
    return parts[0], ""
