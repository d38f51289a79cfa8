"""Make an app of a command: classify its words, try it, and turn the result into answers and files."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.command_template.region_command import REGION, RegionCommand, region_command
from dx_app_wizard.command_template.region_script import region_trial
from dx_app_wizard.command_template.scattered import ScatteredCommand, scattered_command
from dx_app_wizard.command_template.shell_text import Kind, QuotedHoleError, escaped_holes
from dx_app_wizard.command_template.template import CommandTemplate, TemplateProblemsError, parse_template
from dx_app_wizard.dxapp.classes import ARRAY_PREFIX, parse_value
from dx_app_wizard.importing.classify import Classified, classify
from dx_app_wizard.importing.command_report import findings_of, shortened
from dx_app_wizard.importing.discover import with_discoveries, without_wrong_guesses
from dx_app_wizard.importing.expectations import case_path, test_case
from dx_app_wizard.importing.imported import LARGEST_SAMPLE, Finding, Imported, sample_files
from dx_app_wizard.importing.index_files import files_beside, indexes_beside
from dx_app_wizard.importing.limits import Stopped
from dx_app_wizard.importing.pieces import joined, pieces_of
from dx_app_wizard.importing.problems import ImportProblemsError, problem
from dx_app_wizard.importing.programs import provide, version_of
from dx_app_wizard.importing.trial import (
    LARGEST_FILE,
    LARGEST_TOTAL,
    Sample,
    TrialResult,
    is_confined,
    try_command,
)
from dx_app_wizard.scatter.scatter import ScatterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dx_app_wizard.command_template.holes import Hole, HoleError
    from dx_app_wizard.errors import Problem
    from dx_app_wizard.scatter.scatter import Scatter

_UNCONFINED = "this system has no Landlock, so the command could have written elsewhere"
_VERSIONS = re.compile(r"\s*# Tried with [^\n]*\Z")
_REPEATED_UP_TO = 30.0
"""Seconds up to which a trial is repeated, to find outputs that differ from run to run."""


@dataclass(frozen=True)
class CommandRequest:
    """A command to make an app of, as the user runs it in `folder`.

    `samples` are values of inputs, by name: paths of files, or other values. `packages` are those that the
    user named. `scratch` is an empty folder for trials. A script or task gives `resources`, `inputs`,
    `found_packages`, `findings`, `notes`, and the options that name it as `start`. `scatter` is None for an
    app that runs the command once.
    """

    text: str
    folder: Path
    scratch: Path
    samples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    packages: Sequence[str] = ()
    tries: bool = False
    resources: Mapping[str, Path] = field(default_factory=dict)
    inputs: Sequence[Mapping[str, Any]] | None = None
    found_packages: Sequence[str] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    start: tuple[str, ...] | None = None
    summary: str = ""
    flag: str = "--from-command"
    scatter: Scatter | None = None


def literal_text(words: Sequence[str]) -> str:
    """Return words that a user's shell has divided as the text of a command without holes.

    A single word with blanks is a command for the shell, as for ssh.
    """
    is_shell = len(words) == 1 and re.search(r"\s", words[0].strip())
    is_empty = not any(word.strip() for word in words)
    return "" if is_empty else escaped_holes(words[0] if is_shell else shlex.join(words))


def import_command(request: CommandRequest) -> Imported:
    """Return the app that runs the command.

    Raises ImportProblemsError with every reason why that is impossible.
    """
    return _Import(request).run()


@dataclass
class _Import:
    request: CommandRequest
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    indexes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    trials: int = 0

    def run(self) -> Imported:
        original = self._parsed(self.request.text)
        found = classify(original, self.request.folder, has_files=self.request.inputs is None)
        named = [name.removeprefix("pip:") for name in self.request.packages]
        self.problems += [
            replace(item, flag=self.request.flag)
            for item in found.problems
            if not (item.code == "from-unknown-program" and named)
        ]
        found.resources |= self.request.resources
        template = self._parsed(found.apply(original.text))
        sample = self._sample(template, found)
        self._check_folders(found)
        self._check_scatter(template)
        self._raise()
        pieces = pieces_of(template, self.request.scatter, sample)
        result: TrialResult | None = None
        if self.request.tries:
            template, result = self._tried(original, found, template, pieces[0])
        if not template.outputs:
            hint = "Name it: -o {>name:file}, or > {>name:file}."
            reason = "nothing was written and nothing printed" if result else "no word is known as an output"
            more = "" if result else " Or let it run with --trial."
            self.problems.append(
                problem("from-no-output", f"no output: {reason}", hint + more, self.request.flag)
            )
        self._check_scatter(template)
        self._raise()
        return self._imported(template, found, pieces, result)

    def _parsed(self, text: str) -> CommandTemplate:
        try:
            template = parse_template(text)
            first = self.request.scatter.input if self.request.scatter else ""
            return replace(template, named_by=first) if first in template.holes else template
        except TemplateProblemsError as error:
            found = tuple(
                problem(item.code, self._message(item), self._hint(item), self.request.flag)
                for item in error.errors
            )
            raise ImportProblemsError((*found, *self.problems)) from None

    def _message(self, error: HoleError) -> str:
        """Return the message without its column if the command is none that the user wrote."""
        is_own = self.request.start is None
        return error.message if is_own else error.message.removeprefix(f"column {error.column}: ")

    def _hint(self, error: HoleError) -> str | None:
        if self.request.flag == "--from-wdl" and isinstance(error, QuotedHoleError):
            return "Put the placeholder into double quotes in the task."
        return error.hint

    def _raise(self) -> None:
        if self.problems:
            raise ImportProblemsError(tuple(self.problems))

    def _check_scatter(self, template: CommandTemplate) -> None:
        """Add a problem if the command cannot be scattered as requested."""
        if self.request.scatter and not self.problems:
            try:
                scattered_command(template, self.request.scatter)
            except ScatterError as error:
                self.problems.append(problem(error.code, error.message, error.hint, "--scatter"))

    def _regions(self, template: CommandTemplate) -> RegionCommand | None:
        """Return the command if it is scattered over regions; the checks of the scatter report problems."""
        if self.request.scatter is None or self.request.scatter.kind != REGION:
            return None
        try:
            return region_command(template, self.request.scatter)
        except ScatterError:
            return None

    def _check_folders(self, found: Classified) -> None:
        if not self.request.tries:
            return
        folders = [value for value in found.folders if any((self.request.folder / value).iterdir())]
        for value in found.missing if folders else ():
            hint = "Correct its path, or mark it as an output: {>NAME:file}."
            self.problems.append(
                problem("from-no-file", f"there is no file {value}", hint, self.request.flag)
            )
        for value in folders:
            message = f"{value} is a folder with files, and the platform has no folders as inputs"
            hint = "Name its files, or pass an archive of it as a file and unpack that in the command."
            self.problems.append(problem("from-folder", message, hint, self.request.flag))

    def _check_sizes(self, files: Mapping[str, tuple[Path, ...]]) -> None:
        """Add a problem for each file that is too large to become part of the app."""
        for name, paths in files.items():
            for path in paths:
                size = path.stat().st_size
                if size > LARGEST_SAMPLE:
                    shown = f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
                    message = f"{path.name} has {shown}, and samples of an app have at most 10 MiB"
                    hint = (
                        f"Pass a smaller one as --sample {name}=FILE, or none: --sample {name}= --no-trial."
                    )
                    self.problems.append(problem("from-large-sample", message, hint, "--sample"))

    def _sample(self, template: CommandTemplate, found: Classified) -> Sample:
        """Return the samples, those of the user first; add a problem for each that is unusable or missing."""
        regions = self._regions(template)
        holes = {hole.name: hole for hole in template.inputs if not (regions and hole.name == REGION)}
        index_names = {index.name for hole in template.inputs for index in hole.index_inputs}
        index_names |= {regions.regions} if regions else set()
        files = dict(found.samples)
        values: dict[str, tuple[str, ...]] = {}
        for name, texts in self.request.samples.items():
            if name not in holes and name not in index_names:
                hint = f"The inputs are {', '.join(holes) or 'none'}."
                self.problems.append(problem("from-sample", f"there is no input {name}", hint, "--sample"))
            elif name in index_names or holes[name].is_file:
                paths = tuple((self.request.folder / text).resolve() for text in texts if text)
                missing = [str(path) for path in paths if not path.is_file()]
                if missing:
                    self.problems.append(
                        problem("from-sample", f"there is no file {missing[0]}", None, "--sample")
                    )
                elif paths:
                    files[name] = paths
                else:
                    files.pop(name, None)
            else:
                values[name] = texts if holes[name].is_array else texts[-1:]
        # Defaults that the text of a hole cannot have.
        declared = {each["name"]: each["default"] for each in self.request.inputs or () if "default" in each}
        for hole in holes.values():
            default = declared.get(hole.name) if hole.default is None else hole.default
            if default is not None and not hole.is_array:
                values.setdefault(hole.name, (str(default),))
            elif (
                self.request.tries
                and not hole.optional
                and hole.name not in files
                and hole.name not in values
            ):
                hint = f"Pass --sample {hole.name}={'FILE' if hole.is_file else 'VALUE'}, or --no-trial."
                message = f"the trial needs a sample for {hole.name}"
                self.problems.append(problem("from-sample", message, hint, "--sample"))
        sample = Sample(files, values)
        self._check_sizes(self._with_index_files(sample, template).files)
        return sample

    def _tried(
        self, original: CommandTemplate, found: Classified, template: CommandTemplate, sample: Sample
    ) -> tuple[CommandTemplate, TrialResult]:
        result, template, sample = self._first_trial(found, template, sample)
        if without_wrong_guesses(found, result):
            template = self._parsed(self._with_indexes(found.apply(original.text)))
            result = self._try(template, sample, found)
        text, notes = with_discoveries(original, found, result)
        text = self._with_indexes(text)
        self.notes += notes
        if text != template.text:
            template = self._parsed(text)
            result = self._try(template, sample, found)
            self._check(result)
        return template, result

    def _first_trial(
        self, found: Classified, template: CommandTemplate, sample: Sample
    ) -> tuple[TrialResult, CommandTemplate, Sample]:
        """Try the command without the indexes beside its inputs; only if it fails, with them."""
        result = self._try(template, sample, found)
        if result.passed:
            self._note_unused_indexes(found)
            return result, template, sample
        candidates = indexes_beside(found)
        if candidates:
            self.indexes = candidates
            with_all = self._parsed(self._with_indexes(template.text))
            again = self._try(with_all, sample, found)
            if again.passed:
                self._drop_needless(template, sample, found)
                needed = self._parsed(self._with_indexes(template.text))
                return self._try(needed, sample, found), needed, sample
            self.indexes = {}
        self._check(result)
        raise AssertionError("a failed trial raises")

    def _drop_needless(self, template: CommandTemplate, sample: Sample, found: Classified) -> None:
        """Drop the kinds of index without which the command succeeds as well."""
        for name, kinds in list(self.indexes.items()):
            for kind in kinds:
                if sum(map(len, self.indexes.values())) == 1:
                    return
                fewer = tuple(other for other in self.indexes[name] if other != kind)
                kept = self.indexes
                self.indexes = {**kept, name: fewer}
                if not self._try(self._parsed(self._with_indexes(template.text)), sample, found).passed:
                    self.indexes = kept

    def _with_indexes(self, text: str) -> str:
        """Return the text with the kinds of index added to the first hole of each input."""
        for name, kinds in self.indexes.items():
            added = "".join(f"+{kind}" for kind in kinds)
            text = re.sub(rf"\{{{name}(?=[:}}?])", f"{{{name}{added}", text, count=1)
        return text

    def _with_index_files(self, sample: Sample, template: CommandTemplate) -> Sample:
        files = dict(sample.files)
        for hole in template.inputs:
            for index in hole.index_inputs:
                if hole.name in files and index.name not in files:
                    beside = [files_beside(file, index.kind) for file in files[hole.name]]
                    if all(beside):
                        files[index.name] = tuple(path for paths in beside for path in paths)
        return replace(sample, files=files)

    def _note_unused_indexes(self, found: Classified) -> None:
        for name, kinds in indexes_beside(found).items():
            file = found.samples[name][0].name
            self.notes.append(
                f"the index of {file} ({', '.join(kinds)}) is beside it; the command runs without it"
            )

    def _try(self, template: CommandTemplate, sample: Sample, found: Classified) -> TrialResult:
        self.trials += 1
        folder = self.request.scratch / str(self.trials)
        files = self._with_index_files(sample, template)
        regions = self._regions(template)
        script = region_trial(regions) if regions else None
        return try_command(template, files, folder, found.resources, script)

    def _check(self, result: TrialResult) -> None:
        """Raise ImportProblemsError if the trial failed."""
        if result.passed:
            return
        is_late = result.stopped is Stopped.TIME
        how = "was stopped after 10 minutes" if is_late else f"failed here (exit {result.exit_code})"
        last = next((line for line in reversed(result.last_lines) if line.strip()), "")
        # The trial's folder means nothing to the user.
        last = last.strip().replace(f"{result.folder}/", "")
        last = re.sub(rf"^{re.escape(str(result.folder.parent))}/command\.sh: line \d+: ", "", last)
        message = f"the command {how}" + (f": {last}" if last else "")
        hint = "Correct it first, or pass --no-trial."
        if result.stopped is Stopped.SIZE:
            message = f"the command was stopped, as the files that it wrote reached {LARGEST_TOTAL >> 30} GiB"
            hint = "Try it on smaller files, or pass --no-trial."
        elif result.exceeded_size or "file too large" in last.lower():
            message = f"the command was stopped, as a file that it wrote reached {LARGEST_FILE >> 30} GiB"
            hint = "Try it on smaller files, or pass --no-trial."
        elif "no such file" in last.lower():
            hint = "In a trial, only the files are there that words of the command name. " + hint
        elif is_confined() and "denied" in last.lower():
            hint = "In a trial, a command can write only to its own folder, and has no network. " + hint
        self.problems.append(problem("from-failed", message, hint, self.request.flag))
        self._raise()

    def _imported(
        self,
        template: CommandTemplate,
        found: Classified,
        pieces: Sequence[Sample],
        result: TrialResult | None,
    ) -> Imported:
        scatter = self.request.scatter
        scattered = scattered_command(template, scatter) if scatter else None
        if isinstance(scattered, RegionCommand):
            # Its region is a string, also if an update ends the scatter.
            template = scattered.template
        answers = self._answers(template, found, scattered)
        if result:
            answers["command"] = _with_versions(template, answers["packages"])
        sample = pieces[0]
        holes = {hole.name: hole for hole in template.inputs}
        complete = [self._with_index_files(piece, template) if result else piece for piece in pieces]
        kept = joined(template, scatter, complete)
        self._check_sizes({name: paths for name, paths in kept.files.items() if name not in sample.files})
        self._raise()
        typed = {
            name: _typed(holes[name], value)
            for name, value in kept.values.items()
            if name in self.request.samples or holes[name].default is None
        }
        placed, given = sample_files(holes, kept.files, typed, scattered.arrays if scattered else None)
        sources = dict(placed)
        for target, path in found.resources.items():
            sources[PurePosixPath("resources") / target] = path
        if result:
            note = f"tried in an empty folder: exit 0 after {result.seconds:.2f} s"
            self.notes.insert(0, note if is_confined() else f"{note}; {_UNCONFINED}")
        texts: dict[PurePosixPath, str] = {}
        if kept.files or typed or result:
            texts[PurePosixPath("test/input.json")] = given
        expected = ""
        if result:
            trials = [(result, self._repeated(template, sample, found, result))]
            for piece in pieces[1:]:
                of_piece = self._try(template, piece, found)
                self._check(of_piece)
                trials.append((of_piece, self._repeated(template, piece, found, of_piece)))
            is_scattered = isinstance(scattered, ScatteredCommand)
            case, golden, notes = test_case(template, trials, is_scattered=is_scattered)
            texts[case_path()] = case
            sources |= golden
            self.notes += notes
            expected = f"The expected result goes to {case_path()}."
        else:
            expected = (
                "No trial was made, so the app has no expected output: no test compares what it writes."
            )
        names = shortened([path.as_posix() for path in placed]) or "none"
        if scattered:
            self.notes.append(scattered.explanation())
        options = self._options(template, kept, typed, result)
        return Imported(
            answers,
            sources,
            texts,
            self.request.findings or self._findings(template, found, kept, result),
            (*self.request.notes, *self.notes),
            f"Sample: {names}. {expected}",
            options,
            self.request.start or ("--from-command", answers["command"]),
        )

    def _findings(
        self, template: CommandTemplate, found: Classified, sample: Sample, result: TrialResult | None
    ) -> tuple[Finding, ...]:
        findings = findings_of(self.request.text, template, found, sample, result)
        if self._regions(template) is None:
            return tuple(findings)
        # main sets the region, which is no input of the app.
        return tuple(item for item in findings if item.role != f"input   {REGION}")

    def _repeated(
        self, template: CommandTemplate, sample: Sample, found: Classified, result: TrialResult
    ) -> TrialResult | None:
        return self._try(template, sample, found) if result.seconds < _REPEATED_UP_TO else None

    def _answers(
        self, template: CommandTemplate, found: Classified, scattered: ScatteredCommand | RegionCommand | None
    ) -> dict[str, Any]:
        """Return the answers by the questions' keys."""
        packages = dict.fromkeys([*self.request.packages, *self.request.found_packages, *found.packages])
        for program in scattered.packages_used if isinstance(scattered, RegionCommand) else ():
            packages.update(dict.fromkeys(provide(program, self.request.folder).packages))
        for hole in template.inputs:
            for index in hole.index_inputs:
                if index.maker:
                    packages.update(dict.fromkeys(provide(index.maker[0], self.request.folder).packages))
        answers: dict[str, Any] = {"command": template.text, "packages": list(packages)}
        if any(name.startswith("pip:") for name in packages):
            answers["network"] = ["*"]
            self.notes.append("packages from PyPI need network access, which the app requests")
        if self.request.summary:
            answers["summary"] = self.request.summary
        if self.request.inputs is not None:
            answers["inputs"] = list(self.request.inputs)
            if scattered:
                answers["inputs"] = scattered.app_inputs(self.request.inputs)
        if scattered:
            answers["scatter"] = str(scattered.scatter)
        return answers

    def _options(
        self,
        template: CommandTemplate,
        sample: Sample,
        typed: Mapping[str, Any],
        result: TrialResult | None,
    ) -> tuple[str, ...]:
        """Return the options that, with the command template, make the same app."""
        options: list[str] = []
        for name, paths in sample.files.items():
            for path in paths if name not in self._found_beside(template, sample) else ():
                options += ["--sample", f"{name}={_shown(path, self.request.folder)}"]
        for name in typed:
            for value in sample.values[name]:
                options += ["--sample", f"{name}={value}"]
        for package in self.request.packages:
            options += ["--package", package]
        if self.request.scatter:
            options += ["--scatter", str(self.request.scatter)]
        return (*options, *(["--trial"] if result else []))

    def _found_beside(self, template: CommandTemplate, sample: Sample) -> set[str]:
        """Return the inputs whose samples are found beside those of other inputs."""
        indexes = {index.name for hole in template.inputs for index in hole.index_inputs}
        given = {name: paths for name, paths in sample.files.items() if name not in indexes}
        found = self._with_index_files(replace(sample, files=given), template).files
        return {name for name in indexes if name in found and found[name] == sample.files.get(name)}


def _with_versions(template: CommandTemplate, packages: Sequence[str]) -> str:
    """Return the command with a comment about the versions of the Debian packages in its trial."""
    text = _VERSIONS.sub("", template.text)
    found = [f"{name} {version}" for name in packages if (version := version_of(name))]
    if not found:
        return text
    last = parse_template(text).pieces[-1]
    apart = "\n" if last.kind is Kind.COMMENT or text.endswith("\n") else " "
    return f"{text}{apart}# Tried with {', '.join(found)}"


def _typed(hole: Hole, texts: tuple[str, ...]) -> Any:
    """Return the value of a sample; raise ClassValueError for a text that is no such value."""
    item = hole.io_class.removeprefix(ARRAY_PREFIX)
    values = [parse_value(item, text) for text in texts]
    return values if hole.is_array else values[0]


def _shown(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
