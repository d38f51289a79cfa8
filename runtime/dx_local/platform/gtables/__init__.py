"""GTables: columns, indices, and rows on disk."""

from __future__ import annotations
