"""Which methods of the platform's API there are here, as data and as the page docs/reference/coverage.md.

python -m dx_local.api.coverage > docs/reference/coverage.md
"""

from __future__ import annotations

from collections import defaultdict

from dx_local.api.routes import ROUTES

_HEAD = """\
# What of the platform is there

Written by `python -m dx_local.api.coverage` from the table of routes, as is `dx-local doctor --routes`.

Every method below is answered as the [DNAnexus API](https://documentation.dnanexus.com/developer/api) says.
Any other one answers `ResourceNotFound` with a message that names it, so that nothing is taken for granted
that is not there.

| class | methods |
|---|---|"""

_TAIL = """
Not there yet: global workflows, reuse of a stage's earlier results, restart policies, the log web socket
of `dx watch`, and everything of orgs, billing, clusters and databases."""


def implemented() -> dict[str, list[str]]:
    """Return the methods by class, both in alphabetical order; `new` and `find…` are the class's own."""
    methods: defaultdict[str, list[str]] = defaultdict(list)
    for class_name, method in sorted(ROUTES):
        methods[class_name].append(method)
    return dict(methods)


def as_markdown() -> str:
    """Return the page."""
    rows = [f"| {name} | {', '.join(methods)} |" for name, methods in implemented().items()]
    return "\n".join([_HEAD, *rows, _TAIL, ""])


if __name__ == "__main__":
    print(as_markdown(), end="")  # noqa: T201 - that is what this module is run for
