"""Coverage of the platform's API: the methods by status, as data and as the page docs/reference/api.md.

python -m dx_local.api.coverage tests/api/method_tests.json > docs/reference/api.md

The JSON file contains, for each route, a test that calls it successfully. The page is not written if a route
has none.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.api.methods import DXPY, DXPY_VERSION, LIMITATIONS, NOT_POST, NOT_SERVED, UNSERVED_CLASSES
from dx_local.api.request_keys import WITHOUT_EFFECT
from dx_local.api.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_local.api.methods import Method

Tests = dict[str, str]
"""The pytest node ID of a test of a method, by the name of the method: `file/upload`."""

_HEAD = """\
# Which API methods are implemented?

This page is generated from the table of routes by `python -m dx_local.api.coverage`;
`dx-local doctor --routes` prints it without the tests.

{numbers}

An implemented method behaves as documented in the
[DNAnexus API](https://documentation.dnanexus.com/developer/api), apart from its limitations, and the
test calls it. A rejected method returns the error that DNAnexus returns to an account without the
feature: `PermissionDenied`, or `ResourceNotFound` for an entity that cannot exist here. A missing
method returns `ResourceNotFound` with a message that names the method.

Unknown keys of a request are ignored, as on DNAnexus. A documented key takes effect, is rejected if
its value is invalid, or is listed under [keys without effect](#request-keys-without-effect).
"""

_KEYS_HEAD = """\
## Request keys without effect

These keys are accepted, but have no effect on a run.

| key | methods | behaviour |
| --- | --- | --- |
"""


class UntestedMethodsError(Exception):
    """Implemented methods are not called by any test."""

    def __init__(self, methods: list[str]) -> None:
        super().__init__(f"no test calls {', '.join(methods)}")
        self.methods = methods


def others() -> frozenset[Method]:
    """Return the methods that clients call although `dxpy.api` has no function for them.

    Among them are those of gtables, which the platform had in 2013 and which older apps still use.
    """
    return (frozenset(ROUTES) | NOT_POST | NOT_SERVED) - DXPY


def served() -> frozenset[Method]:
    """Return all methods that are implemented, fully or partly, including transfers and logs."""
    return frozenset(ROUTES) - rejected() | NOT_POST


def rejected() -> frozenset[Method]:
    """Return all methods that always return an error of the platform."""
    return frozenset(method for method, route in ROUTES.items() if route.always_rejects)


def implemented() -> dict[str, list[str]]:
    """Return the implemented POST methods by class, in alphabetical order."""
    return _by_class(served() - NOT_POST)


def numbers() -> str:
    """Return a sentence with the numbers of methods by status."""
    implemented_here = DXPY & served()
    partial = implemented_here & LIMITATIONS.keys()
    return (
        f"Of the {len(DXPY)} functions of `dxpy.api` (dxpy {DXPY_VERSION}), {len(implemented_here)} are "
        f"implemented ({len(partial)} of them partly) and {len(DXPY & rejected())} are rejected. "
        f"Of the {len(others())} other methods that clients call, {len(others() & served())} are implemented."
    )


def as_markdown(tests: Tests | None = None) -> str:
    """Return the page, with links to tests if there are any. Raises UntestedMethodsError."""
    sections = [
        _section(name, [(name, method) for method in methods], tests)
        for name, methods in _by_class(DXPY | others()).items()
    ]
    if tests is not None and (unshown := set(map(name_of, served())) - tests.keys()):
        raise UntestedMethodsError(sorted(unshown))
    return "\n".join([_HEAD.format(numbers=numbers()), *sections, _keys_without_effect()])


def name_of(method: Method) -> str:
    """Return the name of a method: `file/upload` for ("file", "upload")."""
    return "/".join(method)


def _section(class_name: str, methods: list[Method], tests: Tests | None) -> str:
    head = ["method", "status", "limitations"] + ([] if tests is None else ["test"])
    rows = [head, ["---"] * len(head)]
    for method in methods:
        row = [method[1], _status(method), LIMITATIONS.get(method, "")]
        if tests is not None:
            row.append(_link(tests.get(name_of(method))) if method in served() else "")
        rows.append(row)
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    reason = f"{UNSERVED_CLASSES[class_name]}.\n\n" if class_name in UNSERVED_CLASSES else ""
    return f"## {class_name}\n\n{reason}{table}"


def _keys_without_effect() -> str:
    methods: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for method, keys in WITHOUT_EFFECT.items():
        for key, behaviour in keys.items():
            methods[key, behaviour].append(name_of(method))
    rows = (
        f"| `{key}` | {', '.join(sorted(names))} | {behaviour} |\n"
        for (key, behaviour), names in sorted(methods.items())
    )
    return _KEYS_HEAD + "".join(rows)


def _status(method: Method) -> str:
    if method in rejected():
        return "rejected"
    if method not in served():
        return "missing"
    return "partial" if method in LIMITATIONS else "implemented"


def _link(test: str | None) -> str:
    if test is None:
        return ""
    path, _, function = test.partition("::")
    return f"[{Path(path).stem}: {function}](../../{path})"


def _by_class(methods: Iterable[Method]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for class_name, method in sorted(methods):
        found[class_name].append(method)
    return dict(found)


def _main(arguments: list[str]) -> None:
    tests: Tests = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    try:
        sys.stdout.write(as_markdown(tests))
    except UntestedMethodsError as error:
        sys.exit(f"{error}; write a test, then run: pytest TESTS --record-routes")
    sys.stderr.write(numbers() + "\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
