"""Create an app: gather the answers, render the templates, write the folder."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.command_answers import with_command_answers
from dx_app_wizard.answers.files.answers_file import JSON_FILE_KEY, STANDARD_INPUT, read_answers
from dx_app_wizard.answers.files.given_spec import load_given_spec
from dx_app_wizard.answers.policy_defaults import default_sources
from dx_app_wizard.answers.settings import environment_sources
from dx_app_wizard.answers.sources import AnswerSources, Source
from dx_app_wizard.commands.answer import AnswerCollector
from dx_app_wizard.commands.saved_answers import SavedInterview, forget_saved
from dx_app_wizard.commands.start_options import StartOptions
from dx_app_wizard.commands.suggestion import suggest_command
from dx_app_wizard.errors import AnswersError, CommandLineError, ConflictError, NotWritableError
from dx_app_wizard.interview.confirm import Review
from dx_app_wizard.interview.interruption import interruptible
from dx_app_wizard.interview.prompts import Prompt
from dx_app_wizard.policy.lint import lint_by_policy
from dx_app_wizard.policy.load import load_policy
from dx_app_wizard.rendering.change_report import changes_json, preview_text, written_text
from dx_app_wizard.rendering.changes import OnConflict, change_set, is_in_use
from dx_app_wizard.rendering.compose import spec_difference
from dx_app_wizard.rendering.draft import Basis, draft_app
from dx_app_wizard.rendering.provenance import RECORD_PATH, with_new_record
from dx_app_wizard.rendering.render import sample_paths
from dx_app_wizard.rendering.spec_check import check_policy
from dx_app_wizard.rendering.template_choice import absolute_source, choose_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import PurePosixPath

    from dx_app_wizard.answers.answers import Answers
    from dx_app_wizard.commands.start_from import Start
    from dx_app_wizard.errors import UserError
    from dx_app_wizard.interview.prompters import Prompter
    from dx_app_wizard.lint.findings import Finding
    from dx_app_wizard.rendering.changes import ChangeSet, FileContent
    from dx_app_wizard.rendering.draft import Draft


@dataclass(frozen=True)
class Options:
    """The options of the command line that are not answers."""

    json_file: Path | None
    answers_file: Path | None
    output_dir: Path
    as_json: bool
    on_conflict: str | None = None
    template_source: str | None = None
    dry_run: bool = False
    no_input: bool = False
    defaults: bool = False
    resume: bool = False
    start: StartOptions = field(default_factory=StartOptions)

    @property
    def may_ask(self) -> bool:
        """True if stdin may have answers to questions, which excludes the answers file."""
        return not (self.no_input or self.as_json or self.answers_file == STANDARD_INPUT or _in_ci())


@dataclass(frozen=True)
class CreatedApp:
    """An app that was written, or would be with `dry_run`.

    `difference` is the change to the given dxapp.json, `findings` are the policy's warnings. An answers file
    with these `answers` creates the same app under the same policy. `notes` are about probable mistakes.
    `report` is about the command that the app was made of.
    """

    name: str
    changes: ChangeSet
    was_new: bool
    dry_run: bool
    difference: str = ""
    findings: tuple[Finding, ...] = ()
    answers: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    report: tuple[str, ...] = ()

    @property
    def error(self) -> UserError | None:
        """The error that a real run would raise instead of writing."""
        return self.changes.conflict()

    def to_json(self) -> dict[str, Any]:
        """Return the part of the object that `--json` prints."""
        app = {
            "name": self.name,
            "path": str(self.changes.folder),
            "files": [change.path.as_posix() for change in self.changes.changes],
            "dry_run": self.dry_run,
            "changes": changes_json(self.changes, with_text=self.dry_run),
        }
        findings = [finding.to_json() for finding in self.findings]
        return {"app": app, "answers": self.answers, "findings": findings}

    def output(self) -> str:
        """Return the text for stdout: the folder's path, or a preview of the files."""
        return preview_text(self.changes) if self.dry_run else str(self.changes.folder)

    def summary(self) -> str:
        """Return the text for stderr."""
        done = written_text(self.changes, was_new=self.was_new)
        lines = list(self.report)
        lines += [self.difference] if self.difference and self.changes.writes else []
        lines += [str(finding) for finding in self.findings]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join([*lines, "Nothing was written." if self.dry_run else done])


