"""What is wrong with answers beyond each one's own rule: unknown keys, and what does not go together."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.parameter_overrides import is_amendment
from dx_app_wizard.answers.questions import JSON_FILE_FLAG, QUESTIONS
from dx_app_wizard.answers.spec_answers import has_resources
from dx_app_wizard.dxapp.instances import instance_type_problem
from dx_app_wizard.dxapp.names import source_path_problem
from dx_app_wizard.errors import Problem
from dx_app_wizard.lint.linter import SCHEMA_RULE, shape_faults
from dx_app_wizard.lint.rules.io import IO_RULES
from dx_app_wizard.lint.rules.run import exec_depends_network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dx_app_wizard.answers.sources import Given, Source

INTERPRETERS = {"python": "python3", "bash": "bash"}
_KEYS_OF_PARTS = {"inputSpec": "inputs", "outputSpec": "outputs"}
_FLAGS = {question.key: question.flag for question in QUESTIONS}


def cross_check(given: Given, answered: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with what is given, and with the answers that could be read."""
    yield from _unknown_keys(given)
    yield from _unusable_spec(given)
    yield from _region_beside_resources(given, answered)
    yield from _mismatched_instance_type(given, answered)
    yield from _missing_network(given, answered)
    yield from _wrong_parameters(given, answered)


def _unknown_keys(given: Given) -> Iterator[Problem]:
    for source in given.sources:
        for key in source.answers:
            if key not in _FLAGS and not (source.place == Problem.place and is_amendment(key)):
                near = get_close_matches(key, _FLAGS, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else f"The keys are {', '.join(_FLAGS)}"
                message = f"no question has the key {key!r}"
                yield Problem(key, _named_in(source), message, hint, "unknown-key", source.at((key,)))


def _named_in(source: Source) -> str:
    """Return what a person looks for to find a key that no flag has."""
    if source.place == Problem.place:
        return "--set"
    return source.place.variable or ("--answers" if source.settles else "[wizard]")


def _unusable_spec(given: Given) -> Iterator[Problem]:
    """Yield why no source can be written for a dxapp.json."""
    run_spec = given.spec.get("runSpec", {})
    file, interpreter = run_spec.get("file", "src/code"), run_spec.get("interpreter")
    faults: dict[str, tuple[str, str | None]] = {}
    if "code" in run_spec:
        faults["code"] = ("is inline; remove it, and the wizard writes a file", None)
    if problem := source_path_problem(file):
        faults["file"] = (f"{file!r} {problem}", "Name a file such as src/code.py.")
    if interpreter == "python2.7":
        faults["interpreter"] = (
            "'python2.7' is no longer supported",
            'Write "python3" there, and "24.04" as release; the wizard writes source for Python 3.',
        )
    elif interpreter not in (None, *INTERPRETERS.values()):
        faults["interpreter"] = (f"{interpreter!r} is neither python3 nor bash", None)
    for key, (fault, hint) in faults.items():
        place = given.base.at(("runSpec", key))
        yield Problem("json_file", JSON_FILE_FLAG, f"runSpec.{key} {fault}", hint, "unusable-spec", place)


def _region_beside_resources(given: Given, answered: Mapping[str, Any]) -> Iterator[Problem]:
    if has_resources(given.spec) and answered.get("region"):
        message = "the given dxapp.json has resources at the top, beside which there can be no region"
        hint = "Move resources into regionalOptions there, under every region."
        place = given.base.at(("resources",))
        yield Problem("region", _FLAGS["region"], message, hint, "contradiction", place)


def _mismatched_instance_type(given: Given, answered: Mapping[str, Any]) -> Iterator[Problem]:
    found = given.settled("instance_type") or given.default("instance_type")
    name, region = answered.get("instance_type"), answered.get("region")
    if found is None or name is None or region is None:
        return
    wrong = instance_type_problem(name, region)
    if wrong:
        place = found.source.at(("instance_type",))
        yield Problem("instance_type", _FLAGS["instance_type"], wrong, place=place)


def _missing_network(given: Given, answered: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield that a given dxapp.json with packages from elsewhere needs access that it does not say."""
    if "network" in answered:
        spec = {"runSpec": given.spec.get("runSpec"), "access": {"network": list(answered["network"])}}
        for fault in exec_depends_network(spec):
            yield Problem("network", _FLAGS["network"], f"missing: {fault.message}", code="needs-network")


def _wrong_parameters(given: Given, answered: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what the lint rules say of the parameters, given the language.

    In a given dxapp.json, the linter's warnings are no reason to write no app.
    """
    spec: dict[str, Any] = {
        part: list(answered[key]) for part, key in _KEYS_OF_PARTS.items() if key in answered
    }
    faults = [(SCHEMA_RULE, "error", fault) for fault in shape_faults(spec)]
    spec["runSpec"] = {"interpreter": INTERPRETERS.get(answered.get("language", ""))}
    faults += [(rule.id, rule.level, fault) for rule, fault in IO_RULES.faults(spec)]
    for rule_id, level, fault in faults:
        part = str(fault.path[0])
        key = _KEYS_OF_PARTS[part]
        stands = part in given.spec
        if stands and level != "error":
            continue
        found = None if stands else given.settled(key) or given.default(key)
        place = found.source.at((key, *fault.path[1:])) if found else given.base.at(fault.path)
        flag = JSON_FILE_FLAG if stands else _FLAGS[key]
        yield Problem(key, flag, fault.message, fault.hint, rule_id, place)
