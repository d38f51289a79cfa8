"""One run of one app folder: bundle the app, stage inputs, save outputs, report the failure."""

from __future__ import annotations
