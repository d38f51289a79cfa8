"""The tour of `dx` in docs/tutorials prints what stands there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.console_page import Command, commands, normal, play, rewritten

if TYPE_CHECKING:
    from collections.abc import Sequence

TOUR = Path(__file__).parents[2] / "docs" / "tutorials" / "look-around-with-dx.md"
PAGE = """\
```console
$ shell
```

Text, and `$ no command`.

```console
$ one two
1
$ three \\
> four
```
"""


@pytest.mark.slow
def test_the_tour_prints_what_stands_there(tmp_path: Path) -> None:
    page = TOUR.read_text(encoding="utf-8")
    played = play(page, tmp_path)

    def shown(all_commands: Sequence[Command]) -> list[str]:
        return [f"{command.typed}\n{normal(command.printed)}" for command in all_commands]

    assert shown(played) == shown(commands(page)), f"run: python -m tests.e2e.console_page {TOUR}"


def test_commands_are_taken_from_a_page() -> None:
    found = [Command("shell", ""), Command("one two", "1\n"), Command("three \\\nfour", "")]
    assert commands(PAGE) == found


def test_what_is_printed_is_put_into_a_page() -> None:
    played = [Command("shell", ""), Command("one two", "2\n"), Command("three \\\nfour", "done\n")]
    assert rewritten(PAGE, played) == PAGE.replace("1\n", "2\n").replace("> four\n", "> four\ndone\n")


def test_a_page_stops_where_a_command_fails(tmp_path: Path) -> None:
    page = "```console\n$ bash\n$ echo fine\n$ ls nowhere\n$ echo not reached\n```\n"
    with pytest.raises(AssertionError, match=r"the page stops at:\n\$ ls nowhere"):
        play(page, tmp_path)


@pytest.mark.parametrize(
    "printed",
    [
        "job-304Ybgv6QQxk4zB0KkKbfPvy local 2026-11-23 14:10:47 (runtime 0:00:00)  \n",
        "job-gPJKgY3X2bVKBBfZ76zJ9zGQ local 2027-01-02 01:01:01 (runtime 0:01:10)\n",
    ],
)
def test_what_varies_is_left_out_of_the_comparison(printed: str) -> None:
    assert normal(printed) == "job-xxxx local DATE (runtime TIME)"
