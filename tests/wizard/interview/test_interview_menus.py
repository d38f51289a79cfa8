"""Menus, hints and help on a real pseudo-terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.answers.choices import Choice
from dx_app_wizard.answers.question_texts import TEXTS
from dx_app_wizard.interview.prompts import matching

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.wizard.conftest import Terminal

    Start = Callable[..., Terminal]

DOWN = "\x1b[B"
OFFICIAL_WORDS = (
    "App Name", "Title", "Summary", "Version", "1st input name", "Label", "Choose a class",
    "optional parameter", "1st output name", "Timeout policy", "Programming language", "Execution pattern",
    "Will this app need", "Choose an instance type", "App directory created", "Error",
)  # fmt: skip
ALL_BUT_PLACE = (
    "counts", "--title", "t", "--summary", "s", "--version", "1.0.0", "--output", "o:int", "--timeout", "1h",
    "--language", "bash", "--template", "basic", "--no-network", "--project-access", "none",
    "--input", "k:int",
)  # fmt: skip
WITHOUT_PATTERN = (
    *ALL_BUT_PLACE[1:13], *ALL_BUT_PLACE[15:],
    "--region", "aws:us-east-1", "--instance-type", "mem1_ssd1_v2_x4",
)  # fmt: skip
ALL_BUT_INPUTS = (*ALL_BUT_PLACE[:-2], "--region", "aws:us-east-1", "--instance-type", "mem1_ssd1_v2_x4")


@pytest.mark.parametrize("word", OFFICIAL_WORDS)
def test_no_hint_help_or_choice_could_be_taken_for_a_prompt(word: str) -> None:
    for text in TEXTS.values():
        choices = (f"{choice.text} {choice.meaning}" for choice in text.choices)
        shown = [text.prompt_hint, text.prompt_help(text.prompt_hint), text.introduction, *choices]
        assert not any(word in line for line in shown)


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("", ["x16", "x4", "aws:b"]),
        ("X1", ["x16"]),
        ("16 cores", ["x16"]),
        ("6 cores", []),
        ("london", ["aws:b"]),
        ("aws", ["aws:b", "x4"]),
    ],
)
def test_choices_fit_by_their_text_and_by_the_words_of_their_meaning(typed: str, texts: list[str]) -> None:
    choices = [Choice("x16", "16 cores"), Choice("x4", "4 cores of aws"), Choice("aws:b", "region, London")]
    assert [choice.text for choice in matching(choices, typed)] == texts


def test_a_class_is_chosen_with_the_arrow_keys(terminal: Start) -> None:
    wizard = terminal(*ALL_BUT_INPUTS)
    wizard.talk(("1st input", "reads"), ("Label", ""))
    wizard.process.expect("Choose a class(?s:.*)a whole number")
    wizard.press(DOWN, DOWN, "\r")
    wizard.talk(("optional parameter", "n"), ("2nd input", ""), ("Write the app", ""))
    assert wizard.end()[0] == 0
    assert wizard.written()["inputSpec"] == [{"name": "reads", "class": "int"}]


def test_enter_takes_the_only_match_and_shows_it(terminal: Start) -> None:
    wizard = terminal("counts", *WITHOUT_PATTERN)
    wizard.process.expect("main -> scatter -> map(?s:.*)Execution pattern(?s:.*)choose if splitting")
    wizard.press("gather", "\r")
    wizard.talk(("pattern.*scatter-process-gather(?s:.*)Write the app", ""))
    assert wizard.end()[0] == 0
    assert "scatter" in Path("counts/src/counts.sh").read_text(encoding="utf-8")


def test_tab_completes_an_instance_type_found_by_its_cores(terminal: Start) -> None:
    wizard = terminal(*ALL_BUT_PLACE)
    wizard.talk(("Region", ""))
    wizard.process.expect("cores     memory   storage(?s:.*)for your app")
    wizard.press("36 cores")
    wizard.process.expect("36 cores, 72 GiB")
    wizard.press("\t", "\r")
    wizard.talk(("Write the app", ""))
    assert wizard.end()[0] == 0
    assert "mem1_ssd1_v2_x36" in json.dumps(wizard.written()["regionalOptions"])


@pytest.mark.parametrize(
    ("typed", "region"),
    [("london", "aws:eu-west-2-g"), ("biobank", "aws:eu-west-2"), ("netherl", "azure:westeurope")],
)
def test_a_region_is_found_by_its_place_and_brings_its_own_types(
    terminal: Start, typed: str, region: str
) -> None:
    wizard = terminal(*ALL_BUT_PLACE)
    wizard.process.expect(r"1/2.*Region \[aws:us-east-1\](?s:.*)Sydney")
    wizard.press(typed, "\r")
    wizard.talk((rf"Region {region} \((?s:.*)2/2.*for your app", ""), ("Write the app", ""))
    assert wizard.end()[0] == 0
    assert list(wizard.written()["regionalOptions"]) == [region]


def test_a_size_that_several_types_have_is_asked_for_again(terminal: Start) -> None:
    wizard = terminal(*ALL_BUT_PLACE)
    wizard.talk(
        ("Region", ""),
        ("for your app", "16 cores"),
        (r"'16 cores' fits \d+ instance types,\s+enter\s+one\s+of\s+them:\s+mem1_ssd1_v2_x16", ""),
        ("Write the app", ""),
    )
    assert wizard.end()[0] == 0


def test_a_place_with_several_regions_is_asked_for_again(terminal: Start) -> None:
    wizard = terminal(*ALL_BUT_PLACE)
    wizard.talk(("Region", "lond"), (r"'lond' fits several(?s:.*)Region", "-g"), ("for your app", ""))
    wizard.talk(("Write the app", ""))
    assert wizard.end()[0] == 0
    assert list(wizard.written()["regionalOptions"]) == ["aws:eu-west-2-g"]


def test_a_type_of_another_cloud_decides_the_region_that_nobody_chose(terminal: Start) -> None:
    wizard = terminal(*ALL_BUT_PLACE)
    wizard.talk(("Region", ""), ("for your app", "azure:mem1_ssd1_x4"))
    wizard.talk((r"The region is azure:westus \(US West\)(?s:.*)Write the app", ""))
    assert wizard.end()[0] == 0
    assert list(wizard.written()["regionalOptions"]) == ["azure:westus"]


def test_a_region_alone_is_that_of_the_given_instance_type(terminal: Start) -> None:
    wizard = terminal(*ALL_BUT_PLACE, "--instance-type", "azure:mem1_ssd1_x4")
    wizard.talk((r"Region \[azure:westus\]:(?s:.*)US West", ""), ("Write the app", ""))
    assert wizard.end()[0] == 0
    assert list(wizard.written()["regionalOptions"]) == ["azure:westus"]


def test_a_wrong_instance_type_is_met_with_the_nearest_and_an_empty_field(terminal: Start) -> None:
    wizard = terminal(*ALL_BUT_PLACE)
    wizard.talk(
        ("Region", ""),
        ("for your app", "mem1_ssd1_v2_x5"),
        (r"you mean\s+mem1_ssd1_v2_x", ""),
        ("Write", ""),
    )
    assert wizard.end()[0] == 0


def test_the_review_offers_the_answers_to_edit(terminal: Start) -> None:
    wizard = terminal("--defaults", "--language", "bash", "--template", "basic")
    wizard.talk(("App Name", "counts"))
    wizard.process.expect("Write the app")
    wizard.press(DOWN)
    wizard.process.expect("name +.*counts(?s:.*)write nothing")
    wizard.press(DOWN, "\r")
    wizard.talk((r"App Name \[counts\]:", "other"), ("Write the app", ""))
    assert wizard.end()[0] == 0
    assert wizard.written("other")["name"] == "other"


def test_back_leads_through_all_answers_and_keeps_the_later_ones(terminal: Start) -> None:
    wizard = terminal(*ALL_BUT_INPUTS)
    wizard.talk(("1st input", "reads"), ("Label", "Reads"), ("Choose a class", "file"), ("optional", "y"))
    wizard.talk(("2nd input", "<"), ("optional.*y", "<"), ("class.*file", "<"), (r"Label.*\[Reads\]", "-"))
    wizard.talk(
        (r"class \[file\]", "int"), (r"optional parameter \[y\]:", "n"), ("2nd input", ""), ("Write", "<")
    )
    wizard.talk(("2nd input", "k:int"), ("3rd input", ""), ("Write the app", ""))
    assert wizard.end()[0] == 0
    expected = [{"name": "reads", "class": "int"}, {"name": "k", "class": "int"}]
    assert wizard.written()["inputSpec"] == expected
