"""The model of dxapp.json: I/O classes, links, names, instance types, and JSON files."""

from __future__ import annotations
