"""Who answers what flags and files leave open: a person at a terminal, lines from a pipe, or nobody."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.answers import Answers, gather, is_open, settle
from dx_app_wizard.answers.questions import QUESTIONS, Question
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.errors import AnswersError, ConflictError, InterruptedByUserError, NobodyToAskError
from dx_app_wizard.interview.confirm import agree, lines_of
from dx_app_wizard.interview.conversation import Conversation
from dx_app_wizard.interview.interruption import COMPLETED_BY_REPETITION, stoppable
from dx_app_wizard.interview.interview import Interview
from dx_app_wizard.interview.official_script import official_script
from dx_app_wizard.interview.prompters import SILENCE_SECONDS, LinePrompter, Prompter
from dx_app_wizard.interview.saved_answers import RESUME_COMMAND, SavedInterview, forget_saved, has_saved
from dx_app_wizard.lint.linter import lint_by_policy
from dx_app_wizard.policy.load import Policy
from dx_app_wizard.rendering.changes import OnConflict, change_set, is_taken
from dx_app_wizard.rendering.compose import compose
from dx_app_wizard.rendering.policy_fields import objection
from dx_app_wizard.rendering.provenance import RECORD_PATH, Origin, recorded
from dx_app_wizard.rendering.render import template_of
from dx_app_wizard.rendering.spec_check import check_spec, sound_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path, PurePosixPath

    from dx_app_wizard.answers.sources import Given
    from dx_app_wizard.dxapp.model import AppSpec
    from dx_app_wizard.rendering.changes import ChangeSet, FileContent
    from dx_app_wizard.rendering.plan import Plan
    from dx_app_wizard.rendering.template_choice import OwnTemplate

_WELCOME = "Type ? for help, < to go back. Ctrl-C writes nothing and keeps your answers."


@dataclass
class Dialogue:
    """What is known before anyone is asked; with `only_required`, defaults hold for all that have one.

    With `reviews`, a person is shown what will be written before it is. `interview` is the one with a person,
    whose answers are saved, `piped` the one with lines from a pipe; None as long as there is none.
    `writes_to` is the app's folder as soon as anything is written to it.
    """

    given: Given
    base: AppSpec | None
    output_dir: Path
    only_required: bool
    saved: SavedInterview
    on_conflict: OnConflict = OnConflict.ABORT
    reviews: bool = True
    policy: Policy = field(default_factory=Policy)
    template: OwnTemplate | None = None
    interview: Interview | None = field(init=False, default=None)
    piped: Interview | None = field(init=False, default=None)
    writes_to: Path | None = field(init=False, default=None)

    @contextmanager
    def keeping_answers(self) -> Iterator[None]:
        """Within, whatever ends the command leaves a person's answers for --resume, and says so.

        Ctrl-C, SIGTERM, SIGHUP and the end of input raise InterruptedByUserError.
        """
        with stoppable() as interruption:
            try:
                yield
            except BaseException as error:
                hint = self._how_to_go_on(self.interview) if self.interview else None
                if interruption.arrived or isinstance(error, (KeyboardInterrupt, EOFError)):
                    raise self._interrupted(hint, interruption.signal_number) from None
                if self.interview:
                    self.interview.conversation.prompter.say(str(hint))
                raise

    def answers(self, *, may_ask: bool) -> Answers:
        """Return all answers; ask for the open ones where there is somebody to ask.

        Raises AnswersError, ConflictError, NobodyToAskError where a person has answered before and is no
        longer there, and KeyboardInterrupt or EOFError when a person gives up.
        """
        prompter = _prompter() if may_ask and self._open_keys() else None
        is_person = prompter is not None and not (isinstance(prompter, LinePrompter) and prompter.is_pipe)
        if self.saved.lines and self._open_keys() and not is_person:
            raise NobodyToAskError
        if prompter is None:
            return gather(self.given)
        if isinstance(prompter, LinePrompter) and prompter.is_pipe:
            return self._piped(prompter)
        return self._interviewed(prompter)

    def plan(self, answers: Answers) -> Plan:
        """Return what to write for these answers; raise UnsoundSpecError if the linter would refuse it."""
        plan = compose(answers, self.base, self.policy)
        check_spec(plan.spec, self.output_dir / answers.name / FILE_NAME, self.given.base, self.policy)
        return replace(plan, template=self.template)

    def files(self, answers: Answers, plan: Plan) -> dict[PurePosixPath, FileContent]:
        """Return the files of the app, by their paths in its folder; raise UnsoundSpecError like `plan`."""
        path = self.output_dir / answers.name / FILE_NAME
        return sound_files(plan, answers.name, path, self.given.base)

    def changes(self, answers: Answers, plan: Plan, files: Mapping[PurePosixPath, FileContent]) -> ChangeSet:
        """Return what writing these files does, and the record of where they come from."""
        folder = self.output_dir / answers.name
        changes = change_set(folder, files, self.on_conflict, own=(RECORD_PATH,))
        given_text = self.base.text if self.base else None
        origin = Origin(template_of(plan, folder), answers.to_json(self.given.spec), given_text)
        return recorded(changes, files, origin)

    def write(self, changes: ChangeSet) -> None:
        """Write the files; a person's answers are kept until that is done."""
        self.writes_to = changes.folder
        changes.apply()
        if self.interview:
            forget_saved()

    def _interrupted(self, hint: str | None, signal_number: int) -> InterruptedByUserError:
        """Return what to say: in a folder that is there, some of the files may be new."""
        if self.writes_to is None or not self.writes_to.exists():
            return InterruptedByUserError(hint, signal_number)
        hints = (COMPLETED_BY_REPETITION, hint)
        message = f"interrupted while {self.writes_to} was written"
        return InterruptedByUserError("\n  ".join(filter(None, hints)), signal_number, message)

    def _open_keys(self) -> tuple[str, ...]:
        return tuple(
            question.key
            for question in QUESTIONS
            if is_open(question, self.given)
            and not (self.only_required and self._has_default(question))
            and not self._has_unsayable_default(question)
        )

    def _has_default(self, question: Question) -> bool:
        if question.asked_when is not None:
            return False
        return question.default is not None or self.given.default(question.key) is not None

    def _has_unsayable_default(self, question: Question) -> bool:
        """Return whether environment or configuration have what no line can say, such as several hosts."""
        found = self.given.default(question.key)
        return found is not None and not isinstance(found.value, (str, bool))

    def _interview(self, conversation: Conversation, taken: Callable[[str], bool]) -> Interview:
        return Interview(
            conversation,
            settle(self.given),
            self._open_keys(),
            taken,
            self._default_lines(),
            objection=partial(objection, self.policy),
        )

    def _default_lines(self) -> dict[str, str]:
        """Return what environment and configuration have for an empty line, where a line can say it."""
        found = {key: self.given.default(key) for key in self._open_keys()}
        words = {True: "y", False: "n"}
        values = {key: answer.value for key, answer in found.items() if answer}
        lines = {key: words[value] if isinstance(value, bool) else value for key, value in values.items()}
        return {key: line for key, line in lines.items() if isinstance(line, str)}

    def _is_taken(self, name: str) -> bool:
        """Return whether a person's answers would be in vain, for the folder of this name exists."""
        return self.on_conflict is OnConflict.ABORT and is_taken(self.output_dir / name)

    def _with(self, asked: dict[str, Any]) -> Given:
        return self.given.with_answers(asked)

    def _piped(self, prompter: LinePrompter) -> Answers:
        """Take lines as the answers; where there is not one, all is as without any input."""
        try:
            # The same lines may come again; whether that is a conflict, the files will tell.
            interview = self._interview(Conversation(prompter, {}, lambda _: None), lambda _: False)
            if self.base:
                script = official_script(interview, self.given)
                interview = script if prompter.has_lines(script.length) else interview
        except AnswersError:
            # Names what is missing as well as what is invalid.
            return gather(self.given)
        self.piped = interview
        try:
            asked = interview.conversation.hold(interview.ask_all)
        except EOFError:
            if prompter.started:
                raise AnswersError(tuple(interview.unanswered())) from None
            return gather(self.given)
        return gather(self._with(asked))

    def _interviewed(self, prompter: Prompter) -> Answers:
        """Ask a person, and show what will be written before it is."""
        conversation = Conversation(prompter, dict(self.saved.lines), self._save)
        interview = self._interview(conversation, self._is_taken)
        name = interview.settled.get("name")
        if name and self._is_taken(name):
            raise ConflictError(self.output_dir / name)
        self.interview = interview
        prompter.say(_WELCOME)
        if self.saved.lines:
            prompter.say(f"Going on after {len(self.saved.lines)} answers of before; < leads back to them.")
        while True:
            answers = self._gathered(interview)
            if answers is not None and (not self.reviews or self._agreed(interview, answers)):
                return answers

    def _gathered(self, interview: Interview) -> Answers | None:
        """Return the answers; None when some do not go together, which are then to be asked again."""
        asked = interview.conversation.hold(interview.ask_all)
        try:
            return gather(self._with(asked))
        except AnswersError as error:
            for problem in error.problems:
                if problem.key not in interview.open_keys:
                    raise
                interview.conversation.prompter.complain(f"Error: {problem.message}")
                interview.conversation.forget(lines_of(problem.key))
            return None

    def _agreed(self, interview: Interview, answers: Answers) -> bool:
        """Show what will be written; return True to write it, False when an answer is to be given anew."""
        from dx_app_wizard.interview.review import show_review

        plan = self.plan(answers)
        files = self.files(answers, plan)
        show_review(plan, self.changes(answers, plan, files), self.base)
        return agree(interview, lint_by_policy(plan.spec.raw, self.policy))

    def _save(self, lines: dict[str, str]) -> None:
        # A home that cannot be written is no reason to stop an interview.
        with suppress(OSError):
            replace(self.saved, lines=lines).save()

    def _how_to_go_on(self, interview: Interview) -> str:
        command = f"As one command: {self.saved.command_line({**self.saved.flags, **interview.asked})}"
        return f"Resume: {RESUME_COMMAND}\n  {command}" if has_saved() else command


def _prompter() -> Prompter | None:
    """Return who answers, or None where there is no stdin, or a terminal that shows no prompts."""
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, ValueError, io.UnsupportedOperation):
        return None
    if not os.isatty(descriptor):
        return LinePrompter(descriptor, SILENCE_SECONDS)
    if not sys.stderr.isatty():
        return None
    _speak_utf8()
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return LinePrompter(descriptor, None)
    from dx_app_wizard.interview.terminal import TerminalPrompter

    return TerminalPrompter()


def _speak_utf8() -> None:
    """Where the locale knows ASCII only, take the terminal for one that shows UTF-8, as nearly all do."""
    for stream in (sys.stdin, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and codecs.lookup(stream.encoding).name == "ascii":
            stream.reconfigure(encoding="utf-8")
