"""Parse interoperable JSON: UTF-8, finite numbers, no lone surrogates, and a bounded depth.

Python's parser also accepts NaN, infinite numbers and lone surrogates, and fails on deep nesting. All JSON
from requests and jobs is parsed by this module, so that every stored value can be returned to any client.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from dx_app_wizard.console.text import without_surrogates

MAX_DEPTH = 200
"""The largest depth of nested hashes and arrays."""


def parse(text: bytes, *, replaces_surrogates: bool = False) -> Any:
    """Return the value of a JSON text; with `replaces_surrogates`, invalid characters become U+FFFD.

    Raises ValueError with the reason, and UnicodeEncodeError for half a surrogate pair.
    """
    decoded = text.decode(errors="replace" if replaces_surrogates else "strict")
    del text  # it may be large, and the parsed value needs as much memory again
    try:
        value = _DECODER.decode(decoded)
    except RecursionError:
        raise _too_deep() from None
    # Most texts have too few brackets to exceed the depth, and need no further check.
    if decoded.count("[") + decoded.count("{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise _too_deep()
    if _SURROGATE.search(decoded):
        again = json.dumps(value, ensure_ascii=False)
        if replaces_surrogates:
            return json.loads(without_surrogates(again))
        again.encode()
    return value


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [inner for each in inside for inner in each if isinstance(inner, (dict, list))]
        if not level:
            return False
    return True


def _too_deep() -> ValueError:
    return ValueError(f"hashes and arrays are nested more than {MAX_DEPTH} deep")


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed in JSON")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"the number {number[:40]} is too large")
    return value


_SURROGATE = re.compile(r"\\u[dD]")
_DECODER = json.JSONDecoder(parse_constant=_not_json, parse_float=_finite)
