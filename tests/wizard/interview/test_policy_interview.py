"""The effect of a policy on the interview: defaults, immediate rejections, and a review that enforces it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.wizard.conftest import Terminal

    Start = Callable[..., Terminal]

REVIEW = "Write the app[?]"
REST = ("--language", "bash", "--template", "basic", "--defaults")


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        (tmp_path / ".dx-app-wizard.toml").write_text(text, encoding="utf-8")

    return write


def test_what_the_policy_forbids_is_asked_again(terminal: Start, policy: Callable[[str], None]) -> None:
    policy('[policy]\nname-prefix = "eggd_"\n')
    wizard = terminal(*REST)
    wizard.talk(("App Name:", "counts"), ("Rename it to 'eggd_counts'", "eggd_counts"), (REVIEW, ""))
    assert wizard.end()[0] == 0
    assert wizard.written("eggd_counts")["name"] == "eggd_counts"


def test_places_and_times_are_asked_again(terminal: Start, policy: Callable[[str], None]) -> None:
    policy('[policy]\nregions = ["aws:eu-west-2"]\ninstance-types = ["mem1_*"]\nmaximum-timeout = "5h"\n')
    flags = ("--title", "T", "--summary", "S", "--version", "1.0.0", "--no-network", *REST[:4])
    wizard = terminal("counts", *flags, "--project-access", "none")
    wizard.talk(
        ("1st input name", ""),
        ("1st output name", ""),
        (r"Timeout policy.*\[5h\]", "6h"),
        ("Allow at most 5h", "4h"),
        ("Region", "aws:us-east-1"),
        ("Allowed: aws:eu-west-2", ""),
        ("Choose an instance type", "mem3_ssd1_v2_x4"),
        (r"Allowed: mem1_\*", ""),
        (REVIEW, ""),
    )
    assert wizard.end()[0] == 0
    spec = wizard.written()
    assert list(spec["regionalOptions"]) == ["aws:eu-west-2"]
    assert spec["runSpec"]["timeoutPolicy"] == {"*": {"hours": 4}}


def test_the_review_writes_nothing_that_is_forbidden(
    terminal: Start, policy: Callable[[str], None], tmp_path: Path
) -> None:
    policy('[policy]\nname-prefix = "eggd_"\n')
    (tmp_path / "given.json").write_text('{"inputSpec": [], "outputSpec": []}', encoding="utf-8")
    wizard = terminal("counts", *REST[:4], "--json-file", "given.json", "--timeout", "1h", "--summary", "S")
    wizard.talk(("Title", ""), ("Version", ""))
    wizard.talk(("Internet", ""), ("parent project", ""), ("Region", ""), ("Choose an instance type", ""))
    wizard.process.expect("policy-name-prefix")
    wizard.talk((REVIEW, ""), ("the policy forbids this app", "q"))
    assert wizard.end()[0] == 130
    assert not (tmp_path / "counts").exists()


def test_what_no_line_can_say_is_not_asked(terminal: Start, policy: Callable[[str], None]) -> None:
    policy('[wizard]\nnetwork = ["github.com"]\ninputs = ["reads:file"]\noutputs = ["n:int"]\n')
    flags = ("--title", "T", "--summary", "S", "--version", "1.0.0", "--timeout", "1h", *REST[:4])
    wizard = terminal("counts", *flags, "--region", "aws:us-east-1", "--instance-type", "mem1_ssd1_v2_x4")
    wizard.talk(("parent project", ""), (REVIEW, ""))
    assert wizard.end()[0] == 0
    spec = wizard.written()
    assert spec["access"] == {"network": ["github.com"]}
    assert [field["name"] for field in spec["inputSpec"]] == ["reads"]


def test_an_own_template_is_kept_for_the_resumption(terminal: Start, tmp_path: Path) -> None:
    folder = tmp_path / "template"
    (folder / "{{cookiecutter.name}}").mkdir(parents=True)
    (folder / "cookiecutter.json").write_text("{}", encoding="utf-8")
    (folder / "{{cookiecutter.name}}" / "OURS").write_text("", encoding="utf-8")
    wizard = terminal("--defaults", "--template-source", "template")
    wizard.talk(("App Name:", "counts"))
    wizard.process.expect("Programming language")
    wizard.process.sendintr()
    wizard.process.expect("--template-source")
    wizard.end()
    wizard = terminal("--resume", "--defaults")
    wizard.talk(("Programming language", "bash"), (REVIEW, ""))
    assert wizard.end()[0] == 0
    assert (tmp_path / "counts" / "OURS").is_file()
