"""Check an app folder: rules over dxapp.json and source code, findings, fixes and reports."""

from __future__ import annotations
