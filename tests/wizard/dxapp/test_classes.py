from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.dxapp.classes import (
    CLASSES,
    VALUE_CLASSES,
    ClassValueError,
    IOClass,
    UnknownClassError,
    flatten,
    mismatch,
    parse_class,
    parse_value,
    sample_value,
)
from dx_app_wizard.dxapp.links import Reference, link, link_id, link_project, parse_reference

HASH_ID = "B" * 24
FILE = f"file-{HASH_ID}"
PROJECT = f"project-{HASH_ID}"
JOB = f"job-{HASH_ID}"
REFERENCE = Reference(JOB, "reads").to_json()

hash_ids = st.sampled_from([letter * 24 for letter in "09BZbz"])
scalars: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(),
    "boolean": st.booleans(),
    "hash": st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())),
    "file": st.builds(lambda i, p: link(f"file-{i}", p and f"project-{p}"), hash_ids, st.none() | hash_ids),
    "record": st.builds(lambda i: link(f"record-{i}"), hash_ids),
}


@st.composite
def classes_and_values(draw: st.DrawFn) -> tuple[str, Any]:
    item = draw(st.sampled_from(sorted(scalars)))
    references = st.builds(
        lambda i, index: Reference(f"job-{i}", "field_1", index).to_json(),
        hash_ids,
        st.none() | st.integers(0, 99),
    )
    return draw(st.sampled_from([item, f"array:{item}"])), draw(scalars[item] | references)


def text_of(value: Any) -> str:
    """Write a value as users do: a link as its IDs, a reference as JOB:FIELD, anything else as JSON."""
    reference = parse_reference(value)
    if reference is not None:
        index = "" if reference.index is None else f".{reference.index}"
        return f"{reference.execution}:{reference.field}{index}"
    if link_id(value) is not None:
        return ":".join(filter(None, [link_project(value), link_id(value)]))
    return json.dumps(value)


@given(classes_and_values())
def test_what_is_written_is_read_back(case: tuple[str, Any]) -> None:
    io_class, value = case
    text = value if isinstance(value, str) else text_of(value)
    assert parse_value(io_class, text) == value


@given(st.sampled_from(sorted(scalars)), st.text())
def test_parsing_gives_a_value_of_the_class_or_a_class_value_error(io_class: str, text: str) -> None:
    with suppress(ClassValueError):
        assert mismatch(io_class, parse_value(io_class, text)) is None


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_is_known(name: str) -> None:
    assert parse_class(name).name == name


def test_an_array_class_is_taken_apart() -> None:
    assert parse_class("array:file") == IOClass("array:file", "file", is_array=True, is_link=True)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("File", "file"),
        ("array:files", "array:file"),
        ("arry:int", "array:int"),
        ("str", "string"),
        ("array:bool", "array:boolean"),
        ("array:array:int", "array:int"),
        ("zebra", None),
        ("", None),
    ],
)
def test_an_unknown_class_comes_with_a_suggestion(name: str, suggestion: str | None) -> None:
    with pytest.raises(UnknownClassError) as caught:
        parse_class(name)
    assert caught.value.suggestion == suggestion
    assert (suggestion or "file, record") in str(caught.value.hint)


@pytest.mark.parametrize(
    ("io_class", "text", "value"),
    [
        ("int", "-3", -3),
        ("float", "2", 2.0),
        ("float", "1e-3", 0.001),
        ("string", "12", "12"),
        ("boolean", "TRUE", True),
        ("boolean", "f", False),
        ("boolean", "0", False),
        ("hash", '{"a": [1]}', {"a": [1]}),
        ("file", FILE, link(FILE)),
        ("array:file", f"{PROJECT}:{FILE}", link(FILE, PROJECT)),
        ("int", f"{JOB}:n", Reference(JOB, "n").to_json()),
        ("array:file", f"{JOB}:files.3", Reference(JOB, "files", index=3).to_json()),
    ],
)
def test_texts_are_parsed_by_class(io_class: str, text: str, value: Any) -> None:
    assert parse_value(io_class, text) == value


@pytest.mark.parametrize(
    ("io_class", "text"),
    [
        ("int", "3.5"),
        ("int", ""),
        ("int", "1_000"),
        ("int", "٣"),
        ("float", "nan"),
        ("float", "inf"),
        ("float", "abc"),
        ("boolean", "maybe"),
        ("boolean", ""),
        ("hash", "[1]"),
        ("hash", '{"a": NaN}'),
        ("hash", "[" * 100_000),
        ("file", "reads.fastq"),
        ("file", f"record-{HASH_ID}"),
        ("file", FILE + "x"),
    ],
)
def test_texts_of_another_kind_are_refused(io_class: str, text: str) -> None:
    with pytest.raises(ClassValueError, match=f"not a value of class {io_class}"):
        parse_value(io_class, text)


@pytest.mark.parametrize(
    ("io_class", "value"),
    [
        ("float", 3),
        ("file", link(FILE, PROJECT)),
        ("int", REFERENCE),
        ("array:file", REFERENCE),
        ("array:file", [REFERENCE, [link(FILE)]]),
        ("array:int", []),
        ("array:int", [1, [2, [3]]]),
        ("array:hash", [{"a": 1}]),
    ],
)
def test_values_fit_their_class(io_class: str, value: Any) -> None:
    assert mismatch(io_class, value) is None


@pytest.mark.parametrize(
    ("io_class", "value", "message"),
    [
        ("int", True, "expected int, got boolean true"),
        ("int", 1.5, "expected int, got float 1.5"),
        ("float", float("nan"), "expected float, got float NaN"),
        ("string", None, "expected string, got null"),
        ("file", FILE, f'expected a link to a file, got string "{FILE}"'),
        ("file", link(f"record-{HASH_ID}"), f"expected a link to a file, got a link to record-{HASH_ID}"),
        ("array:int", 3, "expected an array of int, got int 3"),
        ("array:int", [1, [2, "x"]], '[1][1]: expected int, got string "x"'),
        ("hash", [], "expected hash, got an array"),
    ],
)
def test_a_mismatch_says_what_and_where(io_class: str, value: Any, message: str) -> None:
    assert mismatch(io_class, value) == message


@pytest.mark.parametrize("item", VALUE_CLASSES)
@pytest.mark.parametrize("prefix", ["", "array:"])
def test_samples_fit_their_class(prefix: str, item: str) -> None:
    assert mismatch(prefix + item, sample_value(prefix + item)) is None


def test_classes_of_links_have_no_sample() -> None:
    with pytest.raises(ValueError, match="must exist"):
        sample_value("file")


@pytest.mark.parametrize(
    ("values", "flat"), [([1, [2, [3]]], [1, 2, 3]), ([], []), ([[], [[]]], []), ("one", ["one"])]
)
def test_nested_arrays_flatten(values: Any, flat: list[Any]) -> None:
    assert flatten(values) == flat
