"""Collect the answers still missing after flags and files: interactively, from a pipe, or not at all."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from dx_app_wizard.answers.answers import Answers, gather, is_open, resolve
from dx_app_wizard.answers.policy_defaults import policy_error
from dx_app_wizard.answers.questions import QUESTIONS, Question
from dx_app_wizard.commands.saved_answers import SavedInterview, has_saved
from dx_app_wizard.console import own_commands
from dx_app_wizard.errors import AnswersError, NoTerminalError
from dx_app_wizard.interview.confirm import confirm_write, is_line_of
from dx_app_wizard.interview.conversation import Conversation
from dx_app_wizard.interview.interruption import interruptible
from dx_app_wizard.interview.interview import Interview
from dx_app_wizard.interview.official_script import official_script
from dx_app_wizard.interview.prompters import LinePrompter, Prompter, choose_prompter
from dx_app_wizard.policy.model import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dx_app_wizard.answers.sources import AnswerSources
    from dx_app_wizard.errors import ConflictError
    from dx_app_wizard.interview.confirm import Review
    from dx_app_wizard.interview.interruption import Interruption

_WELCOME = "Type ? for help, < to go back. Ctrl-C writes nothing and keeps your answers."


@dataclass
class AnswerCollector:
    """A collector of answers; `interview` is the one with a person, `piped` the one with a pipe.

    With `only_required`, questions with a default are not asked. `conflict` returns why no app of a name can
    be created. `review` shows a person the app to be written; without it, nothing is confirmed.
    """

    sources: AnswerSources
    saved: SavedInterview
    policy: Policy = field(default_factory=Policy)
    only_required: bool = False
    has_given_spec: bool = False
    conflict: Callable[[str], ConflictError | None] = lambda _name: None
    review: Callable[[Answers], Review] | None = None
    interview: Interview | None = field(init=False, default=None)
    piped: Interview | None = field(init=False, default=None)

    @contextmanager
    def keeping_answers(self) -> Iterator[Interruption]:
        """Keep a person's answers for --resume if the block fails, and print how to resume.

        Ctrl-C, SIGTERM, SIGHUP and the end of input raise InterruptedByUserError.
        """
        with interruptible() as interruption:
            try:
                yield interruption
            except BaseException as error:
                hint = self._resume_hint(self.interview) if self.interview else None
                if interruption.arrived or isinstance(error, (KeyboardInterrupt, EOFError)):
                    raise interruption.error(hint) from None
                if self.interview:
                    self.interview.conversation.prompter.say(str(hint))
                raise

    def collect(self, *, may_ask: bool) -> Answers:
        """Return all answers; ask the open questions if `may_ask` and there is somebody to answer.

        Raises AnswersError; ConflictError; NoTerminalError if a person's interview is to be resumed without a
        terminal; KeyboardInterrupt or EOFError if the person cancels.
        """
        prompter = choose_prompter() if may_ask and self._open_keys() else None
        is_pipe = isinstance(prompter, LinePrompter) and prompter.is_pipe
        if self.saved.lines and self._open_keys() and (prompter is None or is_pipe):
            raise NoTerminalError
        if prompter is None:
            return gather(self.sources)
        if isinstance(prompter, LinePrompter) and is_pipe:
            return self._read_lines(prompter)
        return self._interview_person(prompter)

    def _open_keys(self) -> tuple[str, ...]:
        return tuple(
            question.key
            for question in QUESTIONS
            if is_open(question, self.sources)
            and not (self.only_required and self._has_default(question))
            and not self._has_unprintable_default(question)
        )

    def _has_default(self, question: Question) -> bool:
        if question.asked_when is not None:
            return False
        return question.default is not None or self.sources.default(question.key) is not None

    def _has_unprintable_default(self, question: Question) -> bool:
        """Return whether the default cannot be written as one line, such as several hosts."""
        found = self.sources.default(question.key)
        return found is not None and not isinstance(found.value, (str, bool))

    def _new_interview(self, conversation: Conversation, name_exists: Callable[[str], bool]) -> Interview:
        return Interview(
            conversation,
            resolve(self.sources),
            self._open_keys(),
            name_exists,
            self._default_lines(),
            policy_error=partial(policy_error, self.policy),
        )

    def _default_lines(self) -> dict[str, str]:
        """Return the defaults from environment and policy, as the lines that a person would type."""
        found = {key: self.sources.default(key) for key in self._open_keys()}
        words = {True: "y", False: "n"}
        values = {key: answer.value for key, answer in found.items() if answer}
        lines = {key: words[value] if isinstance(value, bool) else value for key, value in values.items()}
        return {key: line for key, line in lines.items() if isinstance(line, str)}

    def _read_lines(self, prompter: LinePrompter) -> Answers:
        """Return the answers from a pipe; an empty pipe is the same as no pipe."""
        try:
            # Scripts may run twice. Whether the app that exists then is a conflict depends on its files.
            interview = self._new_interview(Conversation(prompter, {}, lambda _: None), lambda _: False)
            if self.has_given_spec:
                script = official_script(interview, self.sources)
                interview = script if prompter.has_lines(script.length) else interview
        except AnswersError:
            # The error of `gather` lists missing answers as well as invalid ones.
            return gather(self.sources)
        self.piped = interview
        try:
            asked = interview.conversation.run(interview.ask_all)
        except EOFError:
            if prompter.started:
                raise AnswersError(tuple(interview.unanswered())) from None
            return gather(self.sources)
        return gather(self.sources.with_answers(asked))

    def _interview_person(self, prompter: Prompter) -> Answers:
        conversation = Conversation(prompter, dict(self.saved.lines), self._save)
        interview = self._new_interview(conversation, lambda name: self.conflict(name) is not None)
        name = interview.resolved.get("name")
        if name and (conflict := self.conflict(name)):
            raise conflict
        self.interview = interview
        prompter.say(_WELCOME)
        if self.saved.lines:
            prompter.say(f"Resuming after {len(self.saved.lines)} answers; < goes back to them.")
        while True:
            answers = self._ask(interview)
            if answers is not None and self._is_confirmed(interview, answers):
                return answers

    def _ask(self, interview: Interview) -> Answers | None:
        """Return the answers, or None if some contradict each other; those will be asked again."""
        asked = interview.conversation.run(interview.ask_all)
        try:
            return gather(self.sources.with_answers(asked))
        except AnswersError as error:
            for problem in error.problems:
                if problem.key not in interview.open_keys:
                    raise
                interview.conversation.prompter.error(f"Error: {problem.message}")
                interview.conversation.forget(is_line_of(problem.key))
            return None

    def _is_confirmed(self, interview: Interview, answers: Answers) -> bool:
        return self.review is None or confirm_write(interview, self.review(answers))

    def _save(self, lines: dict[str, str]) -> None:
        # The interview goes on even if the state folder cannot be written.
        with suppress(OSError):
            replace(self.saved, lines=lines).save()

    def _resume_hint(self, interview: Interview) -> str:
        command = f"As one command: {self.saved.command_line({**self.saved.flags, **interview.answered()})}"
        return f"Resume: {own_commands.dx_app_wizard()} --resume\n  {command}" if has_saved() else command
