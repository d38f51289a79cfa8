"""Compare the versions of this node with the wanted ones, and run its worker pool if they agree."""

from __future__ import annotations

import json
import sys

from dx_local.engine.executors.remote.node.node_name import node_name
from dx_local.engine.executors.remote.parsl.versions import differences, versions


def main() -> int:
    """Return the exit code of the pool, or 2 if versions differ."""
    node = node_name()
    if found := differences(json.loads(sys.argv[1]), versions(), node):
        print(*found, sep="\n", file=sys.stderr)  # noqa: T201 - it becomes a message of dx-local
        return 2
    # Imported here, as other versions of our packages may lack a module.
    from dx_local.engine.executors.remote.parsl.pool_start.pool import run_pool

    return run_pool(node, sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
