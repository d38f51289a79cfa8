"""The node's side: make the environment of a job, run it there, report to the submitting machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_assignment(assignment: Mapping[str, Any]) -> dict[str, Any]:
    """Run an `Assignment` in this process of a node, and return its `AssignmentResult`, both as JSON.

    The first call starts an agent that serves all assignments of the process and ends with it. The job is
    killed if the parent process ends, or if the API does not answer for ten seconds. Raises OSError and other
    errors of this machine.
    """
    from dx_local.engine.executors.remote.node.agent import agent_of_process

    return agent_of_process().run(assignment)
