"""Find, count and run the shell blocks of README.md and docs/.

The blocks of a page are one script: they run in order, in one folder, with a home of their own. Comments in
the page direct that:

    <!-- not run: REASON -->      leaves out the next block
    <!-- in the background -->    starts the next block and goes on at once
    <!-- exit code: N -->         requires that the next block ends with N
    <!-- saved as: NAME -->       writes the next block, of any language, to a file
    <!-- setup: COMMANDS -->      runs commands that readers do not see, such as those that make an app

`python -m tests.docs.shell_blocks` prints how many blocks run, and how many are left out.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.local_server import user_variables

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_PART = re.compile(
    r"<!--(?P<comment>.*?)-->|^(?P<indent> *)```(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
SHELLS = ("bash", "console", "sh", "zsh", "fish")
_NOT_RUN, _BACKGROUND, _EXIT_CODE = "not run:", "in the background", "exit code:"
_SAVED, _SETUP = "saved as:", "setup:"


@dataclass(frozen=True)
class Block:
    """A shell block that begins at `line`, and the comment right before it."""

    line: int
    commands: str
    comment: str = ""
    is_hidden: bool = False

    @property
    def reason(self) -> str | None:
        """Reason why the block is not run, or None if it is."""
        return self.comment.removeprefix(_NOT_RUN).strip() if self.comment.startswith(_NOT_RUN) else None

    @property
    def script(self) -> str:
        """The bash code that runs the block and checks how it ends."""
        if self.reason is not None:
            return ""
        if self.comment == _BACKGROUND:
            return f"{{ {self.commands}\n}} &"
        if self.comment.startswith(_EXIT_CODE):
            expected = self.comment.removeprefix(_EXIT_CODE).strip()
            return f'set +e\n{self.commands}\ncode=$?\nset -e\n[ "$code" = {expected} ]'
        return self.commands


class PageError(Exception):
    """A block of a page failed; the message holds the line and what was printed."""


def blocks(text: str) -> list[Block]:
    """Return the shell blocks of a page and its hidden setup, in order."""
    found = []
    comment, end = "", 0
    for part in _PART.finditer(text):
        line = text.count("\n", 0, part.start()) + 1
        if part["comment"] is not None:
            comment = part["comment"].strip()
            if comment.startswith(_SETUP):
                found.append(Block(line, dedent(comment.removeprefix(_SETUP)), is_hidden=True))
        else:
            before = "" if text[end : part.start()].strip() else comment
            content = dedent(part["text"])
            if part["language"] in SHELLS:
                found.append(Block(line, _typed(content), before))
            elif before.startswith(_SAVED):
                file = before.removeprefix(_SAVED).strip()
                found.append(Block(line, f"cat > {file} <<'END'\n{content}END", is_hidden=True))
            comment = ""
        end = part.end()
    return found


def _typed(block: str) -> str:
    """Return the commands of a block, without the prompts and output of a `console` block."""
    if not block.startswith("$ "):
        return block
    return "\n".join(line[2:] for line in block.splitlines() if line.startswith(("$ ", "> ")))


def run(text: str, folder: Path) -> None:
    """Run the blocks of a page in a folder. Raises PageError at the first one that fails."""
    script = folder / ".page.sh"
    parts = [f"echo '+ line {block.line}'\n{block.script}" for block in blocks(text)]
    script.write_text("\n".join(parts), encoding="utf-8")
    home = folder / "home"
    home.mkdir()
    place = folder / "work"
    place.mkdir()
    # The output goes to a file: servers left in the background would keep a pipe open.
    with (folder / ".printed").open("w+", encoding="utf-8") as printed:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", script],
            cwd=place,
            env={**user_variables(home), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        printed.seek(0)
        if code:
            raise PageError(f"exit code {code}\n{printed.read()[-3000:]}")


def main() -> None:
    """Print how many shell blocks run, and how many are left out and why."""
    found = [(page, block) for page in PAGES for block in blocks(page.read_text(encoding="utf-8"))]
    shown = [(page, block) for page, block in found if not block.is_hidden]
    left_out = [(page, block) for page, block in shown if block.reason is not None]
    for page, block in left_out:
        print(f"{page.relative_to(ROOT)}:{block.line}: not run: {block.reason}")
    print(f"{len(shown) - len(left_out)} shell blocks are run by the test suite, {len(left_out)} are not")


if __name__ == "__main__":
    main()
