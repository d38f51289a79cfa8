"""Pages whose console blocks are typed as they stand: what was printed is compared, or put into the page.

`$ ` begins a command, `> ` goes on with it, and what follows is what it printed. The page's first command
opens the shell in which all others are typed.

python -m tests.e2e.console_page PAGE runs the page and writes what was printed into it.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.local_server import user_variables

_BLOCK = re.compile(r"(?<=```console\n).*?(?=```)", re.DOTALL)
_BEGIN, _END = "\x1e", "\x1f"  # around what a command prints, and before its exit code
_VARYING = (
    (r"\b([a-z]+)-[0-9A-Za-z]{24}\b", r"\1-xxxx"),
    (r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}", "DATE"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", "DATE"),
    (r"[A-Z][a-z]{2} \d\d, \d{4} \d\d:\d\d", "DATE"),
    (r"\d+ (second|minute)s?( ago)?", "TIME"),
    (r"(?<=runtime )\d+:\d\d:\d\d", "TIME"),
)


@dataclass(frozen=True)
class Command:
    """A command as typed, and its output."""

    typed: str
    printed: str

    def __str__(self) -> str:
        first, *rest = self.typed.split("\n")
        lines = [f"$ {first}", *(f"> {line}" for line in rest)]
        return "".join(f"{line}\n" for line in lines) + self.printed


def commands(page: str) -> list[Command]:
    """Return the commands of a page."""
    return [command for block in _BLOCK.findall(page) for command in _commands(block)]


def play(page: str, folder: Path) -> list[Command]:
    """Type the commands of a page in a folder; return them with what they print now.

    Each must end with exit code 0.
    """
    opening, *typed = (command.typed for command in commands(page))
    script = "".join(
        f"printf '{_BEGIN}'\n{command}\ncode=$?; printf '{_END}%s\\n' $code\n" for command in typed
    )
    (folder / ".typed").write_text(f"exec 2>&1\n{script}", encoding="utf-8")
    done = subprocess.run(
        [*shlex.split(opening), ".typed"],
        env={**user_variables(folder), "TZ": "UTC", "LC_ALL": "C.UTF-8", "COLUMNS": "100"},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(f"{_BEGIN}(.*?){_END}(\\d+)\n", done.stdout, re.DOTALL)
    played = [Command(command, printed) for command, (printed, _) in zip(typed, found, strict=False)]
    failed = [command for command, (_, code) in zip(played, found, strict=False) if code != "0"]
    if failed or len(played) < len(typed):
        shown = "".join(map(str, failed or played[-2:]))
        raise AssertionError(f"the page stops at:\n{shown}{done.stdout[-1000:]}{done.stderr}")
    return [Command(opening, ""), *played]


def normal(printed: str) -> str:
    """Return what was printed without what differs each time, spaces at the ends of lines included."""
    for pattern, general in _VARYING:
        printed = re.sub(pattern, general, printed)
    return "\n".join(line.rstrip() for line in printed.splitlines())


def rewritten(page: str, played: list[Command]) -> str:
    """Return a page with what its commands printed."""
    waiting = iter(played)
    return _BLOCK.sub(lambda block: "".join(str(next(waiting)) for _ in _commands(block[0])), page)


def _commands(block: str) -> list[Command]:
    found: list[Command] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], ""))
        elif line.startswith("> ") and not found[-1].printed:
            found[-1] = Command(f"{found[-1].typed}\n{line[2:]}", "")
        else:
            found[-1] = Command(found[-1].typed, f"{found[-1].printed}{line}\n")
    return found


def _main(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        played = play(page, Path(folder))
    tidy = [Command(each.typed, re.sub(r"[ \t]+$", "", each.printed, flags=re.MULTILINE)) for each in played]
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(rewritten(page, tidy), encoding="utf-8")
    unfinished.replace(path)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
