"""The verbs over earlier runs of an app."""

from __future__ import annotations
