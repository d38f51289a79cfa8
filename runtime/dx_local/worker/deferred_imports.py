"""Import modules of dxpy's dependencies only when a job uses them.

dxpy imports `awscrt.checksums` for one kind of checksum, which hardly any file has. The library behind it
takes a third of the time in which dxpy is imported. `dateutil.parser` is for dates in searches.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_DEFERRED = ("awscrt.checksums", "dateutil.parser")


class _Deferring(MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _DEFERRED else None
        if spec is None or spec.loader is None:
            return None
        spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@contextlib.contextmanager
def deferred_imports() -> Iterator[None]:
    """Within this context, import those modules as ones that load when one of their names is first used."""
    finder = _Deferring()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
