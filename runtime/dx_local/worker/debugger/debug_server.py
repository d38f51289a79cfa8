"""Wait for a client of debugpy, such as VS Code.

The package is that of dx-local, which this Python does not have: it is loaded from its folder.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

_LOOPBACK = "127.0.0.1"


def wait_for_client(server: dict[str, Any]) -> None:
    """Listen at the port of a `DebugServer`, and return once a client is attached."""
    package = Path(server["package"])
    spec = importlib.util.spec_from_file_location(
        "debugpy", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    debugpy: Any = importlib.util.module_from_spec(spec)
    sys.modules["debugpy"] = debugpy
    spec.loader.exec_module(debugpy)
    debugpy.listen((_LOOPBACK, server["port"]))
    print(f"waiting for VS Code to attach to {_LOOPBACK}:{server['port']}", file=sys.stderr, flush=True)
    debugpy.wait_for_client()
