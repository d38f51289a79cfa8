"""Fill the gaps between the objects of a process before it forks, so that its forks copy fewer pages.

Python keeps small objects in pools, one pool for each size. The imports of many modules leave gaps in most
pools. The objects that a fork makes would go into these gaps, almost each of them into another page, which
the kernel then has to copy. Without gaps they go side by side into new pools.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Sizes are multiples of the first number, up to the second; the C library keeps larger objects. Source:
# Objects/obmalloc.c of CPython.
_STEP = 16
_LARGEST = 512
# Objects of this size in all, each near the one before, are in a new pool. It is less than a page, so that
# the next ones are in the page of the pool's header.
_ROW_BYTES = 2048
_LONGEST_STEP = 4
# No size has so many gaps. If a Python allocates memory in another way, this is all that is lost for a size.
_MOST_BYTES = 256 << 10
_EMPTY_BYTES = sys.getsizeof(b"")

_fillings: list[object] = []


def fill_gaps() -> None:
    """Make objects of all sizes, to be kept for good, until further ones are in new pools."""
    for size in range(_STEP, _LARGEST + 1, _STEP):
        _fill_gaps_of(size, _maker_of(size))


def _fill_gaps_of(size: int, make: Callable[[], object]) -> None:
    row, last = 0, 0
    for _ in range(_MOST_BYTES // size):
        filling = make()
        _fillings.append(filling)
        # The numbers of this loop come and go between the objects that are as small as they are.
        is_near = abs(id(filling) - last) <= _LONGEST_STEP * size
        row, last = row + size if is_near else 0, id(filling)
        if row >= _ROW_BYTES:
            return


def _maker_of(size: int) -> Callable[[], object]:
    """Return a function that makes a new object of this size."""
    if size <= _EMPTY_BYTES:
        return object if size == _STEP else float
    return partial(bytes, size - _EMPTY_BYTES)
