"""From flags, files and whoever is asked to the folder of an app."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answering.answers_file import STANDARD_INPUT, read_answers
from dx_app_wizard.answering.settings import environment_sources
from dx_app_wizard.answering.sources import Given, Source
from dx_app_wizard.asking.dialogue import Dialogue
from dx_app_wizard.asking.saved import SavedInterview
from dx_app_wizard.errors import (
    AnswersError,
    FindingsError,
    NotWritableError,
    Place,
    SpecFileError,
)
from dx_app_wizard.remedy import remedy
from dx_app_wizard.spec import jsonfile
from dx_app_wizard.spec.model import FILE_NAME, AppSpec
from dx_app_wizard.spec.policy import load_policy
from dx_app_wizard.writing.change_report import changes_json, preview_text, written_text
from dx_app_wizard.writing.changes import OnConflict
from dx_app_wizard.writing.policy import default_sources, judged
from dx_app_wizard.writing.render import render
from dx_app_wizard.writing.spec_difference import spec_difference
from dx_app_wizard.writing.template_choice import absolute_source, choose_template

if TYPE_CHECKING:
    from dx_app_wizard.answering.answers import Answers
    from dx_app_wizard.errors import UserError
    from dx_app_wizard.spec.findings import Finding
    from dx_app_wizard.spec.policy import Policy
    from dx_app_wizard.writing.changes import ChangeSet


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
    of the policy in what that allows; `answers` are those that, with the same dxapp.json and policy, give the
    same app again.
    """

    name: str
    changes: ChangeSet
    was_new: bool
    dry_run: bool
    difference: str = ""
    findings: tuple[Finding, ...] = ()
    answers: dict[str, Any] = field(default_factory=dict)

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
        files = render(plan, answers.name)
        findings = judged(files, folder / FILE_NAME, dialogue.policy)
        changes = dialogue.changes(answers, plan, files)
        used = answers.to_json(dialogue.given.spec)
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
        )
        if not options.dry_run:
            dialogue.write(changes)
    return generated


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
    base, stands = None, Source({})
    if "json_file" in elsewhere:
        base, stands = load_spec(elsewhere["json_file"], policy)
    sources = [Source(saved.flags)]
    if "answers" in elsewhere:
        sources.append(read_answers(elsewhere["answers"]))
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


def load_spec(path: Path, policy: Policy) -> tuple[AppSpec, Source]:
    """Read the dxapp.json to start from; raise FindingsError if more is wrong than things being absent.

    What the policy ignores, or says is no error, is none.
    """
    from dx_app_wizard.spec.lint import lint_document

    document = jsonfile.read_given(path)
    if not isinstance(document.value, dict):
        raise SpecFileError(path, "must hold a JSON object", 1, 1)
    findings = policy.judged(lint_document(document, absent=False, file=path.name))
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        raise FindingsError(path, errors)
    spec = AppSpec(document.value, document.text)
    return spec, Source(document.value, Place(str(path)), positions=document.positions)
