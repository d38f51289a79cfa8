"""IDs of worker pools, which contain the name of their node."""

from __future__ import annotations

import re
import uuid

_UNUSUAL = re.compile(r"[^\w.-]", re.ASCII)


def pool_id(node: str) -> str:
    """Return a new ID for a worker pool on a node."""
    return f"{_UNUSUAL.sub('_', node)}~{uuid.uuid4().hex[:12]}"


def node_of(pool: str) -> str:
    """Return the name of the node of a worker pool."""
    return pool.rpartition("~")[0] or pool
