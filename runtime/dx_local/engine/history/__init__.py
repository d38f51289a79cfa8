"""Earlier runs of an app: find them, read their jobs and logs, and remove them."""

from __future__ import annotations
