"""From flags, files and whoever is asked to the folder of an app."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.answers_file import JSON_FILE_KEY, STANDARD_INPUT, read_answers
from dx_app_wizard.answers.given_spec import spec_to_start_from
from dx_app_wizard.answers.settings import environment_sources
from dx_app_wizard.answers.sources import Given, Source
from dx_app_wizard.commands.answer import Dialogue
from dx_app_wizard.commands.suggestion import remedy
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.errors import AnswersError, NotWritableError
from dx_app_wizard.interview.saved_answers import SavedInterview
from dx_app_wizard.policy.load import load_policy
from dx_app_wizard.rendering.change_report import changes_json, preview_text, written_text
from dx_app_wizard.rendering.changes import OnConflict
from dx_app_wizard.rendering.policy_fields import default_sources, judged
from dx_app_wizard.rendering.spec_difference import spec_difference
from dx_app_wizard.rendering.template_choice import absolute_source, choose_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.answers.answers import Answers
    from dx_app_wizard.errors import UserError
    from dx_app_wizard.lint.findings import Finding
    from dx_app_wizard.rendering.changes import ChangeSet


@dataclass(frozen=True)
class Options:
    """What the flags say beyond the answers."""

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


@dataclass(frozen=True)
class Generated:
    """An app that was written, or would be with `dry_run`: its name, and what happened to each file.

    `difference` is what was filled in to the dxapp.json that was given, `findings` where the app falls short
    of the policy in what that allows; an answers file with these `answers` gives the same app again, under
    the same policy. `notes` name what was probably forgotten.
    """

    name: str
    changes: ChangeSet
    was_new: bool
    dry_run: bool
    difference: str = ""
    findings: tuple[Finding, ...] = ()
    answers: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def error(self) -> UserError | None:
        """Why a real run would write nothing."""
        return self.changes.conflict()

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
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
        """Return what is data: the folder's path, or what would be written."""
        return preview_text(self.changes) if self.dry_run else str(self.changes.folder)

    def talk(self) -> str:
        """Return what people are told beside it."""
        done = written_text(self.changes, was_new=self.was_new)
        lines = [self.difference] if self.difference and self.changes.writes else []
        lines += [str(finding) for finding in self.findings]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join([*lines, "Nothing was written." if self.dry_run else done])


def generate(options: Options, flags: dict[str, Any]) -> Generated:
    """Write the app that flags, files and whoever is asked describe; with dry_run, tell what that would do.

    Raises ConflictError where something is in the way, DisallowedError where the policy stands against it.
    """
    dialogue = _dialogue(options, flags)
    with dialogue.keeping_answers():
        answers = _answers(dialogue, options)
        plan = dialogue.plan(answers)
        folder = dialogue.output_dir / answers.name
        files = dialogue.files(answers, plan)
        findings = judged(files, folder / FILE_NAME, dialogue.policy)
        changes = dialogue.changes(answers, plan, files)
        used = answers.to_json(dialogue.given.spec)
        if dialogue.base and dialogue.base.text is not None:
            # The schema of answers files asks for the language.
            used |= {"language": answers.language, JSON_FILE_KEY: dialogue.base.text.split("\n")}
        # A person has seen it in the review.
        base = None if dialogue.interview else dialogue.base
        difference = spec_difference(plan.spec, base) if base else ""
        generated = Generated(
            answers.name,
            changes,
            changes.is_new,
            options.dry_run,
            difference,
            tuple(findings),
            used,
            tuple(_notes(dialogue, options)),
        )
        if not options.dry_run:
            dialogue.write(changes)
    return generated


def _notes(dialogue: Dialogue, options: Options) -> Iterator[str]:
    """Yield that a whole app was described but for its inputs and outputs, which people rarely mean."""
    given = dialogue.given
    said = any(given.settled(key) or given.default(key) for key in ("inputs", "outputs"))
    asked = dialogue.interview or dialogue.piped
    if options.answers_file and not (dialogue.base or asked or said):
        yield f"the app has no inputs and no outputs, for {options.answers_file} names none."


def _answers(dialogue: Dialogue, options: Options) -> Answers:
    try:
        return dialogue.answers(may_ask=_may_ask(options))
    except AnswersError as error:
        taken = dialogue.piped.asked if dialogue.piped else {}
        command = replace(dialogue.saved, flags={**dialogue.saved.flags, **taken})
        hint = remedy(dialogue.given, command, error.problems)
        raise AnswersError(error.problems, hint) from None


def _dialogue(options: Options, flags: dict[str, Any]) -> Dialogue:
    """Return what flags and files say, and with --resume also what was said before, where they do not."""
    names = {
        "json_file": options.json_file,
        "answers": options.answers_file,
        "output_dir": None if options.output_dir == Path() else options.output_dir,
    }
    named = {name: path for name, path in names.items() if path is not None}
    paths = {name: str(path.absolute()) for name, path in named.items()}
    template = absolute_source(options.template_source)
    modes = {"on_conflict": options.on_conflict, "template_source": template}
    given_modes = {name: mode for name, mode in modes.items() if mode is not None}
    saved = SavedInterview(flags, paths, modes=given_modes, only_required=options.defaults)
    if options.resume:
        former = SavedInterview.load()
        saved = SavedInterview(
            {**former.flags, **flags},
            {**former.paths, **paths},
            former.lines,
            {**former.modes, **saved.modes},
            former.only_required or saved.only_required,
        )
    elsewhere = {name: Path(os.path.relpath(path)) for name, path in saved.paths.items()} | named
    output_dir = elsewhere.get("output_dir", Path())
    _check_output_dir(output_dir)
    policy = load_policy(output_dir)
    answers_file = read_answers(elsewhere["answers"]) if "answers" in elsewhere else None
    start = spec_to_start_from(elsewhere.get("json_file"), answers_file, policy)
    base, stands = start or (None, Source({}))
    sources = [Source(saved.flags)]
    if answers_file:
        sources.append(answers_file.source)
    sources += environment_sources(os.environ)
    return Dialogue(
        given=Given((*sources, *default_sources(policy)), stands),
        base=base,
        output_dir=output_dir,
        only_required=saved.only_required,
        saved=saved,
        on_conflict=OnConflict(saved.modes.get("on_conflict", "abort")),
        reviews=not options.dry_run,
        policy=policy,
        template=choose_template(saved.modes.get("template_source"), policy),
    )


def _check_output_dir(folder: Path) -> None:
    """Raise NotWritableError where no folder can be: nobody is to hear that after twelve questions."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return
        if os.path.lexists(place):
            error = NotADirectoryError(errno.ENOTDIR, "there is no folder, but something else", str(place))
            raise NotWritableError(error)


def _may_ask(options: Options) -> bool:
    """Return whether stdin may hold answers to questions: it does not where it holds the answers file."""
    return not (options.no_input or options.as_json or options.answers_file == STANDARD_INPUT or _in_ci())


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
