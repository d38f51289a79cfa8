"""The ledger of a run: digests of what its jobs have put out, and the thread that keeps it."""

from __future__ import annotations
