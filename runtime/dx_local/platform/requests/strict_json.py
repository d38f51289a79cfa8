"""JSON as everybody can read it again: in UTF-8, with finite numbers, whole characters and a bounded depth.

Python reads and writes more than that, and fails on JSON as deep as its stack. What requests and jobs hand in
is read by this, so that nothing is stored which nobody can be given.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from dx_app_wizard.console.text import without_surrogates

MAX_DEPTH = 200
"""How many hashes and arrays may stand within each other."""


def parse(text: bytes, *, replaces_surrogates: bool = False) -> Any:
    """Return the value of a JSON text; with `replaces_surrogates`, what is not Unicode in it becomes U+FFFD.

    Raises ValueError that says what is wrong: UnicodeEncodeError for half a surrogate pair.
    """
    decoded = text.decode(errors="replace" if replaces_surrogates else "strict")
    del text  # it may be large, and its value will be as large again
    try:
        value = _DECODER.decode(decoded)
    except RecursionError:
        raise _too_deep() from None
    # Only brackets make depth; most texts have too few of them to be looked at.
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
    return ValueError(f"more than {MAX_DEPTH} hashes and arrays stand within each other")


def _not_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not allowed in JSON")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"the number {number[:40]} is too large")
    return value


_SURROGATE = re.compile(r"\\u[dD]")
_DECODER = json.JSONDecoder(parse_constant=_not_json, parse_float=_finite)
