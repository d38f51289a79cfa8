"""The name of this node for people."""

from __future__ import annotations

import os
import socket

NODE_VARIABLE = "DX_LOCAL_NODE"
"""Environment variable with the name of the node, if that is not its host name."""


def node_name() -> str:
    """Return the name of this node: as set, as Slurm calls it, or the host's."""
    return os.environ.get(NODE_VARIABLE) or os.environ.get("SLURMD_NODENAME") or socket.gethostname()
