"""Find the inputs, outputs, scripts and numbers of threads among the words of a command.

The evidence is in the file system and in the form of the words. Each finding is an edit of the command: a
hole instead of a word. A trial confirms or refutes the guesses among them.
"""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.command_template.holes import Hole
from dx_app_wizard.command_template.shell_text import RESERVED
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.file_formats import format_of_file
from dx_app_wizard.importing.endings import ending_of, input_name, output_name, pattern_of
from dx_app_wizard.importing.problems import problem
from dx_app_wizard.importing.programs import Provided, provide
from dx_app_wizard.importing.scripts.script_files import INTERPRETERS, files_of_script

if TYPE_CHECKING:
    from dx_app_wizard.command_template.shell_text import Word
    from dx_app_wizard.command_template.template import CommandTemplate
    from dx_app_wizard.errors import Problem

_OUT_FLAG = re.compile(r"-o|-O|--?out[\w-]*|--?o[-_]?file")
_THREADS = re.compile(r"-@|--?(?:n?threads|cpus|cores|num[-_]threads|n[-_]?threads|parallel|jobs|thread)")
_THREADS_JOINED = re.compile(r"(-@|--?(?:n?threads|cpus|cores|num[-_]threads|parallel|jobs|thread)=)[0-9]+")
_THREADS_OF = {"bwa": ("-t",), "minimap2": ("-t",), "xz": ("-T",)}
"""Short flags for threads of some programs, by the help of their versions in Debian 12."""

_JOINING = frozenset("merge concat cat join collect multiqc".split())  # noqa: SIM905
_MANY = 3


@dataclass(frozen=True)
class Edit:
    """A change of the command: the text from `start` to `end` becomes `text`.

    `guess` is true if only the form of the words supports it.
    """

    start: int
    end: int
    text: str
    hole: Hole | None = None
    is_guess: bool = False
    original: str = ""


