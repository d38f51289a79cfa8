"""Pages of a served platform for a browser: its runs as they proceed, its projects and files; read only."""

from __future__ import annotations
