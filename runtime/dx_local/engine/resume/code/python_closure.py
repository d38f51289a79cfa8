"""The parts of a Python file on which an entry point depends.

The file is divided into its top-level statements. A function, class, import or plain assignment counts if a
part that counts mentions one of its names, and a class also if its base class counts. Any other statement
runs whenever the file does, and always counts.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections import Counter, defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from dx_app_wizard.lint.source.python import PythonSource
from dx_local.engine.resume.code.parts import part, whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dx_local.engine.resume.code.parts import Closure, CodePart

_DYNAMIC = frozenset(
    {
        "eval", "exec", "compile", "globals", "vars", "locals", "__import__", "import_module",
        "__file__", "__builtins__", "ENTRY_POINT_TABLE", "get_type_hints",
    }
)  # fmt: skip
"""Names by which code reaches other names that the file does not mention."""
_DYNAMIC_ATTRIBUTES = frozenset(
    {
        "modules", "argv", "_getframe", "f_globals", "f_locals", "__globals__", "__builtins__",
        "ENTRY_POINT_TABLE", "get_type_hints",
    }
)  # fmt: skip
"""Attributes with the same effect, such as those of sys and of functions; argv has the path of the file."""
_DYNAMIC_MODULES = frozenset(
    {
        "__main__", "builtins", "importlib", "inspect", "pydoc", "runpy",
        "pickle", "shelve", "cloudpickle", "dill", "joblib",
    }
)  # fmt: skip
"""Modules with the same effect; those that unpickle find classes by the names in the data."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BY_NAME = frozenset({"getattr", "setattr", "delattr", "hasattr"})
_PLAIN = (
    ast.Constant, ast.Name, ast.Attribute, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp,
    ast.BoolOp, ast.Compare, ast.Subscript, ast.Slice, ast.IfExp, ast.JoinedStr, ast.FormattedValue,
    ast.Starred, ast.Lambda, ast.arguments, ast.arg,
    ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
"""Nodes of expressions without calls, whose evaluation affects nothing else."""


def python_closure(code: str, function: str) -> Closure:
    """Return the parts of a Python file that can affect a job at an entry point."""
    file = _parsed(code)
    return whole_file(code) if file is None else file.closure(function)


@lru_cache(maxsize=64)
def _parsed(code: str) -> _File | None:
    """Return the parts of a file, None if it is not valid Python."""
    try:
        return _File(code)
    except (SyntaxError, ValueError, RecursionError):
        return None


class _Unit:
    """A top-level statement: the names that it binds, those that it mentions, and those of base classes."""

    def __init__(self, node: ast.stmt, *, keeps_docstrings: bool) -> None:
        self.node = node
        self.binds = frozenset(_bound(node))
        self.mentions = frozenset(_mentioned(node))
        self.bases = frozenset(_bases(node))
        self.is_dynamic = any(map(_is_dynamic, ast.walk(node)))
        self.is_definition = isinstance(node, (*_DEFINITIONS, ast.Import, ast.ImportFrom))
        self._keeps_docstrings = keeps_docstrings

    def part(self, position: int | None = None) -> CodePart:
        """Return the statement as a part of the code; comments, layout and docstrings do not count.

        `position` is its place among the statements whose order matters.
        """
        name = getattr(self.node, "name", None) or ", ".join(sorted(self.binds)) or "top-level code"
        node = self.node if self._keeps_docstrings else _without_docstrings(self.node)
        return part(name, f"{position} {ast.dump(node)}", self.node.lineno)


class _File:
    def __init__(self, code: str) -> None:
        self._code = code
        source = PythonSource(code)
        self._entry_points = source.entry_points
        keeps = "__doc__" in code
        statements = [node for node in source.tree.body if not _is_for_types(node)]
        self._units = [_Unit(node, keeps_docstrings=keeps) for node in statements]
        self._binding: defaultdict[str, list[_Unit]] = defaultdict(list)
        for unit in self._units:
            for name in unit.binds:
                self._binding[name].append(unit)
        mentioned = frozenset().union(*(unit.mentions for unit in self._units))
        standard = frozenset().union(*(unit.binds for unit in self._units if _is_standard(unit.node)))
        in_file = frozenset().union(*(unit.binds for unit in self._units)) - standard
        pure = {name for unit in self._units if _is_pure(unit, in_file) for name in unit.binds}
        self._always = [unit for unit in self._units if _always_counts(unit, mentioned, standard | pure)]
        self._derived: defaultdict[str, list[_Unit]] = defaultdict(list)
        for unit in self._units:
            for name in unit.bases - standard:
                self._derived[name].append(unit)

    def closure(self, function: str) -> Closure:
        entry = self._entry_points.get(function)
        start = [unit for unit in self._units if entry is not None and _contains(unit.node, entry)]
        if not start:
            return whole_file(self._code)
        reached = list(self._reached([*start, *self._always]))
        if any(unit.is_dynamic for unit in reached):
            return whole_file(self._code)
        positions = {id(unit): position for position, unit in enumerate(self._ordered(reached))}
        return frozenset(unit.part(positions.get(id(unit))) for unit in reached)

    def _ordered(self, reached: list[_Unit]) -> list[_Unit]:
        """Return the statements whose order matters, in the order of the file.

        These are the statements that do more than bind names. If a name is bound more than once, its bindings
        count too, and so do assignments, which may use it.
        """
        bindings = Counter(name for unit in reached for name in _bound_at_load(unit))
        rebound = {name for name, count in bindings.items() if count > 1}
        always = {id(unit) for unit in self._always}
        ordered = [
            unit
            for unit in reached
            if id(unit) in always or unit.binds & rebound or (rebound and not unit.is_definition)
        ]
        return sorted(ordered, key=lambda unit: (unit.node.lineno, unit.node.col_offset))

    def _reached(self, units: Iterable[_Unit]) -> Iterator[_Unit]:
        pending, seen = list(units), set()
        while pending:
            unit = pending.pop()
            if id(unit) in seen:
                continue
            seen.add(id(unit))
            yield unit
            for name in unit.mentions:
                pending += self._binding.get(name, ())
            for name in unit.binds:  # a base class may know the classes that are derived from it
                pending += self._derived.get(name, ())


def _always_counts(unit: _Unit, mentioned: frozenset[str], harmless: frozenset[str]) -> bool:
    """Return whether a statement counts even if none of its names is mentioned.

    That is so for a statement that may do more than bind names, such as a definition with a decorator that
    is not among the harmless ones. An import of another package counts if no part of the file
    mentions it: then it is there for its effects.
    """
    node = unit.node
    if isinstance(node, _DEFINITIONS):
        return not all(_is_harmless(decorator, harmless) for decorator in node.decorator_list)
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return any(alias.name != "annotations" for alias in node.names)
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return not unit.binds & mentioned and not _is_standard(node)
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        is_name = all(isinstance(target, ast.Name) for target in targets)
        return not (is_name and node.value is not None and _is_plain(node.value))
    return True


def _is_plain(value: ast.expr) -> bool:
    """Return whether the evaluation of an expression only computes a value, without a call."""
    return all(isinstance(node, _PLAIN) for node in _evaluated(value))


def _evaluated(value: ast.AST) -> Iterator[ast.AST]:
    yield value
    if not isinstance(value, ast.Lambda):
        for child in ast.iter_child_nodes(value):
            yield from _evaluated(child)


def _is_pure(unit: _Unit, in_file: frozenset[str]) -> bool:
    """Return whether a statement defines a function that uses nothing of the file, such as a table."""
    return isinstance(unit.node, ast.FunctionDef) and unit.mentions.isdisjoint(in_file)


def _is_harmless(decorator: ast.expr, harmless: frozenset[str]) -> bool:
    """Return whether a decorator registers nothing: that of an entry point, a built-in or a harmless one."""
    root = decorator.func if isinstance(decorator, ast.Call) else decorator
    is_entry_point = (root.attr if isinstance(root, ast.Attribute) else "") == "entry_point"
    while isinstance(root, ast.Attribute):
        root = root.value
    name = root.id if isinstance(root, ast.Name) else ""
    return name in harmless or hasattr(builtins, name) or name == "entry_point" or is_entry_point


def _bases(node: ast.stmt) -> Iterator[str]:
    """Yield the names in the bases and keywords of a class."""
    if isinstance(node, ast.ClassDef):
        for base in (*node.bases, *(keyword.value for keyword in node.keywords)):
            yield from _mentioned(base)


def _bound_at_load(unit: _Unit) -> Iterable[str]:
    """Return the names that a statement binds when the file is loaded, not when its functions are called."""
    return [unit.node.name] if isinstance(unit.node, _DEFINITIONS) else unit.binds


def _is_standard(node: ast.stmt) -> bool:
    """Return whether a statement imports only from the standard library."""
    if not isinstance(node, (ast.Import, ast.ImportFrom)):
        return False
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
    return all(name.partition(".")[0] in sys.stdlib_module_names for name in names)


def _is_for_types(node: ast.stmt) -> bool:
    """Return whether a statement is only for type checkers: `if TYPE_CHECKING:` without `else`."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    name = node.test.attr if isinstance(node.test, ast.Attribute) else getattr(node.test, "id", None)
    return name == "TYPE_CHECKING"


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds in the module, and those that its functions declare global."""
    if isinstance(node, _DEFINITIONS):
        yield node.name
    else:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id
            elif isinstance(inner, _DEFINITIONS):
                yield inner.name
            elif isinstance(inner, (ast.Import, ast.ImportFrom)):
                yield from (each.asname or each.name.partition(".")[0] for each in inner.names)
            elif isinstance(inner, ast.ExceptHandler) and inner.name:
                yield inner.name
    for inner in ast.walk(node):
        if isinstance(inner, ast.Global):
            yield from inner.names


def _mentioned(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement reads; names in annotations given as text are not evaluated."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Store):
            yield inner.id
        elif isinstance(inner, ast.Global):
            yield from inner.names
        elif isinstance(inner, ast.AugAssign) and isinstance(inner.target, ast.Name):
            yield inner.target.id


def _is_dynamic(node: ast.AST) -> bool:
    """Return whether a node reaches names that are not in the source."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [alias.name for alias in node.names]
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
        if isinstance(node, ast.ImportFrom) and not _DYNAMIC_ATTRIBUTES.union("*").isdisjoint(names):
            return True
        return any(module.partition(".")[0] in _DYNAMIC_MODULES for module in modules)
    if isinstance(node, ast.Attribute):
        return node.attr in _DYNAMIC_ATTRIBUTES
    if isinstance(node, ast.Call):
        return _is_dynamic_call(node)
    return isinstance(node, ast.Name) and node.id in _DYNAMIC - {"compile"}


def _is_dynamic_call(node: ast.Call) -> bool:
    function = node.func
    if isinstance(function, ast.Attribute):
        is_of_dxpy = isinstance(function.value, ast.Name) and function.value.id == "dxpy"
        runs_by_name = is_of_dxpy and function.attr == "run" and bool(node.args or node.keywords)
        return runs_by_name or function.attr in {"import_module", "__import__"}
    name = function.id if isinstance(function, ast.Name) else None
    if name in _BY_NAME:
        return len(node.args) < 2 or not isinstance(node.args[1], ast.Constant)
    return name == "compile"  # and not re.compile


def _contains(outer: ast.AST, wanted: ast.AST) -> bool:
    return any(node is wanted for node in ast.walk(outer))


class _DocstringRemover(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body = getattr(node, "body", None)
        has_docstring = isinstance(node, _DEFINITIONS)
        if has_docstring and body and _is_text(body[0]):
            node.body = body[1:] or [ast.Pass()]  # type: ignore[attr-defined]
        return node


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _without_docstrings(node: ast.stmt) -> ast.AST:
    import copy

    return ast.Pass() if _is_text(node) else _DocstringRemover().visit(copy.deepcopy(node))
