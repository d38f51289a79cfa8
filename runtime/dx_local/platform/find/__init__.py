"""Everything behind `dx find`: data objects, projects, apps and executions."""

from __future__ import annotations
