"""PythonSource: the results of functions, found quickly."""

from __future__ import annotations

import time

import pytest

from dx_app_wizard.lint.source.python import PythonSource


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


@pytest.mark.parametrize(
    ("body", "certain"),
    [
        ('if os.path.exists("/home/dnanexus"): return {"a": 1}', [{"a"}]),
        ('if os.path.exists("/home/dnanexus"):\n        return {"a": 1}\n    print(x)', [{"a"}]),
        ('if not x: return\n    return {"a": 1}', [{"a"}]),
        ('for i in x: return {"a": 1}', [{"a"}]),
        ('try:\n        return {"a": 1}\n    except OSError:\n        return {}', [{"a"}]),
        ('if x: return {"b": 1}\n    return {"a": 1}', [{"b"}, {"a"}]),
        ("with x: return {}", [set()]),
        ("if x: print(x)", [set()]),
        ("print(x)", [set()]),
        ("return end(x)", [{"b"}]),
    ],
)
def test_ways_out_that_are_certain(body: str, certain: list[set[str]]) -> None:
    helper = 'def end(x):\n    if x: return\n    return {"b": 1}\n'
    source = PythonSource(f"def main(x):\n    {body}\n{helper}")
    ways = source.returns(source.functions["main"])
    assert [set(way.keys or ()) for way in ways if way.is_certain] == certain


def test_a_function_that_is_returned_is_followed() -> None:
    assert keys_returned("return end(x)", 'def end(x):\n    return {"a": x}\n') == [frozenset("a")]


def test_functions_that_call_each_other_take_no_time() -> None:
    calls = "".join(f"    if x == {i}: return f{i}(x)\n" for i in range(40))
    functions = "".join(f"def f{i}(x):\n{calls}    return {{}}\n" for i in range(40))
    begin = time.process_time()
    keys_returned("return f0(x)", functions)
    assert time.process_time() - begin < 2
