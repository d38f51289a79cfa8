"""Compiled templates in the user's cache: to compile them takes longer than everything else in a generation.

A cached template is used only if its source is the same. Anything that is wrong with the cache is ignored.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.bccache import Bucket, BytecodeCache

from dx_app_wizard import __version__
from dx_app_wizard.errors import NoCacheError
from dx_app_wizard.files import atomic_write
from dx_app_wizard.user_dirs import cached

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class TemplateCache(BytecodeCache):
    """A folder with a file for each template."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket with the compiled template, if it is there."""
        with suppress(Exception):  # a damaged file can raise nearly anything
            bucket.load_bytecode(io.BytesIO(self._file(bucket).read_bytes()))
            return
        bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a compiled template, if the folder can be written."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic_write(self._file(bucket), bucket.bytecode_to_string())

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / bucket.key


def template_cache(options: Mapping[str, Any]) -> TemplateCache | None:
    """Return the cache of templates that are compiled with these options of Jinja, or None."""
    # Jinja compares the source and the version of Python, but nothing else on which its code depends.
    compiler = [__version__, jinja2.__version__, sys.implementation.cache_tag, options]
    key = hashlib.sha256(json.dumps(compiler, sort_keys=True).encode()).hexdigest()[:16]
    try:
        return TemplateCache(cached("dx-app-wizard", "compiled-templates", key))
    except NoCacheError:
        return None
