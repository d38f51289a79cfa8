from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.platform.core import regexps
from dx_local.platform.core.errors import InvalidInput

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform

HOPELESS = "(a|aa)+$"
LONG = "a" * 60 + "!"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("b+", "abb", True),
        ("^b", "abb", False),
        ("(?i)B", "abb", True),
        (r"\.bam$", "x.bam", True),
        ("", "", True),
        ("x", None, False),
    ],
)
def test_matches(pattern: str, text: str | None, found: bool) -> None:
    assert regexps.matches(pattern, text) is found


@pytest.mark.parametrize("pattern", ["[", "(?", "*", "(?P<a>", "a{5,2}", "(" * 5000])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="is not valid"):
        regexps.compiled(pattern)


def test_a_search_ends() -> None:
    with pytest.raises(InvalidInput, match="takes too long"):
        regexps.search(HOPELESS, LONG)


def test_a_hopeless_search_does_not_stop_the_server(served: ServedPlatform) -> None:
    served.post("/record/new", {"project": served.project, "name": LONG})
    request = {"scope": {"project": served.project}, "name": {"regexp": HOPELESS}}
    assert served.error("/system/findDataObjects", request) == (422, "InvalidInput")
    assert not (served.folder / "platform" / "server.log").exists()
