"""The setup of a zygote: the executor's first message to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setup:
    """The parts of an executor that jobs use. Paths are absolute."""

    programs: str
    """The folder of the worker environment's programs."""
    tool_client: str | None
    """The compiled client.c, if it could be compiled."""
    port: int
    """The API's, for jobs without network access; 0 if there are none."""
