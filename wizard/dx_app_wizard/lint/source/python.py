"""The source of a Python app: entry points, their results, the jobs they start, and imported modules."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef

_HARMLESS_CALLS = frozenset(
    {"print", "len", "sorted", "list", "str", "repr", "dumps", "info", "debug", "warning"}
)
_ENDING_CALLS = ("exit", "fail", "abort", "error", "exec", "raise", "die")


@dataclass(frozen=True)
class Returned:
    """A return from a function: the statement, and the keys of the returned hash, None if unknown.

    `is_certain` is false if nothing is returned under some condition: that may be for tests, as in an `else`
    to `if os.path.exists("/home/dnanexus")`.
    """

    node: ast.AST
    keys: frozenset[str] | None
    is_certain: bool = True


@dataclass(frozen=True)
class JobStart:
    """A call of new_dxjob: the entry point, and the keys of its input; None if unknown."""

    node: ast.Call
    target: str | None
    input_keys: frozenset[str] | None


@dataclass(frozen=True)
class OutputCall:
    """A call of get_output_ref on a job whose entry point is known."""

    node: ast.Call
    target: str
    field: str


@dataclass(frozen=True)
class NeededModule:
    """A module imported without a fallback; `relative` is true for `from . import`."""

    node: ast.AST
    name: str
    relative: bool


class PythonSource:
    """A parsed source file."""

    def __init__(self, text: str) -> None:
        """Parse text; raise SyntaxError or ValueError if it is invalid."""
        self.tree = ast.parse(text)
        self._returns: dict[Function, list[Returned]] = {}

    @cached_property
    def functions(self) -> dict[str, Function]:
        """The functions of the module by name."""
        return {
            node.name: node
            for node in self.tree.body
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        }

    @cached_property
    def entry_points(self) -> dict[str, Function]:
        """The functions decorated as entry points, by the name of the entry point."""
        found: dict[str, Function] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for decorator in node.decorator_list:
                    name = _entry_point_name(decorator)
                    if name is not None:
                        found[name] = node
        return found

    @cached_property
    def entry_points_are_known(self) -> bool:
        """True if all entry points are visible: no computed names, no entry points from other modules."""
        decorators = {
            id(part)
            for function in self.entry_points.values()
            for decorator in function.decorator_list
            for part in ast.walk(decorator)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and any(
                alias.name in ("*", "entry_point") for alias in node.names
            ):
                return False
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
            if name in ("entry_point", "ENTRY_POINT_TABLE") and id(node) not in decorators:
                return False
        return all(module.name in sys.stdlib_module_names | {"dxpy"} for module in self.needed_modules)

    def returns(self, function: Function) -> list[Returned]:
        """Return the returns of function, including those of module functions whose result it returns."""
        if function in self._returns:
            return self._returns[function]
        # Ends the recursion of a function that returns its own result, directly or through others.
        self._returns[function] = [Returned(function, None)]
        found: list[Returned] = []
        for node in _own_nodes(function):
            if isinstance(node, ast.Return):
                found += self._returned(function, node)
        always = {id(node) for node in _unconditional(function.body)}
        found = [
            replace(way_out, is_certain=False)
            if not way_out.keys and id(way_out.node) not in always
            else way_out
            for way_out in found
        ]
        if _falls_through(function.body):
            last = function.body[-1] if found else function
            found.append(Returned(last, frozenset(), is_certain=not found))
        self._returns[function] = found
        return found

    def _returned(self, function: Function, node: ast.Return) -> list[Returned]:
        value = node.value
        if value is None or (isinstance(value, ast.Constant) and value.value is None):
            return [Returned(node, frozenset())]
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            called = self.functions.get(value.func.id)
            if called is not None and not called.decorator_list:
                ways = [(inner.keys, inner.is_certain) for inner in self.returns(called)]
                return [Returned(node, keys, is_certain) for keys, is_certain in dict.fromkeys(ways)]
        if isinstance(value, ast.Name):
            return [Returned(node, _keys_of_variable(function, value.id))]
        return [Returned(node, _keys_of_hash(value))]

    @cached_property
    def job_starts(self) -> list[JobStart]:
        """The calls of new_dxjob."""
        calls = (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))
        return [start for call in calls if (start := _job_start(call)) is not None]

    @cached_property
    def output_calls(self) -> list[OutputCall]:
        """The calls of get_output_ref with a literal field, on a job that the same function starts."""
        found = []
        for function in ast.walk(self.tree):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                targets = _job_variables(function)
                for node in _own_nodes(function):
                    call = _output_call(node, targets)
                    if call is not None:
                        found.append(call)
        return found

    @cached_property
    def needed_modules(self) -> list[NeededModule]:
        """The top-level modules that must exist, without those imported under `try` or for type checking."""
        return list(_needed(self.tree))


def required_parameters(function: Function) -> set[str]:
    """Return the parameters without a default."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    without = positional[: len(positional) - len(arguments.defaults)]
    keyword = [
        arg
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return {arg.arg for arg in [*without, *keyword]}


def all_parameters(function: Function) -> set[str]:
    """Return the parameters that can be passed by keyword."""
    return {arg.arg for arg in [*function.args.args, *function.args.kwonlyargs]}


def has_plain_signature(function: Function) -> bool:
    """Return whether no other decorator may change the parameters of an entry point."""
    return all(_entry_point_name(decorator) is not None for decorator in function.decorator_list)


def _falls_through(body: list[ast.stmt]) -> bool:
    """Return whether execution certainly reaches the end of a block; False if in doubt."""
    last = body[-1]
    if isinstance(last, ast.If):
        return not last.orelse or _falls_through(last.body) or _falls_through(last.orelse)
    if isinstance(last, (ast.With, ast.AsyncWith)):
        return _falls_through(last.body)
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return not any(word in (_called(last.value) or "").lower() for word in _ENDING_CALLS)
    return isinstance(
        last, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.For, ast.Pass, ast.Delete)
    )


