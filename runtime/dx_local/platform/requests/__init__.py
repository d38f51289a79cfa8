"""Parse and check requests: fields, strict JSON and folder paths; repeated calls and long work."""

from __future__ import annotations
