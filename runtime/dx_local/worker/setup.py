"""The setup of a zygote: what its executor tells it first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Setup:
    """The jobs that a zygote will run. Paths are absolute."""

    programs: str
    """The folder of the worker environment's programs."""
    tool_client: str | None
    """The compiled client.c, if it could be compiled."""
    isolation: str
    """`none`, or any other value to run jobs in sandboxes if possible."""
    jobs: str
    """The folder that contains those of jobs."""
    port: int
    """The API's, for jobs without network access; 0 if there are none."""
