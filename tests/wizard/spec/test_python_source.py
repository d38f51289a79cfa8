"""PythonSource: what a function returns, as far as it can be told, and quickly."""

from __future__ import annotations

import time

import pytest

from dx_app_wizard.spec.python_source import PythonSource


def keys_returned(body: str, more: str = "") -> list[frozenset[str] | None]:
    source = PythonSource(f"def main(x):\n    {body}\n{more}")
    return [returned.keys for returned in source.returns(source.functions["main"])]


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ('return {"a": 1}', [{"a"}]),
        ("return dict(a=1)", [{"a"}]),
        ('o = {"a": 1}; o["b"] = 2; return o', [{"a", "b"}]),
        ("return x", [None]),
        ("return {**x}", [None]),
        ("o = {}; fill(o); return o", [None]),
        ("o = {}; p = o; return o", [None]),
        ('if x: return {"a": 1}', [{"a"}, set()]),
        ("raise ValueError", []),
        ("sys.exit(1)", []),
        ("pass", [set()]),
    ],
)
def test_the_keys_that_main_returns(body: str, keys: list[frozenset[str] | None]) -> None:
    assert keys_returned(body) == keys


def test_a_function_that_is_returned_is_followed() -> None:
    assert keys_returned("return end(x)", 'def end(x):\n    return {"a": x}\n') == [frozenset("a")]


def test_functions_that_call_each_other_take_no_time() -> None:
    calls = "".join(f"    if x == {i}: return f{i}(x)\n" for i in range(40))
    functions = "".join(f"def f{i}(x):\n{calls}    return {{}}\n" for i in range(40))
    begin = time.perf_counter()
    keys_returned("return f0(x)", functions)
    assert time.perf_counter() - begin < 2
