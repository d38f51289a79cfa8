"""The code on which an entry point of a Python app depends."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.engine.resume.code.closure import closure_of
from dx_local.engine.resume.code.parts import WHOLE_FILE, changed_parts

APP = '''
import gzip
import json as text_format

import dxpy
from numpy import array

LIMIT = 10
NAMES = {"a": LIMIT}
TABLE = {"count": lambda piece: count(piece)}


class Reader:
    def read(self, path):
        return unpack(path)


def unpack(path):
    """Unpack."""
    return gzip.open(path)


def count(piece):
    return LIMIT + len(piece)


def gather(results):
    return text_format.dumps(results)


def again(number):
    return again(number - 1) if number else unused_name


@dxpy.entry_point("main")
def main():
    dxpy.new_dxjob({}, "process")
    return {}


@dxpy.entry_point("process")
def start_process(piece):
    return {"n": count(piece), "x": Reader().read(piece)}


@dxpy.entry_point("postprocess")
def postprocess(results):
    return {"all": gather(results)}


@dxpy.entry_point("table")
def by_table(name):
    return TABLE[name]("p")


dxpy.run()
'''


def affected(before: str, after: str) -> set[str]:
    """Return the entry points of APP whose code differs."""
    assert before in APP
    changed = APP.replace(before, after)
    return {
        name
        for name in ("main", "process", "postprocess", "table")
        if closure_of(APP, "python3", name) != closure_of(changed, "python3", name)
    }


ALL = {"main", "process", "postprocess", "table"}


@pytest.mark.parametrize(
    ("before", "after", "entry_points"),
    [
        pytest.param("text_format.dumps(results)", "results", {"postprocess"}, id="a function"),
        pytest.param("gzip.open(path)", "open(path)", {"process"}, id="called by a method"),
        pytest.param("LIMIT = 10", "LIMIT = 11", {"process", "table"}, id="a constant"),
        pytest.param('{"a": LIMIT}', "{}", set(), id="a constant that nothing uses"),
        pytest.param("len(piece)", "1", {"process", "table"}, id="through a table of lambdas"),
        pytest.param("import json as", "import simplejson as", {"postprocess"}, id="an import"),
        pytest.param("import gzip\n", "import gzip\nimport random\n", set(), id="a new standard import"),
        pytest.param("import gzip\n", "import gzip\nimport patches\n", ALL, id="an import for its effects"),
        pytest.param("numpy import array", "scipy import array", ALL, id="an import that nothing uses"),
        pytest.param("dxpy.run()", "setup()\ndxpy.run()", ALL, id="a statement that runs on import"),
        pytest.param("dxpy.run()", "STATE = make()\ndxpy.run()", ALL, id="an assignment of a call"),
        pytest.param("dxpy.run()", "gather = print\ndxpy.run()", {"postprocess"}, id="a rebound name"),
        pytest.param('"""Unpack."""', '"""Unpack it."""', set(), id="a docstring"),
        pytest.param("def count(piece):\n", "def count(piece):\n    # why\n\n", set(), id="a comment"),
        pytest.param("class Reader:", "class Reader(dict):", {"process"}, id="a base class"),
        pytest.param("def again(number)", "def again(number, x=1)", set(), id="an unused recursive function"),
        pytest.param(
            "def unpack(path)", "@lru_cache\ndef unpack(path)", ALL, id="a decorator of unknown origin"
        ),
        pytest.param("LIMIT = 10\n", "LIMIT = 10\nLIMIT = 10\n", {"process", "table"}, id="a repetition"),
        pytest.param("return {}\n", "return {'done': True}\n", {"main"}, id="the entry point itself"),
        pytest.param("number else", "number else eval(number) or", set(), id="eval that nothing reaches"),
    ],
)
def test_only_jobs_that_reach_a_change_run_again(before: str, after: str, entry_points: set[str]) -> None:
    assert affected(before, after) == entry_points


@pytest.mark.parametrize(
    "computed",
    [
        "eval(piece)",
        "exec('x = 1')",
        "globals()[piece]()",
        "getattr(dxpy, piece)",
        "__import__(piece)",
        "importlib.import_module(piece)",
        "sys.modules['__main__']",
        "run = eval",
        "from sys import modules",
        "import __main__",
        "import builtins; builtins.eval('x')",
        "from inspect import getsource",
        "import pickle; pickle.load(piece)",
        "count.__globals__",
        "open(__file__)",
        "subprocess.run(sys.argv[0])",
        "dxpy.run('gather')",
        "dxpy.ENTRY_POINT_TABLE['gather']()",
    ],
)
def test_computed_names_make_the_whole_file_count(computed: str) -> None:
    code = APP.replace("return LIMIT + len(piece)", computed)
    assert {part.name for part in closure_of(code, "python3", "process")} == {WHOLE_FILE}
    assert {part.name for part in closure_of(code, "python3", "main")} != {WHOLE_FILE}


@pytest.mark.parametrize("harmless", ["getattr(dxpy, 'run')", "re.compile(piece)", "self.eval(piece)"])
def test_names_in_the_source_do_not(harmless: str) -> None:
    code = APP.replace("return LIMIT + len(piece)", f"return {harmless}")
    assert WHOLE_FILE not in {part.name for part in closure_of(code, "python3", "process")}


@pytest.mark.parametrize(
    ("code", "function"),
    [("def main(:", "main"), ("print 'two'", "main"), (APP, "absent"), ("import dxpy\ndxpy.run()", "main")],
)
def test_what_cannot_be_divided_is_one_part(code: str, function: str) -> None:
    assert {part.name for part in closure_of(code, "python3", function)} == {WHOLE_FILE}


def test_a_change_is_named_with_its_line() -> None:
    after = closure_of(APP.replace("text_format.dumps(results)", "results"), "python3", "postprocess")
    (changed,) = changed_parts(closure_of(APP, "python3", "postprocess"), after)
    assert changed.name == "gather"
    assert APP.splitlines()[changed.line - 1] == "def gather(results):"


names = st.sampled_from(string.ascii_lowercase[:8])
calls = st.lists(st.tuples(names, names), max_size=12)


@given(edges=calls, edited=names)
def test_exactly_the_functions_that_can_be_called_count(edges: list[tuple[str, str]], edited: str) -> None:
    """Compare with a search in the graph of calls."""
    graph: dict[str, set[str]] = {name: set() for name in string.ascii_lowercase[:8]}
    for caller, called in edges:
        graph[caller].add(called)

    def source(suffix: str) -> str:
        functions = [
            f"def {name}():\n    return [{', '.join(f'{each}()' for each in sorted(called))}]"
            f"{suffix if name == edited else ''}\n"
            for name, called in graph.items()
        ]
        entry = "@dxpy.entry_point('main')\ndef main():\n    a()\n"
        return "\n".join(["import dxpy", *functions, entry, "dxpy.run()"])

    reached, pending = set(), ["a"]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += graph[name]
    changed = closure_of(source(""), "python3", "main") != closure_of(source(" + [1]"), "python3", "main")
    assert changed == (edited in reached)


def changes(before: str, after: str) -> bool:
    """Return whether a change of the code before the entry point matters to it."""
    entry = "\n@dxpy.entry_point('main')\ndef main():\n    return T['f']()\n"
    first, second = (
        closure_of(f"import dxpy\nT = {{}}\n{code}{entry}", "python3", "main") for code in (before, after)
    )
    return first != second


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("def keep(f):\n    T[f.__name__] = f\n\n@keep\ndef f(): return 1", id="a decorator"),
        pytest.param("from lib import keep\n@keep('f')\ndef f(): return 1", id="one of another package"),
        pytest.param(
            "class Base:\n    def __init_subclass__(cls): T['f'] = cls\nclass f(Base): x = 1\nBase()",
            id="a base class",
        ),
    ],
)
def test_what_is_registered_counts(code: str) -> None:
    assert changes(code, code.replace("1", "2"))


def test_harmless_decorators_do_not_make_functions_count() -> None:
    wrapper = (
        "import functools\ndef timed(timed_function):\n    return functools.wraps(timed_function)(print)"
    )
    code = f"{wrapper}\n@functools.cache\n@timed\ndef f(): return 1"
    assert not changes(code, code.replace("1", "2"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("T['f'] = 1\nT['f'] = 2", "T['f'] = 2\nT['f'] = 1"),
        ("T = A\nT = B", "T = B\nT = A"),
        ("def g(): pass\nT = g\ndef g(): return 1", "def g(): pass\ndef g(): return 1\nT = g"),
    ],
)
def test_the_order_of_statements_counts(before: str, after: str) -> None:
    assert changes(before, after)


def test_the_order_of_definitions_does_not() -> None:
    functions = ["def f(): return g()", "def g(): return X", "X = 1", "T['f'] = f"]
    assert not changes("\n".join(functions), "\n".join([*functions[-2::-1], functions[-1]]))
