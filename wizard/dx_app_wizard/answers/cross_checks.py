"""Check answers as a whole: unknown keys, and answers that contradict each other."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.choices import DEFAULT_PATTERN, PARALLEL_PATTERNS, one_of
from dx_app_wizard.answers.command_answers import COMMAND, SCATTERED_PATTERN, command_of, parameters_of
from dx_app_wizard.answers.parameter_overrides import is_override
from dx_app_wizard.answers.questions import JSON_FILE_FLAG, QUESTIONS
from dx_app_wizard.answers.spec_answers import has_resources
from dx_app_wizard.dxapp.instances import instance_type_problem
from dx_app_wizard.dxapp.names import source_path_problem
from dx_app_wizard.errors import Problem
from dx_app_wizard.lint.linter import SCHEMA_RULE, shape_violations
from dx_app_wizard.lint.rules.io import IO_RULES
from dx_app_wizard.lint.rules.run import exec_depends_network
from dx_app_wizard.scatter.fit import fit
from dx_app_wizard.scatter.scatter import ScatterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dx_app_wizard.answers.sources import AnswerSources, Source

INTERPRETERS = {"python": "python3", "bash": "bash"}
_KEYS_OF_PARTS = {"inputSpec": "inputs", "outputSpec": "outputs"}
_FLAGS = {question.key: question.flag for question in QUESTIONS}


def cross_check(sources: AnswerSources, answered: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield every problem with the sources, and with the answers that could be read."""
    yield from _unknown_keys(sources)
    yield from _unusable_spec(sources)
    yield from _region_beside_resources(sources, answered)
    yield from _mismatched_instance_type(sources, answered)
    yield from _missing_network(sources, answered)
    yield from _unfitting_scatter(sources, answered)
    yield from _wrong_parameters(sources, answered)
    yield from _not_of_the_command(sources, answered)


def _unknown_keys(sources: AnswerSources) -> Iterator[Problem]:
    for source in sources.sources:
        for key in source.answers:
            if key not in _FLAGS and not (source.place == Problem.place and is_override(key)):
                near = get_close_matches(key, _FLAGS, n=1)
                hint = f"Did you mean {near[0]!r}?" if near else f"The keys are {', '.join(_FLAGS)}"
                message = f"no question has the key {key!r}"
                yield Problem(key, _named_in(source), message, hint, "unknown-key", source.at((key,)))


def _named_in(source: Source) -> str:
    """Return the flag, variable or table in which an unknown key was given."""
    if source.place == Problem.place:
        return "--set"
    return source.place.variable or ("--answers" if source.is_final else "[wizard]")


def _unusable_spec(sources: AnswerSources) -> Iterator[Problem]:
    """Yield the reasons why no source can be written for the given dxapp.json."""
    run_spec = sources.spec.get("runSpec", {})
    file, interpreter = run_spec.get("file", "src/code"), run_spec.get("interpreter")
    violations: dict[str, tuple[str, str | None]] = {}
    if "code" in run_spec:
        violations["code"] = ("contains the code inline; remove it, and the wizard writes a file", None)
    if problem := source_path_problem(file):
        violations["file"] = (f"{file!r} {problem}", "Name a file such as src/code.py.")
    if interpreter == "python2.7":
        violations["interpreter"] = (
            "'python2.7' is no longer supported",
            'Change it to "python3", and release to "24.04"; the wizard writes code for Python 3.',
        )
    elif interpreter not in (None, *INTERPRETERS.values()):
        violations["interpreter"] = (f"{interpreter!r} is neither python3 nor bash", None)
    for key, (violation, hint) in violations.items():
        place = sources.base.at(("runSpec", key))
        yield Problem("json_file", JSON_FILE_FLAG, f"runSpec.{key} {violation}", hint, "unusable-spec", place)


def _region_beside_resources(sources: AnswerSources, answered: Mapping[str, Any]) -> Iterator[Problem]:
    if has_resources(sources.spec) and answered.get("region"):
        message = "the given dxapp.json has resources at the top level, which excludes a region"
        hint = "Move resources into every region of regionalOptions there."
        place = sources.base.at(("resources",))
        yield Problem("region", _FLAGS["region"], message, hint, "contradiction", place)


def _mismatched_instance_type(sources: AnswerSources, answered: Mapping[str, Any]) -> Iterator[Problem]:
    found = sources.resolved("instance_type") or sources.default("instance_type")
    name, region = answered.get("instance_type"), answered.get("region")
    if found is None or name is None or region is None:
        return
    wrong = instance_type_problem(name, region)
    if wrong:
        place = found.source.at(("instance_type",))
        yield Problem("instance_type", _FLAGS["instance_type"], wrong, place=place)


