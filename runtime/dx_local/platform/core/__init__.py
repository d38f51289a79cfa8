"""The basis of all other rooms of the platform: errors, IDs, the store, and the access of callers."""

from __future__ import annotations
