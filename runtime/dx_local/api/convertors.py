"""Path parameters of routes in addition to Starlette's: `{size:number}` and `{name:anything}`."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class _Number(Convertor[int]):
    """A decimal number; its length is limited because Python rejects very long ones."""

    regex = "[0-9]{1,99}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _Anything(Convertor[str]):
    """The rest of a path, which unlike Starlette's `path` may contain line breaks."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def register() -> None:
    """Register the parameters with Starlette."""
    register_url_convertor("number", _Number())
    register_url_convertor("anything", _Anything())
