"""Arbitrary strings, from a job's input through bash to its output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.conftest import RunningPlatform

# Variables of shells cannot contain NUL, and single surrogates are not text.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
SPECIAL = st.text("'\"\\$`!*?[]{}()<>|&;#~=%^ \t\n\r-/\x7f\x1b\xa0é\u2028\ufeff𝄞na0", max_size=40)
WORDS = st.sampled_from(
    ["", " ", "-", "-n", "--class", "@file", "a b", "$(exit 9)", "`exit 9`", "${HOME}", "'", '"', "\\",
     "\\n", "*", "~", "!!", "null", "1", "true", "{}", "file-xxxx", "\n", "a\n", "\r\n", "$'\\n'", "%s", "é"]
)  # fmt: skip
# Python's argparse, with which the official program parses its arguments, drops the value "--".
VALUES = st.one_of(TEXTS, SPECIAL, WORDS).filter(lambda value: value != "--")

COPY = r"""
main() {
    for name in $names; do
        dx-jobutil-add-output --class=string -- "$name" "${!name}"
    done
    for value in "${list[@]}"; do
        dx-jobutil-add-output --class=array:string -- list "$value"
    done
}
"""
GUESS = r"""
main() {
    for index in "${!list[@]}"; do
        dx-jobutil-add-output "guess_$index" "${list[$index]}"
    done
}
"""


def output_of(running: RunningPlatform, code: str, job_input: dict[str, Any]) -> dict[str, Any]:
    """Run code in bash and return the output of its job, which must succeed."""
    job = running.run(code, "bash", job_input)
    output: dict[str, Any] = running.post(f"/{job}/describe")["output"]
    return output


@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VALUES, min_size=1, max_size=12))
@example(["", " ", "\n", "\n\n", "a\n", "-", "---", "-x", "--class=int", "$(echo x)", "`echo x`", "${HOME}"])
@example(
    ["'", '"', "\\", "\\'", "'\\''", "a'b\"c", "*", "~", "!", "#", "%s\\n", "\t", "\r", "é𝄞", "x" * 100_000]
)
def test_strings_go_through_bash_as_they_are(running: RunningPlatform, values: list[str]) -> None:
    single = {f"value_{index}": value for index, value in enumerate(values)}
    short = [value for value in values if len(value) < 1000]
    given_ = {**single, "names": " ".join(single), "list": short}
    assert output_of(running, COPY, given_) == {**single, **({"list": short} if short else {})}


def test_what_has_no_class_is_guessed(running: RunningPlatform) -> None:
    guesses: dict[str, Any] = {
        "word": "word",
        "two words": "two words",
        "1": 1,
        "1.5": 1.5,
        "true": True,
        '{"a": [1]}': {"a": [1]},
        '"quoted"': "quoted",
        "": "",
        "file-xxxx": "file-xxxx",
    }
    output = output_of(running, GUESS, {"list": list(guesses)})
    assert json.dumps(list(output.values())) == json.dumps(list(guesses.values()))
