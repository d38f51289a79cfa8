"""Parameters in the paths of routes, beyond those that Starlette has: `{size:number}`, `{name:anything}`."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class _Number(Convertor[int]):
    """A number, of no more digits than Python reads."""

    regex = "[0-9]{1,99}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _Anything(Convertor[str]):
    """The rest of a path; unlike that of `path` it may have line ends."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def register() -> None:
    """Make the parameters known to Starlette."""
    register_url_convertor("number", _Number())
    register_url_convertor("anything", _Anything())
