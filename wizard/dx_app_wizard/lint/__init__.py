"""Lint an app: rules for dxapp.json and source code, findings, fixes and reports."""

from __future__ import annotations
