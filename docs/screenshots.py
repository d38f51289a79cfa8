"""Take the pictures in docs/images of a real interview and a real run: `make screenshots`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pexpect
import pyte
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.browser import chromium

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGES = Path(__file__).parent / "images"
APPS = Path(__file__).parent / "pictures"
COLUMNS = 100
SETTLED_SECONDS = 0.5
DOWN = "\x1b[B"
DIM = 2
THEMES = {"light": DEFAULT_TERMINAL_THEME, "dark": SVG_EXPORT_THEME}
READS = Path(__file__).parents[1] / "tests" / "data" / "reads.fastq"

# Words to wait for on the screen, and the keys to type then.
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
    ("Region", "\r"),
    ("instance type for your app", "16 cores"),
    ("16 cores, 128 GiB", DOWN),
)
PROGRAMS = {name: [str(Path(sys.executable).with_name(name))] for name in ("dx-app-wizard", "dx-local")}
APP = (
    "count-kmers",
    *("--template", "parallelized", "--language", "python", "--defaults"),
    *("--input", "reads:file", "--input", "k:int=31", "--output", "table:file", "--output", "n_kmers:int"),
)
WINDOW, PHONE = {"width": 1100, "height": 1140}, {"width": 390, "height": 844}
REPORTS: tuple[tuple[str, Literal["light", "dark"], Any], ...] = (
    ("report-light", "light", WINDOW),
    ("report-dark", "dark", WINDOW),
    ("report-phone", "light", PHONE),
)
COMMAND = "\"tr ' ' '\\n' < poem.txt | sort | uniq -c > words.txt\""
PROMPT = "$"
FROM_COMMAND = (
    (PROMPT, f"dx-app-wizard words --no-input --trial -- {COMMAND}\r"),
    (PROMPT, "dx-local test --app words\r"),
    (PROMPT, "dx-app-wizard --update words --scatter txt\r"),
    (PROMPT, "dx-local run words -itxts=poem.txt -itxts=play.txt -itxts=rhyme.txt\r"),
    (PROMPT, ""),
)
TEXTS = {
    "poem.txt": "the rose is a rose\nand was always a rose\n",
    "play.txt": "to be or not to be\n",
    "rhyme.txt": "one two two\n",
}
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
    """A command in a terminal, and the screen as it shows it."""

    process: pexpect.spawn[bytes]
    screen: Screen

    def type(self, steps: Sequence[tuple[str, str]]) -> None:
        """Type each text, key by key, as soon as the words before it are on the screen."""
        stream = pyte.ByteStream(self.screen)
        for words, text in steps:
            while not self._shows(words):
                stream.feed(self.process.read_nonblocking(65536, timeout=60))
            for key in re.findall(r"\x1b\[.|.", text, re.DOTALL):
                time.sleep(0.05)
                self.process.send(key)
            self._settle(stream)

    def _shows(self, words: str) -> bool:
        """Return whether words are on the screen; a prompt, if nothing is typed after the last one."""
        lines = [line.strip() for line in self.screen.display if line.strip()]
        return lines[-1:] == [PROMPT] if words == PROMPT else any(words in line for line in lines)

    def finish(self) -> None:
        """Show everything that the command prints until it ends. Raises pexpect.TIMEOUT after a minute."""
        stream = pyte.ByteStream(self.screen)
        with suppress(pexpect.EOF):
            while True:
                stream.feed(self.process.read_nonblocking(65536, timeout=60))

    def _settle(self, stream: pyte.ByteStream) -> None:
        with suppress(pexpect.TIMEOUT):
            while True:
                stream.feed(self.process.read_nonblocking(65536, timeout=SETTLED_SECONDS))

    def save(self, name: str, title: str) -> None:
        """Write the screen to docs/images as NAME-light.svg and NAME-dark.svg."""
        lines = [_line(self.screen, row) for row in range(self.screen.lines)]
        while lines and lines[-1].plain.strip() in ("", PROMPT):
            lines.pop()
        for variant, theme in THEMES.items():
            console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"))  # noqa: PTH123, SIM115
            console.print(Text("\n").join(lines))
            stem = f"{name}-{variant}"
            console.save_svg(str(IMAGES / f"{stem}.svg"), title=title, theme=theme, unique_id=stem)


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


def record(folder: Path, rows: int, *command: str) -> Recording:
    """Start one of our modules as a command in a folder, which is its home as well."""
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(folder),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        "XDG_DATA_HOME": os.environ.get("XDG_DATA_HOME", str(Path.home() / ".local" / "share")),
        "TERM": "xterm-256color",
        "PS1": "$ ",
        "LC_ALL": "C.UTF-8",
    }
    process: pexpect.spawn[bytes] = pexpect.spawn(
        command[0], list(command[1:]), env=environment, cwd=str(folder), dimensions=(rows, COLUMNS)
    )
    process.delaybeforesend = None
    return Recording(process, Screen(COLUMNS, rows))


def picture_interview(folder: Path) -> None:
    """Take the pictures of the last question of an interview, and of the review after it."""
    recording = record(folder, 80, *PROGRAMS["dx-app-wizard"])
    recording.type(INTERVIEW)
    recording.save("interview", "dx-app-wizard")
    recording.type(REVIEW)
    recording.save("review", "dx-app-wizard")
    recording.process.close(force=True)


def picture_command(folder: Path) -> None:
    """Take the picture of a command that becomes an app with a test, and is scattered over three files."""
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    recording = record(folder, 120, "bash", "--norc", "--noprofile")
    recording.type(FROM_COMMAND)
    recording.process.close(force=True)
    recording.save("command", "from a command to an app that runs it on many files")


def picture_run(folder: Path) -> None:
    """Take the picture of a finished run of a parallelized app."""
    subprocess.run([*PROGRAMS["dx-app-wizard"], *APP], cwd=folder, check=True, capture_output=True)
    recording = record(folder, 40, *PROGRAMS["dx-local"], "run", "count-kmers", f"-ireads={READS}")
    recording.finish()
    recording.save("run", "dx-local run count-kmers -ireads=reads.fastq")


def picture_report(folder: Path) -> None:
    """Take the pictures of the report of a failed run: light, dark, and on a phone."""
    app = folder / "joint-call"
    shutil.copytree(APPS / "joint-call", app)
    (folder / "hg38.fa").write_text(">chr1\n" + "ACGT\n" * 80_000, encoding="utf-8")
    command = (
        *(*PROGRAMS["dx-local"], "run", "joint-call", "-ireference=hg38.fa"),
        *("--max-parallel", "6", "--inject", "spot:process[12]"),
    )
    subprocess.run(command, cwd=folder, check=False, capture_output=True)
    (page,) = app.glob("test-job-workspaces/*/report.html")
    with chromium() as browser:
        for name, scheme, size in REPORTS:
            context = browser.new_context(color_scheme=scheme, viewport=size, locale="en-GB")
            tab = context.new_page()
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready]")
            tab.screenshot(path=IMAGES / f"{name}.png")
            context.close()


def main() -> None:
    """Take all pictures, or those whose names are arguments: interview, command, run, report."""
    IMAGES.mkdir(exist_ok=True)
    pictures = {
        "interview": picture_interview,
        "command": picture_command,
        "run": picture_run,
        "report": picture_report,
    }
    for picture in [pictures[name] for name in sys.argv[1:] or pictures]:
        with tempfile.TemporaryDirectory() as folder:
            picture(Path(folder))


if __name__ == "__main__":
    main()
