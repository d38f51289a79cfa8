"""Debuggers in jobs: pdb and a bash prompt, on the user's terminal."""

from __future__ import annotations