def create(options: Options, flags: dict[str, Any]) -> CreatedApp:
    """Create the app that flags, files and the interview describe; with dry_run, only report the changes.

    Raises ConflictError if existing files are in the way, and DisallowedError if the policy forbids the app.
    """
    with interruptible() as interruption:
        try:
            start = _start(options, flags)
        except (KeyboardInterrupt, EOFError):
            raise interruption.error(None) from None
    creation, collector = _prepare(options, flags, start)
    with collector.keeping_answers() as interruption:
        answers = _collect(collector, options)
        if start and start.prompter and not collector.interview:
            _confirm(start.prompter, creation, answers, options)
        draft = creation.draft(answers)
        files = creation.files(draft)
        findings = check_policy(files, draft.folder, creation.basis.policy)
        changes = creation.changes(draft, files)
        created = CreatedApp(
            answers.name,
            changes,
            changes.is_new,
            options.dry_run,
            # A person has seen the difference in the review.
            "" if collector.interview else creation.difference(draft),
            tuple(findings),
            creation.used_answers(answers),
            tuple(_notes(collector, options)),
            tuple(start.report(answers.name)) if start else (),
        )
        if not options.dry_run:
            interruption.folder = changes.folder
            changes.apply()
            if collector.interview:
                forget_saved()
    return created


@dataclass(frozen=True)
class _Creation:
    """The creation of an app in `output_dir` from answers."""

    basis: Basis
    output_dir: Path
    on_conflict: OnConflict
    own_files: Mapping[PurePosixPath, FileContent] = field(default_factory=dict)

    def files(self, draft: Draft) -> dict[PurePosixPath, FileContent]:
        """Return the rendered files, and those that were imported; they replace its sample."""
        replaced = self._replaced(draft)
        rendered = {path: content for path, content in draft.render().items() if path not in replaced}
        return {**rendered, **self.own_files}

    def _replaced(self, draft: Draft) -> tuple[PurePosixPath, ...]:
        """Return the paths of the rendered sample if an imported one replaces it."""
        sample = sample_paths(draft.plan)
        return sample if any(path in self.own_files for path in sample) else ()

    def draft(self, answers: Answers) -> Draft:
        return draft_app(answers, self.output_dir / answers.name, self.basis)

    def changes(self, draft: Draft, files: Mapping[PurePosixPath, FileContent]) -> ChangeSet:
        """Return the changes that write these files and the record of their origin."""
        changes = change_set(draft.folder, files, self.on_conflict, own=(RECORD_PATH,))
        return with_new_record(changes, files, draft.origin, self.own_files, self._replaced(draft))

    def conflict(self, name: str) -> ConflictError | None:
        """Return the error for an app whose folder exists, which is better raised before the interview."""
        folder = self.output_dir / name
        in_the_way = self.on_conflict is OnConflict.ABORT and is_in_use(folder)
        return ConflictError(folder) if in_the_way else None

    def review(self, answers: Answers) -> Review:
        """Show what would be written, with the policy's findings."""
        # Rich takes a while to import.
        from dx_app_wizard.commands.review import show_review

        draft = self.draft(answers)
        changes = self.changes(draft, self.files(draft))
        pages = show_review(answers, draft.plan, changes, self.basis.spec)
        return Review(tuple(lint_by_policy(draft.plan.spec.raw, self.basis.policy)), pages)

    def difference(self, draft: Draft) -> str:
        """Return the difference to the given dxapp.json, if there is one."""
        return spec_difference(draft.plan.spec, self.basis.spec) if self.basis.spec else ""

    def used_answers(self, answers: Answers) -> dict[str, Any]:
        """Return an answers file that creates the same app, with the given dxapp.json in it."""
        used = answers.to_json(self.basis.source.answers)
        if self.basis.spec and self.basis.spec.text is not None:
            # The schema of answers files requires the language.
            used |= {"language": answers.language, JSON_FILE_KEY: self.basis.spec.text.split("\n")}
        return used


def _notes(collector: AnswerCollector, options: Options) -> Iterator[str]:
    """Yield a note if an answers file describes an app without inputs and outputs, probably by mistake."""
    sources = collector.sources
    has_parameters = any(sources.resolved(key) or sources.default(key) for key in ("inputs", "outputs"))
    was_asked = collector.interview or collector.piped
    if options.answers_file and not (collector.has_given_spec or was_asked or has_parameters):
        yield f"the app has no inputs and no outputs: {options.answers_file} lists none."


def _collect(collector: AnswerCollector, options: Options) -> Answers:
    try:
        return collector.collect(may_ask=options.may_ask)
    except AnswersError as error:
        asked = collector.piped.asked if collector.piped else {}
        command = replace(collector.saved, flags={**collector.saved.flags, **asked})
        hint = suggest_command(collector.sources, command, error.problems)
        raise AnswersError(error.problems, hint) from None


