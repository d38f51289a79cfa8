"""Read the files of an app for the linter: dxapp.json, Python, bash, and uses of the network."""

from __future__ import annotations
