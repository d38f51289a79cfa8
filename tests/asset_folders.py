"""Asset folders for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SAY = "#!/bin/sh\ncat /usr/share/said/word\n"
MAKEFILE = """
all:
\tmkdir -p /usr/share/said
\tcp /src/word /usr/share/said/
"""


def asset_folder(folder: Path, makefile: str | None = MAKEFILE, **spec: Any) -> Path:
    """Write the folder of an asset with the program `say`, which prints `from source`."""
    whole = {
        "name": "say_asset",
        "title": "Say",
        "description": "A program that speaks",
        "version": "1.2.0",
        "release": "24.04",
        "distribution": "Ubuntu",
        "excludeResource": ["/src"],
        **spec,
    }
    programs = folder / "resources" / "usr" / "local" / "bin"
    programs.mkdir(parents=True)
    (programs / "say").write_text(SAY)
    (programs / "say").chmod(0o755)
    (folder / "resources" / "src").mkdir()
    (folder / "resources" / "src" / "word").write_text("from source\n")
    (folder / "dxasset.json").write_text(json.dumps(whole, indent=2))
    if makefile is not None:
        (folder / "Makefile").write_text(makefile)
    return folder
