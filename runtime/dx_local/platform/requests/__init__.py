"""The forms that requests take: fields, strict JSON, folder paths, repeated and long calls."""

from __future__ import annotations
