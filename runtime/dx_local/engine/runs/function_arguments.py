"""Check the inputs of `--function` against the signature of the Python function, before anything starts."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from dx_app_wizard.lint.source.python import all_parameters, has_plain_signature, required_parameters
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from dx_app_wizard.lint.source.app_folder import AppFolder


def check_arguments(source: AppFolder, function: str, given: Collection[str]) -> None:
    """Raise UsageError with each required parameter that is not given, and each input without a parameter.

    Only the signature of a Python function is known: bash declares no parameters, and a decorator may change
    them.
    """
    found = source.python.entry_points.get(function) if source.python else None
    if found is None or not has_plain_signature(found):
        return
    known = [argument.arg for argument in [*found.args.args, *found.args.kwonlyargs]]
    missing = [name for name in known if name in required_parameters(found) and name not in given]
    unknown = [] if found.args.kwarg else sorted(set(given) - all_parameters(found))
    problems = [
        f"entry point {function!r} has no parameter {name!r}{_meant(name, missing)}" for name in unknown
    ]
    if missing:
        problems.append(f"entry point {function!r} requires {_listed(missing)}")
    if problems:
        raise UsageError(
            "\n".join(problems), _how_to_pass(missing) if missing else f"It has {_listed(known)}."
        )


def _meant(name: str, missing: list[str]) -> str:
    near = get_close_matches(name, missing, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _listed(names: list[str]) -> str:
    if not names:
        return "no parameters"
    quoted = [repr(name) for name in names]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))


def _how_to_pass(missing: list[str]) -> str:
    options = " ".join(f"-i{name}=VALUE" for name in missing)
    return (
        f"Pass {options}; a class may follow the name: -i{missing[0]}:file=PATH for a file,"
        f" -i{missing[0]}:hash='{{...}}' for a JSON object. -f FILE reads all of them from a JSON file."
    )
