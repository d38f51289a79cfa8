"""Displays of a run in progress: on a terminal, in a pipe, and in GitHub Actions."""

from __future__ import annotations
