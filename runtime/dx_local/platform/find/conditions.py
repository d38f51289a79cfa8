"""Translate the conditions of a search to SQL: names, tags, types, properties, times.

Source: https://documentation.dnanexus.com/developer/api/search
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_local.platform.core import regexps
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.core.json_text import to_json
from dx_local.platform.find.globs import Glob
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON


_MAX_TERMS = 500  # SQLite accepts expressions up to a depth of 1000
_MAX_DEPTH = 30


@dataclass(frozen=True)
class Condition:
    """An SQL expression that is true or false for a row, and the values of its parameters."""

    sql: str
    values: tuple[Any, ...] = ()


def all_of(conditions: list[Condition]) -> Condition:
    """Return the conjunction of conditions; true if there are none."""
    return _joined(conditions, " AND ", "1")


def any_of(conditions: list[Condition]) -> Condition:
    """Return the disjunction of conditions; false if there are none."""
    return _joined(conditions, " OR ", "0")


def name_is(column: str, wanted: Any) -> Condition:
    """Match a name: the whole name, or `{"glob": …}`, or `{"regexp": …, "flags": "i"}`."""
    if isinstance(wanted, str):
        return Condition(f"{column} = ?", (wanted,))
    if isinstance(wanted, dict) and isinstance(wanted.get("glob"), str):
        return Condition(f"{column} GLOB ?", (Glob.parse(wanted["glob"]).sql,))
    if isinstance(wanted, dict) and isinstance(wanted.get("regexp"), str):
        return Condition(f"{column} REGEXP ?", (_regexp(wanted["regexp"], wanted.get("flags") or ""),))
    raise InvalidInput('"name" must be a string, {"glob": "…"} or {"regexp": "…"}')


def includes(array: str, field: str, wanted: Any) -> Condition:
    """Match a JSON array (an SQL expression) that contains a string, or `$and`/`$or` of strings."""

    def one(value: Any) -> Condition | None:
        if not isinstance(value, str):
            return None
        return Condition(f"EXISTS (SELECT 1 FROM json_each({array}) WHERE value = ?)", (value,))

    expectation = f'"{field}" must be a string, or {{"$and": […]}} or {{"$or": […]}} of such'
    return _combined(wanted, one, expectation)


def has_properties(hash_: str, wanted: Any) -> Condition:
    """Match a JSON hash (an SQL expression) with properties `{key: value or true}`, or `$and`/`$or`."""

    def one(value: Any) -> Condition | None:
        if not isinstance(value, dict) or value.keys() & {"$and", "$or"}:
            return None
        return all_of([_property(hash_, key, expected) for key, expected in value.items()])

    return _combined(wanted, one, '"properties" must be a hash, or {"$and": […]} or {"$or": […]} of such')


def between(column: str, field: str, request: JSON) -> list[Condition]:
    """Match a time within the request's `{"after": ms, "before": ms}`; the bounds are inclusive."""
    if request.get(field) is None:
        return []
    bounds = read.mapping(request, field)
    signs = {"after": ">=", "before": "<="}
    return [
        Condition(f"{column} {sign} ?", (read.integer(bounds, bound),))
        for bound, sign in signs.items()
        if bounds.get(bound) is not None
    ]


def one_of(column: str, values: list[str]) -> Condition:
    """Match a column whose value is one of any number of values."""
    return Condition(f"{column} IN (SELECT value FROM json_each(?))", (to_json(values),))


def linking_to(object_id: str) -> Condition:
    """Match copies of the data objects whose details link to an object."""
    return Condition("placement.object IN (SELECT source FROM link WHERE target = ?)", (object_id,))


def _property(hash_: str, key: str, expected: Any) -> Condition:
    if expected is True:
        return Condition(f"EXISTS (SELECT 1 FROM json_each({hash_}) WHERE key = ?)", (key,))
    if not isinstance(expected, str):
        raise InvalidInput(f'the property "{key}" must be a string, or true for any value')
    return Condition(
        f"EXISTS (SELECT 1 FROM json_each({hash_}) WHERE key = ? AND value = ?)", (key, expected)
    )


def _combined(
    wanted: Any, one: Callable[[Any], Condition | None], expectation: str, depth: int = 0
) -> Condition:
    """Build a condition from the grammar `X | {"$and": [grammar, …]} | {"$or": [grammar, …]}`."""
    if depth > _MAX_DEPTH:
        raise InvalidInput(f"conditions can be nested at most {_MAX_DEPTH} deep")
    simple = one(wanted)
    if simple is not None:
        return simple
    if isinstance(wanted, dict) and len(wanted) == 1:
        (operator, operands), *_ = wanted.items()
        join = {"$and": all_of, "$or": any_of}.get(operator)
        if join and isinstance(operands, list):
            return join([_combined(operand, one, expectation, depth + 1) for operand in operands])
    raise InvalidInput(expectation)


def _joined(conditions: list[Condition], operator: str, empty: str) -> Condition:
    if not conditions:
        return Condition(empty)
    if len(conditions) > _MAX_TERMS:
        raise InvalidInput(f"at most {_MAX_TERMS} conditions can be joined, not {len(conditions)}")
    sql = operator.join(f"({condition.sql})" for condition in conditions)
    return Condition(sql, tuple(value for condition in conditions for value in condition.values))


def _regexp(pattern: str, flags: Any) -> str:
    if not isinstance(flags, str) or set(flags) - set("imsx"):
        raise InvalidInput('"flags" of a regexp may contain only "i", "m", "s" and "x"')
    full = f"(?{flags}){pattern}" if flags else pattern
    regexps.compiled(full)
    return full