@dataclass
class Classified:
    """The edits of a command, and everything that was found with them.

    `samples` has the user's files by input. `resources` are files for resources/, by their paths there.
    `missing` are arguments that are named like files of a known format, and are none.
    """

    edits: list[Edit] = field(default_factory=list)
    samples: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    holes: dict[str, Hole] = field(default_factory=dict)
    programs: list[Provided] = field(default_factory=list)
    packages: dict[str, None] = field(default_factory=dict)
    resources: dict[str, Path] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def apply(self, text: str) -> str:
        """Return the command with all edits."""
        for edit in sorted(self.edits, key=lambda edit: edit.start, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        return text


def classify(template: CommandTemplate, folder: Path, *, has_files: bool = True) -> Classified:
    """Return the findings about the words of a command that a user runs in folder.

    Without `has_files`, no word names a file of the user: only programs are looked up.
    """
    found = Classified(holes=dict(template.holes))
    classifier = _Classifier(template, folder, found, has_files)
    words = template.words
    at = 0
    while at < len(words):
        at += classifier.read(words, at)
    return found


@dataclass
class _Classifier:
    template: CommandTemplate
    folder: Path
    found: Classified
    has_files: bool
    program: str = ""
    action: str = ""
    expects_script: bool = False
    statement: int = 0
    # The program, action and expectation of each statement around a substitution.
    others: dict[int, tuple[str, str, bool]] = field(default_factory=dict)

    @cached_property
    def _repeated(self) -> set[str]:
        """The endings that several files of the command have."""
        values = {word.value for word in self.template.words if word.value and self._is_file(word.value)}
        endings = [ending_of(value) for value in values]
        return {ending for ending in endings if endings.count(ending) > 1}

    def read(self, words: tuple[Word, ...], at: int) -> int:
        """Classify the word at this position, and perhaps some after it; return their number."""
        word = words[at]
        self._enter(word.statement)
        previous = words[at - 1].value or "" if at else ""
        if word.is_command:
            self._command(word)
            return 1
        if word.value is None or word.hole or not self.has_files or self._is_moved(word):
            return 1
        value = word.value
        if word.before:
            self._redirected(word, value)
        elif self.expects_script and not value.startswith("-"):
            self.expects_script = False
            if (self.folder / value).is_file():
                self._script(word, value)
                return 1
            return self._argument(words, at, previous)
        elif self.expects_script and value in ("-c", "-e", "-m"):
            self.expects_script = False
        else:
            return self._argument(words, at, previous)
        return 1

    def _enter(self, statement: int) -> None:
        """Continue with a statement, perhaps one whose substitution ended before."""
        if statement != self.statement:
            self.others[self.statement] = (self.program, self.action, self.expects_script)
            if statement in self.others:
                self.program, self.action, self.expects_script = self.others[statement]
            self.statement = statement

    def _is_moved(self, word: Word) -> bool:
        """Return whether the statement moves what the command left behind to an output."""
        if self.action not in ("mv", "cp"):
            return False
        last = [other for other in self.template.words if other.statement == word.statement][-1]
        return last.hole is not None and last.hole.is_output

    def _command(self, word: Word) -> None:
        value = word.value
        if value is None:
            self.expects_script = False
            return
        if re.match(r"[A-Za-z_]\w*=", value) or not value or value in RESERVED:
            return
        self.program, self.action = value, Path(value).name
        self.expects_script = bool(INTERPRETERS.fullmatch(value)) and "awk" not in value
        provided = provide(value, self.folder)
        if provided.program not in [known.program for known in self.found.programs]:
            self.found.programs.append(provided)
        self.found.packages.update(dict.fromkeys(provided.packages))
        self.found.resources |= provided.resources
        for path in provided.resources.values():
            self.found.packages.update(dict.fromkeys(files_of_script(path).packages))
        if provided.word and provided.word != value:
            self._edit(word, provided.word)
        if not provided.is_known:
            hint = (
                "Pass --package NAME, put it into a file that the command names by its path,"
                " or use an asset or a docker image."
            )
            message = f"{value} {provided.evidence}, and no package of Ubuntu is known to have it"
            self.found.problems.append(problem("from-unknown-program", message, hint))

    def _script(self, word: Word, value: str) -> None:
        path = (self.folder / value).resolve()
        files = files_of_script(path, self.program)
        self.found.resources |= files.resources
        self.found.packages.update(dict.fromkeys(files.packages))
        self.found.scripts.append(path.name)
        self.action = path.stem
        if value != path.name:
            self._edit(word, path.name)

    def _redirected(self, word: Word, value: str) -> None:
        if word.before.startswith(("2", "<<<")) or value.startswith("/dev/"):
            return
        if word.before in ("<", "0<"):
            self._input(word, (value,))
        elif ">" in word.before:
            self._output(word, value)

    def _argument(self, words: tuple[Word, ...], at: int, previous: str) -> int:
        """Classify an argument, and perhaps some after it; return their number."""
        word = words[at]
        value = word.value or ""
        if _is_subcommand(words, at):
            self.action = value
        is_flag = value.startswith("-") and "=" not in value
        if self._is_threads(word, value, previous) or is_flag or self._is_known_output(word, value):
            return 1
        if _OUT_FLAG.fullmatch(previous) and not (self.folder / value).is_dir():
            if ending_of(value):
                self._output(word, value, is_guess=True)
        elif word.has_glob and (matches := self._matches(word)):
            self._input(word, tuple(matches), is_array=True)
        elif self._is_file(value):
            return self._files(words, at)
        elif (self.folder / value).is_dir():
            self._directory(value)
        elif "=" in value:
            self._assignment(word, value)
        elif not previous.startswith("-") and format_of_file(value):
            self.found.missing.append(value)
        return 1

    def _directory(self, value: str) -> None:
        if value not in (".", "..", "/") and not is_app(self.folder / value):
            self.found.folders.append(value)

    def _is_threads(self, word: Word, value: str, previous: str) -> bool:
        """Replace a number of threads by that of the worker; return whether the word is one."""
        joined = _THREADS_JOINED.fullmatch(value)
        flags = _THREADS_OF.get(Path(self.program).name, ())
        if joined:
            self._edit(word, f"{joined[1]}{{cpus}}")
        elif value.isdigit() and (_THREADS.fullmatch(previous) or previous in flags):
            self._edit(word, "{cpus}")
        else:
            return False
        return True

    def _files(self, words: tuple[Word, ...], at: int) -> int:
        """Classify a word that is a file, together with the same kind of files after it."""
        run = [words[at]]
        first = run[0].value or ""
        for word in words[at + 1 :]:
            same = word.statement == run[0].statement and not word.before and word.value is not None
            if not (
                same and self._is_file(word.value or "") and ending_of(word.value or "") == ending_of(first)
            ):
                break
            run.append(word)
        joins = self.action in _JOINING and len(run) > 1
        if joins or len(run) >= _MANY:
            span = replace(run[0], end=run[-1].end)
            self._input(span, tuple(word.value or "" for word in run), is_array=True)
            return len(run)
        self._input(words[at], (first,))
        return 1

    def _assignment(self, word: Word, value: str) -> None:
        """Classify a word such as `I=in.bam` or `--ref=ref.fa`."""
        flag, _, path = value.partition("=")
        raw = self.template.text[word.start : word.end]
        if not raw.startswith(f"{flag}="):
            return
        inner = replace(word, start=word.start + len(flag) + 1, value=path)
        if self._is_file(path):
            self._input(inner, (path,))
        elif re.fullmatch(r"O|OUTPUT|--?out[\w-]*", flag) and ending_of(path):
            self._output(inner, path, is_guess=True)

    def _is_file(self, value: str) -> bool:
        return bool(value) and len(value) < 4096 and (self.folder / Path(value)).is_file()

    def _matches(self, word: Word) -> list[str]:
        pattern = word.value or ""
        paths = Path("/").glob(pattern[1:]) if pattern.startswith("/") else self.folder.glob(pattern)
        return sorted(os.path.relpath(path, self.folder) for path in paths if path.is_file())

    def _input(self, word: Word, values: tuple[str, ...], *, is_array: bool = False) -> None:
        paths = tuple((self.folder / value).resolve() for value in values)
        known = next((name for name, files in self.found.samples.items() if files == paths), None)
        if known is not None:
            self._edit(word, f"{{{known}}}")
            return
        missing = [value for value in values if not self._is_file(value)]
        if missing:
            self.found.problems.append(problem("from-no-file", f"there is no file {missing[0]}"))
            return
        is_one_of_several = not is_array and ending_of(values[0]) in self._repeated
        name = input_name(values[0], self.found.holes, plural=is_array, with_stem=is_one_of_several)
        hole = Hole(name, "array:file" if is_array else "file", patterns=pattern_of(values[0]))
        self._add(word, hole)
        self.found.samples[name] = paths

    def _output(self, word: Word, value: str, *, is_guess: bool = False) -> None:
        if self.template.outputs:
            # The user has declared the outputs; other files are only passed on between commands.
            return
        if self._is_known_output(word, value):
            return
        name = output_name(value, self.action, self.found.holes)
        hole = Hole(name, "file", is_output=True, patterns=pattern_of(value))
        self._add(word, hole, is_guess=is_guess, original=value)

    def _is_known_output(self, word: Word, value: str) -> bool:
        """Replace a word that an output is called by as well, and return whether it is one."""
        for known in self.found.edits:
            if known.hole and known.hole.is_output and known.original == value:
                self._add(word, known.hole, is_guess=known.is_guess, original=value)
                return True
        return False

    def _add(self, word: Word, hole: Hole, *, is_guess: bool = False, original: str = "") -> None:
        self.found.holes[hole.name] = hole
        self.found.edits.append(Edit(word.start, word.end, str(hole), hole, is_guess, original))

    def _edit(self, word: Word, text: str) -> None:
        self.found.edits.append(Edit(word.start, word.end, text))


def is_app(path: Path) -> bool:
    """Return whether a path is the folder of an app, which is no input.

    `flagstat` in `samtools flagstat` remains a subcommand beside the app of that command.
    """
    return (path / FILE_NAME).is_file()


def _is_subcommand(words: tuple[Word, ...], at: int) -> bool:
    """Return whether a word is the subcommand of the program right before it, such as `sort` of samtools."""
    return at > 0 and words[at - 1].is_command and bool(re.fullmatch(r"[a-z][\w-]*", words[at].value or ""))
