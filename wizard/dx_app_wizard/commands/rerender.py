"""Re-render an app from its record, with new answers and today's template."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.answers import gather
from dx_app_wizard.answers.command_answers import COMMAND, with_command_answers
from dx_app_wizard.answers.files.answers_file import read_answers
from dx_app_wizard.answers.files.given_spec import load_given_spec
from dx_app_wizard.answers.policy_defaults import default_sources
from dx_app_wizard.answers.questions import QUESTIONS
from dx_app_wizard.answers.settings import environment_sources
from dx_app_wizard.answers.sources import AnswerSources, Source
from dx_app_wizard.answers.spec_answers import MISSING
from dx_app_wizard.commands.recorded_command import adapt_command
from dx_app_wizard.commands.recorded_scatter import adapt_scatter
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.errors import AnswersError, Place, Problem, RecordError, SpecFileError
from dx_app_wizard.policy.load import load_policy
from dx_app_wizard.rendering.draft import Basis, draft_app
from dx_app_wizard.rendering.provenance import BUILT_IN, RECORD_PATH, Origin
from dx_app_wizard.rendering.template_choice import FLAG, TemplateError, choose_template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePosixPath

    from dx_app_wizard.commands.create import Options
    from dx_app_wizard.policy.model import Policy
    from dx_app_wizard.rendering.changes import FileContent


def rerender(
    folder: Path, previous: Origin, options: Options, flags: Mapping[str, Any]
) -> tuple[Origin, dict[PurePosixPath, FileContent]]:
    """Return the origin and the files of the app in folder, rendered with today's template and answers.

    New answers in flags and files take precedence over the recorded ones in `previous`. Raises AnswersError,
    RecordError, UnsoundSpecError, and TemplateError if the template is another one although the user has not
    asked for that.
    """
    policy = load_policy(folder)
    spec, sources = _sources(folder, previous, options, flags, policy)
    answers = gather(sources)
    if answers.name != previous.answers.get("name", answers.name):
        raise AnswersError((Problem("name", "NAME", "an existing app keeps its name"),))
    template = choose_template(options.template_source, policy)
    draft = draft_app(answers, folder, Basis(spec, sources.base, policy, template))
    if options.template_source is None and draft.origin.template.source != previous.template.source:
        raise _another_template(previous.template.source, draft.origin.template.source)
    return draft.origin, draft.render()


def _sources(
    folder: Path, previous: Origin, options: Options, flags: Mapping[str, Any], policy: Policy
) -> tuple[AppSpec | None, AnswerSources]:
    """Return the given dxapp.json and the sources: flags and files, then the record, then defaults.

    A new dxapp.json replaces the recorded one, and the recorded answers to questions that it answers.
    """
    place = Place(str(folder / RECORD_PATH))
    recorded = dict(previous.answers)
    spec: AppSpec | None = None
    spec_source = Source({}, place)
    answers_file = read_answers(options.answers_file) if options.answers_file is not None else None
    if given := load_given_spec(options.json_file, answers_file, policy):
        spec, spec_source = given
        for question in QUESTIONS:
            if question.spec_answer(spec.raw) is not MISSING:
                recorded.pop(question.key, None)
    elif previous.json_file is not None:
        spec = _recorded_spec(previous.json_file, folder / RECORD_PATH)
        spec_source = Source(spec.raw, place)
    new = [Source(flags)]
    if answers_file:
        new.append(answers_file.source)
    changed = {**new[-1].answers, **flags}
    adapt_command(recorded, changed)
    for key in _outdated(recorded, changed):
        del recorded[key]
    if not (changed.get(COMMAND) or recorded.get(COMMAND)):
        adapt_scatter(recorded, changed, spec.raw if spec else {})
    defaults = (*environment_sources(os.environ), *default_sources(policy))
    sources = with_command_answers((*new, Source(recorded, place), *defaults))
    return spec, AnswerSources(sources, spec_source)


def _outdated(recorded: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the keys of recorded answers that were only defaults derived from answers which are now new.

    The summary derives from the title, and the instance type from the region.
    """
    known = {key: value for key, value in recorded.items() if isinstance(value, str)}
    changed = {key: value for key, value in new.items() if isinstance(value, str)}
    outdated: list[str] = []
    for question in QUESTIONS:
        key = question.key
        if question.default is None or key not in known or key == "scatter" or new.get(key) is not None:
            continue
        kept = {name: value for name, value in known.items() if name not in outdated}
        if known[key] == question.default(known) != question.default({**kept, **changed}):
            outdated.append(key)
    return outdated


def _recorded_spec(text: str, path: Path) -> AppSpec:
    try:
        document = json_document.parse(text, path)
    except SpecFileError as error:
        raise RecordError(SpecFileError(path, f"has a json_file that {error.message}")) from error
    if not isinstance(document.value, dict):
        raise RecordError(SpecFileError(path, "has a json_file that is not a JSON object"))
    return AppSpec(document.value, document.text)


def _another_template(previous: str, chosen: str) -> TemplateError:
    # The record is no permission to run a template, which is a program: somebody else may have written it.
    names = [
        ("the built-in template" if source == BUILT_IN else f"{source!r}") for source in (previous, chosen)
    ]
    return TemplateError(
        f"the app was written by {names[0]}, but {names[1]} would be used now",
        f"Name the template to use with {FLAG}.",
    )
