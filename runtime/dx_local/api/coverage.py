"""Which methods of the platform's API there are here: as data, and as the page docs/reference/api.md.

python -m dx_local.api.coverage tests/api/method_tests.json > docs/reference/api.md

That file names for each route a test that calls it with success; without one there is no page.
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
"""The test that shows a method, as pytest names it, by the method's name: `file/upload`."""

_HEAD = """\
# API coverage

Written by `python -m dx_local.api.coverage` from the table of routes, as is `dx-local doctor --routes`.

{numbers}

A method that is served answers as the [DNAnexus API](https://documentation.dnanexus.com/developer/api)
documents it, and the test calls it. One that is refused answers `PermissionDenied`, or `ResourceNotFound` for
an entity of which there are none, as DNAnexus answers an account without the feature. Any other
answers `ResourceNotFound` with a message that names the method.

Keys of a request that no method knows are ignored, as DNAnexus ignores them. A key that is known is obeyed,
refused if its value is wrong, or listed under [keys without effect](#request-keys-without-effect).
"""

_KEYS_HEAD = """\
## Request keys without effect

These keys are accepted, but nothing follows from them here.

| key | methods | what happens instead |
| --- | --- | --- |
"""


class UntestedMethodsError(Exception):
    """No test shows these methods, of which all are implemented."""

    def __init__(self, methods: list[str]) -> None:
        super().__init__(f"no test shows {', '.join(methods)}")
        self.methods = methods


def others() -> frozenset[Method]:
    """Return the methods that clients call though `dxpy.api` has no function for them.

    Gtables are among them: the platform of 2013 had them, and apps of that time still need them.
    """
    return (frozenset(ROUTES) | NOT_POST | NOT_SERVED) - DXPY


def served() -> frozenset[Method]:
    """Return every method that does what it is for, transfers and logs included."""
    return frozenset(ROUTES) - refused() | NOT_POST


def refused() -> frozenset[Method]:
    """Return every method that always answers with an error of the platform's."""
    return frozenset(method for method, route in ROUTES.items() if route.refuses)


def implemented() -> dict[str, list[str]]:
    """Return the methods that are served as POST requests by class, both in alphabetical order."""
    return _by_class(served() - NOT_POST)


def numbers() -> str:
    """Return how much of the client's API is there, as a sentence."""
    there = DXPY & served()
    return (
        f"Of the {len(DXPY)} functions of `dxpy.api` (dxpy {DXPY_VERSION}), {len(there)} are served, "
        f"{len(there & LIMITATIONS.keys())} of these partly, and {len(DXPY & refused())} refused; "
        f"of the {len(others())} other methods that clients call, {len(others() & served())} are served."
    )


def as_markdown(tests: Tests | None = None) -> str:
    """Return the page, with the test of each method if they are given. Raises UntestedMethodsError."""
    sections = [
        _section(name, [(name, method) for method in methods], tests)
        for name, methods in _by_class(DXPY | others()).items()
    ]
    if tests is not None and (unshown := set(map(name_of, served())) - tests.keys()):
        raise UntestedMethodsError(sorted(unshown))
    return "\n".join([_HEAD.format(numbers=numbers()), *sections, _keys_without_effect()])


def name_of(method: Method) -> str:
    """Return `file/upload` of ("file", "upload")."""
    return "/".join(method)


def _section(class_name: str, methods: list[Method], tests: Tests | None) -> str:
    head = ["method", "served", "limits"] + ([] if tests is None else ["test"])
    rows = [head, ["---"] * len(head)]
    for method in methods:
        row = [method[1], _status(method), LIMITATIONS.get(method, "")]
        if tests is not None:
            row.append(_link(tests.get(name_of(method))) if method in served() else "")
        rows.append(row)
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    why = f"{UNSERVED_CLASSES[class_name]}.\n\n" if class_name in UNSERVED_CLASSES else ""
    return f"## {class_name}\n\n{why}{table}"


def _keys_without_effect() -> str:
    methods: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for method, keys in WITHOUT_EFFECT.items():
        for key, instead in keys.items():
            methods[key, instead].append(name_of(method))
    rows = (
        f"| `{key}` | {', '.join(sorted(names))} | {instead} |\n"
        for (key, instead), names in sorted(methods.items())
    )
    return _KEYS_HEAD + "".join(rows)


def _status(method: Method) -> str:
    if method in refused():
        return "refused"
    if method not in served():
        return "no"
    return "partly" if method in LIMITATIONS else "yes"


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
        sys.exit(f"{error}; write one, then run: pytest TESTS --record-routes")
    sys.stderr.write(numbers() + "\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
