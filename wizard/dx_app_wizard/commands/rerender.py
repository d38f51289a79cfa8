"""An app rendered anew: from what is recorded of it, what is answered now, and the template of today."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.answers import gather
from dx_app_wizard.answers.answers_file import read_answers
from dx_app_wizard.answers.given_spec import spec_to_start_from
from dx_app_wizard.answers.questions import QUESTIONS
from dx_app_wizard.answers.settings import environment_sources
from dx_app_wizard.answers.sources import Given, Source
from dx_app_wizard.answers.spec_answers import MISSING
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.model import FILE_NAME, AppSpec
from dx_app_wizard.errors import AnswersError, Place, Problem, RecordError, SpecFileError
from dx_app_wizard.policy.load import load_policy
from dx_app_wizard.rendering.compose import compose
from dx_app_wizard.rendering.policy_fields import default_sources
from dx_app_wizard.rendering.provenance import BUILT_IN, RECORD_PATH, Origin
from dx_app_wizard.rendering.render import template_of
from dx_app_wizard.rendering.spec_check import check_spec, sound_files
from dx_app_wizard.rendering.template_choice import FLAG, TemplateError, choose_template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePosixPath

    from dx_app_wizard.commands.create import Options
    from dx_app_wizard.policy.load import Policy
    from dx_app_wizard.rendering.changes import FileContent


def rendered_anew(
    folder: Path, former: Origin, options: Options, flags: Mapping[str, Any]
) -> tuple[Origin, dict[PurePosixPath, FileContent]]:
    """Return the files of the app in folder as they are today, and what they come from.

    What flags and files answer wins over what is recorded in `former`. Raises AnswersError, RecordError,
    UnsoundSpecError, and TemplateError where it would be another template, which nobody asked for.
    """
    policy = load_policy(folder)
    base, given = _given(folder, former, options, flags, policy)
    answers = gather(given)
    if answers.name != former.answers.get("name", answers.name):
        raise AnswersError((Problem("name", "NAME", "an app that exists keeps its name"),))
    template = choose_template(options.template_source, policy)
    plan = replace(compose(answers, base, policy), template=template)
    check_spec(plan.spec, folder / FILE_NAME, given.base, policy)
    origin = Origin(template_of(plan, folder), answers.to_json(given.spec), base.text if base else None)
    if options.template_source is None and origin.template.source != former.template.source:
        raise _another_template(former.template.source, origin.template.source)
    return origin, sound_files(plan, answers.name, folder / FILE_NAME, given.base)


def _given(
    folder: Path, former: Origin, options: Options, flags: Mapping[str, Any], policy: Policy
) -> tuple[AppSpec | None, Given]:
    """Return what is answered now, and then what is recorded; of that, nothing that a new dxapp.json says."""
    place = Place(str(folder / RECORD_PATH))
    recorded = dict(former.answers)
    base: AppSpec | None = None
    stands = Source({}, place)
    answers_file = read_answers(options.answers_file) if options.answers_file is not None else None
    start = spec_to_start_from(options.json_file, answers_file, policy)
    if start:
        base, stands = start
        for question in QUESTIONS:
            if question.standing(base.raw) is not MISSING:
                recorded.pop(question.key, None)
    elif former.json_file is not None:
        base = _recorded_spec(former.json_file, folder / RECORD_PATH)
        stands = Source(base.raw, place)
    now = [Source(flags)]
    if answers_file:
        now.append(answers_file.source)
    for key in _outdated(recorded, {**(now[-1].answers), **flags}):
        del recorded[key]
    defaults = (*environment_sources(os.environ), *default_sources(policy))
    return base, Given((*now, Source(recorded, place), *defaults), stands)


def _outdated(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the recorded answers that only followed from others which are given anew.

    The summary follows from the title, the instance type from the region.
    """
    known = {key: value for key, value in recorded.items() if isinstance(value, str)}
    said = {key: value for key, value in now.items() if isinstance(value, str)}
    outdated: list[str] = []
    for question in QUESTIONS:
        key = question.key
        if question.default is None or key not in known or now.get(key) is not None:
            continue
        kept = {name: value for name, value in known.items() if name not in outdated}
        if known[key] == question.default(known) != question.default({**kept, **said}):
            outdated.append(key)
    return outdated


def _recorded_spec(text: str, path: Path) -> AppSpec:
    try:
        document = json_document.parse(text, path)
    except SpecFileError as error:
        raise RecordError(SpecFileError(path, f"has a json_file that {error.message}")) from error
    if not isinstance(document.value, dict):
        raise RecordError(SpecFileError(path, "has a json_file that is no JSON object"))
    return AppSpec(document.value, document.text)


def _another_template(former: str, chosen: str) -> TemplateError:
    # A record is no permission to run a template: it may be somebody else's.
    names = [("our own template" if source == BUILT_IN else f"{source!r}") for source in (former, chosen)]
    return TemplateError(
        f"the app was written by {names[0]}, and would now be by {names[1]}",
        f"If that is meant, or to update from the former one, name the template with {FLAG}.",
    )
