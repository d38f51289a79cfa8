"""Keep what Jinja compiles, which takes most of the time of a generation.

Processes of the wizard's own compile the templates as they do for users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookiecutter import generate
from jinja2.bccache import BytecodeCache

if TYPE_CHECKING:
    from types import CodeType

    from jinja2.bccache import Bucket
    from jinja2.environment import Environment

_SETTINGS = (
    "block_start_string",
    "variable_start_string",
    "comment_start_string",
    "line_statement_prefix",
    "trim_blocks",
    "lstrip_blocks",
    "keep_trailing_newline",
)


class _Memory(BytecodeCache):
    """Code by the name, place and text of its template, and the settings that change how it is read."""

    def __init__(self) -> None:
        self._codes: dict[tuple[object, ...], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get(_key(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code
        self._codes[_key(bucket)] = bucket.code


def _key(bucket: Bucket) -> tuple[object, ...]:
    environment = bucket.environment
    settings = [getattr(environment, name) for name in _SETTINGS]
    return (
        bucket.key,
        bucket.checksum,
        *settings,
        *sorted(environment.extensions),
        *sorted(environment.filters),
    )


def keep() -> None:
    """Compile each template only once from now on."""
    memory, create = _Memory(), generate.create_env_with_context

    def created(context: dict[str, Any]) -> Environment:
        environment: Environment = create(context)
        environment.bytecode_cache = environment.bytecode_cache or memory
        return environment

    generate.create_env_with_context = created
