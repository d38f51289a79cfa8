"""One run of one app folder: stage inputs, start the app, save outputs."""

from __future__ import annotations