def _unconditional(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body that always run, including those in `with`."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            yield from _unconditional(statement.body)


def _entry_point_name(decorator: ast.expr) -> str | None:
    if isinstance(decorator, ast.Call) and _called(decorator) == "entry_point" and decorator.args:
        return _text(decorator.args[0])
    return None


def _called(call: ast.Call) -> str | None:
    """Return the last part of the called name: `new_dxjob` for `dxpy.new_dxjob(…)`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else None


def _text(node: ast.AST | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """Yield the nodes of function in order, without those of nested functions and classes."""
    pending: list[ast.AST] = list(reversed(function.body))
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            pending += reversed(list(ast.iter_child_nodes(node)))


def _keys_of_hash(node: ast.AST) -> frozenset[str] | None:
    """Return the keys of a literal dict or of a call of dict with keywords; None for anything else."""
    if isinstance(node, ast.Dict):
        keys = [_text(key) for key in node.keys]
    elif isinstance(node, ast.Call) and _called(node) == "dict" and not node.args:
        keys = [keyword.arg for keyword in node.keywords]
    else:
        return None
    return None if None in keys else frozenset(key for key in keys if key is not None)


def _keys_of_variable(function: Function, name: str) -> frozenset[str] | None:
    """Return the keys that the dict in a local variable may have; None if unknown."""
    keys: set[str] = set()
    assigned = False
    for node in _own_nodes(function):
        added = _keys_added(node, name)
        if added is None:
            return None
        assigned = assigned or _assigns(node, name)
        keys |= added
    return frozenset(keys) if assigned else None


def _assigns(node: ast.AST, name: str) -> bool:
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _keys_added(node: ast.AST, name: str) -> frozenset[str] | None:
    """Return the keys that one node adds to the dict in a variable; None if it may add any key."""
    nothing: frozenset[str] = frozenset()
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and _assigns(node, name):
        return _keys_of_hash(node.value) if node.value is not None else nothing
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and _is_name(node.value, name):
        key = _text(node.slice)
        return None if key is None else frozenset({key})
    if isinstance(node, ast.AugAssign) and _is_name(node.target, name):
        return _keys_of_hash(node.value)
    if _loops_over(node, name) or (isinstance(node, ast.Assign) and _is_name(node.value, name)):
        return None  # any key may be added through an alias
    if isinstance(node, ast.Call):
        return _keys_added_by_call(node, name)
    return nothing


def _loops_over(node: ast.AST, name: str) -> bool:
    return isinstance(node, (ast.For, ast.comprehension)) and _is_name(node.target, name)


def _keys_added_by_call(node: ast.Call, name: str) -> frozenset[str] | None:
    method = (
        node.func.attr if isinstance(node.func, ast.Attribute) and _is_name(node.func.value, name) else None
    )
    if method == "update":
        hashes = [_keys_of_hash(argument) for argument in node.args]
        keywords = [keyword.arg for keyword in node.keywords]
        if None in hashes or None in keywords:
            return None
        return frozenset(
            key for keys in (*hashes, keywords) if keys is not None for key in keys if key is not None
        )
    if method == "setdefault" and node.args:
        key = _text(node.args[0])
        return None if key is None else frozenset({key})
    passed = any(
        _is_name(argument, name) for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
    )
    return None if passed and _called(node) not in _HARMLESS_CALLS else frozenset()


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _job_start(call: ast.Call) -> JobStart | None:
    if _called(call) != "new_dxjob":
        return None
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if None in keywords or any(isinstance(argument, ast.Starred) for argument in call.args):
        return JobStart(call, None, None)
    function_input = keywords.get("fn_input", call.args[0] if call.args else None)
    name = keywords.get("fn_name", call.args[1] if len(call.args) > 1 else None)
    keys = _keys_of_hash(function_input) if function_input is not None else None
    return JobStart(call, _text(name), keys)


def _job_variables(function: Function) -> dict[str, str | None]:
    """Return the entry point of the job or jobs in each variable; None if unclear."""
    targets: dict[str, str | None] = {}

    def note(name: str, target: str | None) -> None:
        targets[name] = target if targets.get(name, target) == target else None

    for node in _own_nodes(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if not (isinstance(node.value, ast.List) and not node.value.elts):
                note(node.targets[0].id, _started(node.value))
        elif isinstance(node, ast.Call) and (name := _appended_to(node)):
            note(name, _started(node.args[0]))
    for node in _own_nodes(function):
        if isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Name):
            note(node.target.id, targets.get(node.iter.id) if isinstance(node.iter, ast.Name) else None)
    return targets


def _appended_to(call: ast.Call) -> str | None:
    """Return the variable to which a call of `append` adds an element."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr == "append" and call.args:
        return function.value.id if isinstance(function.value, ast.Name) else None
    return None


def _started(node: ast.AST) -> str | None:
    """Return the entry point of the job, or of the list of jobs, that an expression starts."""
    if isinstance(node, ast.ListComp):
        return _started(node.elt)
    start = _job_start(node) if isinstance(node, ast.Call) else None
    return start.target if start else None


def _output_call(node: ast.AST, targets: dict[str, str | None]) -> OutputCall | None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
        return None
    field = _text(node.args[0])
    job = node.func.value
    if node.func.attr != "get_output_ref" or field is None:
        return None
    target = targets.get(job.id) if isinstance(job, ast.Name) else _started(job)
    return OutputCall(node, target, field) if target else None


def _needed(node: ast.AST) -> Iterator[NeededModule]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield NeededModule(child, alias.name.partition(".")[0], relative=False)
        elif isinstance(child, ast.ImportFrom):
            yield NeededModule(child, (child.module or "").partition(".")[0], relative=child.level > 0)
        elif isinstance(child, ast.Try):
            handled = [*child.handlers, *child.orelse, *child.finalbody]
            for part in handled if child.handlers else [*child.body, *handled]:
                yield from _needed(part)
        elif not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield from _needed(child)
