"""Answers files in JSON or YAML, their schema, and the dxapp.json to start from."""

from __future__ import annotations
