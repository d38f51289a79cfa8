"""Semantic versions of apps, as `dx build` checks them."""

from __future__ import annotations

import re

_NUMBER = r"(?:0|[1-9][0-9]*)"
_SUFFIX = r"[-0-9A-Za-z]+(?:\.[-0-9A-Za-z]+)*"
_SEMANTIC = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_SUFFIX})?(?:\+{_SUFFIX})?")


def is_semantic_version(text: str) -> bool:
    """Return whether text is a version such as 1.0.0, 1.0.0-rc.1 or 1.0.0+build.5.

    Source: dxpy 0.417.1, executable_builder, which warns about others.
    """
    return bool(_SEMANTIC.fullmatch(text))
