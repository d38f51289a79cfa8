"""A report as text in other formats: a table, Markdown, a Mermaid graph."""

from __future__ import annotations