def _confirm(prompter: Prompter, creation: _Creation, answers: Answers, options: Options) -> None:
    """Show a person the app that was imported; raise KeyboardInterrupt if it is not to be written."""
    if conflict := creation.conflict(answers.name):
        raise conflict
    if options.dry_run:
        return
    review = creation.review(answers)
    for finding in review.findings:
        prompter.say(str(finding))
    words = ", ".join(f"{word} {page.title}" for word, page in review.pages.items())
    prompt = Prompt(f"Write the app? <ENTER> yes, {words}, q cancels")
    while (line := prompter.ask(prompt).strip().lower()) not in ("", "y", "yes"):
        if line in ("q", "quit", "cancel", "n", "no"):
            raise KeyboardInterrupt
        if line in review.pages:
            review.pages[line].show()
        else:
            prompter.say(f"Press Enter to write the app, or enter {words} or q.")


def _start(options: Options, flags: Mapping[str, Any]) -> Start | None:
    """Return the app that was imported from something, None if there is nothing to start from."""
    options.start.check()
    if not options.start.imports:
        return None
    from dx_app_wizard.commands.start_from import start_from  # few apps are imported

    return start_from(options.start, flags, may_ask=options.may_ask)


def _prepare(
    options: Options, flags: dict[str, Any], start: Start | None
) -> tuple[_Creation, AnswerCollector]:
    """Read all files, and combine them with the flags and, with --resume, the saved interview."""
    if start:
        imported = start.answers()
        flags = {**imported, **flags, "command": imported["command"]}
        if imported.get("scatter"):
            # A person may have renamed its input.
            flags["scatter"] = imported["scatter"]
    named = _named_paths(options)
    saved = _saved(options, flags, named)
    # A saved path is absolute; messages name it relative to the current folder.
    paths = {name: Path(os.path.relpath(path)) for name, path in saved.paths.items()} | named
    output_dir = paths.get("output_dir", Path())
    _check_output_dir(output_dir)
    policy = load_policy(output_dir)
    answers_file = read_answers(paths["answers"]) if "answers" in paths else None
    spec, source = load_given_spec(paths.get("json_file"), answers_file, policy) or (None, Source({}))
    sources = [Source(saved.flags)]
    if answers_file:
        sources.append(answers_file.source)
    sources += [*environment_sources(os.environ), *default_sources(policy)]
    if start and "scatter" not in flags and any(source.answers.get("scatter") for source in sources):
        raise CommandLineError("Pass --scatter as an option, as the trial of the command depends on it.")
    sources = [*with_command_answers(sources)]
    template = choose_template(saved.modes.get("template_source"), policy)
    on_conflict = OnConflict(saved.modes.get("on_conflict", "abort"))
    own_files = start.files if start else {}
    creation = _Creation(Basis(spec, source, policy, template), output_dir, on_conflict, own_files)
    collector = AnswerCollector(
        AnswerSources(tuple(sources), source),
        saved,
        policy,
        only_required=saved.only_required or start is not None,
        has_given_spec=spec is not None,
        conflict=creation.conflict,
        review=None if options.dry_run else creation.review,
    )
    return creation, collector


def _named_paths(options: Options) -> dict[str, Path]:
    paths = {
        "json_file": options.json_file,
        "answers": options.answers_file,
        "output_dir": None if options.output_dir == Path() else options.output_dir,
    }
    return {name: path for name, path in paths.items() if path is not None}


def _saved(options: Options, flags: dict[str, Any], named: Mapping[str, Path]) -> SavedInterview:
    """Return the flags, paths and modes to save; with --resume, added to those of the saved interview."""
    # --resume creates the app in the same folder, wherever it is called.
    here = {} if options.resume else {"output_dir": Path()}
    paths = {name: str(path.absolute()) for name, path in {**here, **named}.items()}
    modes = {
        "on_conflict": options.on_conflict,
        "template_source": absolute_source(options.template_source),
    }
    given_modes = {name: mode for name, mode in modes.items() if mode is not None}
    saved = SavedInterview(flags, paths, modes=given_modes, only_required=options.defaults)
    return SavedInterview.load().continued_with(saved) if options.resume else saved


def _check_output_dir(folder: Path) -> None:
    """Raise NotWritableError if the folder cannot be created; after the interview, that would be too late."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return
        if os.path.lexists(place):
            error = NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(place))
            raise NotWritableError(error)


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
