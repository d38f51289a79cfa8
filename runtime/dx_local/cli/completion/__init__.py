"""Completion of commands with Tab: the scripts for shells, and candidates from the app in the folder."""

from __future__ import annotations
