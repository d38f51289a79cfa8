"""The ground that all of the platform builds on: errors, IDs, the store, and the caller's access."""

from __future__ import annotations