def _missing_network(sources: AnswerSources, answered: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem if packages need network access that the app does not request."""
    if "network" in answered:
        run_spec = dict(sources.spec.get("runSpec") or {})
        foreign = [name for name in answered.get("packages") or () if name.startswith("pip:")]
        if foreign:
            run_spec["execDepends"] = [{"name": name, "package_manager": "pip"} for name in foreign]
        spec = {"runSpec": run_spec, "access": {"network": list(answered["network"])}}
        for violation in exec_depends_network(spec):
            yield Problem("network", _FLAGS["network"], f"missing: {violation.message}", code="needs-network")


def _unfitting_scatter(sources: AnswerSources, answered: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem if the scatter does not fit the pattern, or the inputs, which must be valid."""
    scatter, pattern = answered.get("scatter"), answered.get("template")
    found = sources.resolved("scatter") or sources.default("scatter")
    if scatter is None or found is None:
        return
    place = found.source.at(("scatter",))
    if pattern is not None and pattern not in PARALLEL_PATTERNS:
        message = f"the pattern {pattern} has no process jobs, so {scatter} cannot be scattered"
        hint = f"Choose the pattern {one_of(PARALLEL_PATTERNS)}."
        yield Problem("scatter", _FLAGS["scatter"], message, hint, "contradiction", place)
    if "inputs" in answered:
        try:
            if answered.get(COMMAND):
                command_of(answered[COMMAND], scatter)
            else:
                fit(scatter, answered["inputs"])
        except ScatterError as error:
            message = f"{scatter}: {error.message}"
            yield Problem("scatter", _FLAGS["scatter"], message, error.hint, error.code, place)


def _wrong_parameters(sources: AnswerSources, answered: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the lint rules' findings about the parameters, which depend on the language.

    Warnings about the parameters of a given dxapp.json do not prevent an app from being written.
    """
    spec: dict[str, Any] = {
        part: list(answered[key]) for part, key in _KEYS_OF_PARTS.items() if key in answered
    }
    violations = [(SCHEMA_RULE, "error", violation) for violation in shape_violations(spec)]
    spec["runSpec"] = {"interpreter": INTERPRETERS.get(answered.get("language", ""))}
    violations += [(rule.id, rule.level, violation) for rule, violation in IO_RULES.violations(spec)]
    for rule_id, level, violation in violations:
        part = str(violation.path[0])
        key = _KEYS_OF_PARTS[part]
        is_given = part in sources.spec
        if is_given and level != "error":
            continue
        found = None if is_given else sources.resolved(key) or sources.default(key)
        place = found.source.at((key, *violation.path[1:])) if found else sources.base.at(violation.path)
        flag = JSON_FILE_FLAG if is_given else _FLAGS[key]
        yield Problem(key, flag, violation.message, violation.hint, rule_id, place)


def _not_of_the_command(sources: AnswerSources, answered: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each answer that does not fit the command template."""
    text = answered.get(COMMAND)
    if not text:
        return
    # The default scatter is that of an app without a command.
    has_scatter = sources.resolved("scatter") or sources.default("scatter")
    scatter = answered.get("scatter") if has_scatter else None
    if answered.get("language", "bash") != "bash":
        message = "a command is run by bash; got another language"
        yield Problem("language", _FLAGS["language"], message, code="contradiction")
    pattern = SCATTERED_PATTERN if scatter else DEFAULT_PATTERN
    if answered.get("template", pattern) != pattern:
        message = f"a command that is {'' if scatter else 'not '}scattered has the pattern {pattern}"
        hint = "Leave out --template." if scatter else "Pass --scatter INPUT to run a job for each file."
        yield Problem("template", _FLAGS["template"], message, hint, "contradiction")
    for key, wanted in parameters_of(text, scatter).items():
        classes = {parameter["name"]: parameter["class"] for parameter in answered.get(key, ())}
        for parameter in wanted:
            name, io_class = parameter["name"], parameter["class"]
            if key in answered and classes.get(name) != io_class:
                message = f"the command needs {name}:{io_class}, and it is not among the {key}"
                hint = f"Leave out {_FLAGS[key]}; the holes of the command declare them."
                yield Problem(key, _FLAGS[key], message, hint, "contradiction")
