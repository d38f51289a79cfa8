"""Take the pictures in docs/images of the real interview in a pseudo-terminal: `make screenshots`."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGES = Path(__file__).parent / "images"
COLUMNS = 84
SETTLED_SECONDS = 0.5
DOWN = "\x1b[B"
DIM = 2

# Words to wait for, and the keys to type then.
INTERVIEW = (
    ("App Name", "count-kmers\r"),
    ("Title", "\r"),
    ("Summary", "Counts the k-mers of FASTQ files\r"),
    ("Version", "\r"),
    ("1st input name", "reads\r"),
    ("Label", "Reads\r"),
    ("Choose a class", "fil"),
    ("array:file", DOWN + DOWN + "\r"),
    ("optional parameter", "n\r"),
    ("2nd input name", "k:int=31\r"),
    ("3rd input name", "\r"),
    ("1st output name", "table:file\r"),
    ("2nd output name", "\r"),
    ("Timeout policy", "24h\r"),
    ("Programming language", "Python\r"),
    ("Execution pattern", "parallelized\r"),
    ("Internet", "\r"),
    ("parent project", "\r"),
    ("instance type for your app", "16 cores"),
    ("16 cores, 128 GiB", DOWN),
)
REVIEW = (
    ("16 cores, 128 GiB", "\r"),
    ("Write the app", DOWN),
)


class Screen(pyte.Screen):
    """A terminal that shows dim text in grey."""

    def select_graphic_rendition(self, *attributes: int, **options: bool) -> None:
        """Apply the attributes that pyte supports, and dim."""
        super().select_graphic_rendition(*attributes, **options)
        if DIM in attributes:
            self.cursor.attrs = self.cursor.attrs._replace(fg="808080")


@dataclass
class Recording:
    """The wizard in a terminal, and the content of its screen."""

    process: pexpect.spawn[bytes]
    screen: Screen

    def type(self, steps: Sequence[tuple[str, str]]) -> None:
        """Type each text like a person, once its words are on the screen."""
        stream = pyte.ByteStream(self.screen)
        for words, text in steps:
            while not any(words in line for line in self.screen.display):
                stream.feed(self.process.read_nonblocking(65536, timeout=20))
            for key in re.findall(r"\x1b\[.|.", text, re.DOTALL):
                time.sleep(0.05)
                self.process.send(key)
            self._settle(stream)

    def _settle(self, stream: pyte.ByteStream) -> None:
        with suppress(pexpect.TIMEOUT):
            while True:
                stream.feed(self.process.read_nonblocking(65536, timeout=SETTLED_SECONDS))

    def save(self, name: str, title: str) -> None:
        """Write the content of the screen to docs/images."""
        console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
        lines = [_line(self.screen, row) for row in range(self.screen.lines)]
        while lines and not lines[-1].plain.strip():
            lines.pop()
        console.print(Text("\n").join(lines))
        IMAGES.mkdir(exist_ok=True)
        console.save_svg(str(IMAGES / name), title=title, unique_id=Path(name).stem)


def _line(screen: pyte.Screen, row: int) -> Text:
    line = Text()
    for column in range(screen.columns):
        cell = screen.buffer[row][column]
        line.append(cell.data, Style(color=_colour(cell.fg), bold=cell.bold, reverse=cell.reverse))
    line.rstrip()
    return line


def _colour(name: str) -> str | None:
    if name == "default":
        return None
    known = {"brown": "yellow", "brightblack": "bright_black"}
    return known.get(name) or (f"#{name}" if re.fullmatch("[0-9a-f]{6}", name) else name)


def record(folder: Path, rows: int) -> Recording:
    """Start the wizard in folder."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }
    process: pexpect.spawn[bytes] = pexpect.spawn(
        sys.executable,
        ["-m", "dx_app_wizard"],
        env=environment,
        cwd=str(folder),
        dimensions=(rows, COLUMNS),
    )
    process.delaybeforesend = None
    return Recording(process, Screen(COLUMNS, rows))


def main() -> None:
    """Take both pictures."""
    with tempfile.TemporaryDirectory() as folder:
        recording = record(Path(folder), rows=80)
        recording.type(INTERVIEW)
        recording.save("interview.svg", "dx-app-wizard")
        recording.type(REVIEW)
        recording.save("review.svg", "dx-app-wizard")
        recording.process.close(force=True)


if __name__ == "__main__":
    main()
