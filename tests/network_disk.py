"""Run a command for which a folder is on a network file system, in a mount namespace of its own.

    unshare -rm python -m tests.network_disk TYPE FOLDER COMMAND ARGUMENT...

Only the type that the kernel reports for the folder's device differs, so that the command takes it for NFS or
Lustre; files behave as before. Descendants of the command see the real type.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def pretend(kind: str, folder: Path) -> None:
    """Have this process, also as another program, find a type of file system. Raises CalledProcessError."""
    device = folder.stat().st_dev
    number = f" {os.major(device)}:{os.minor(device)} "
    own = Path(f"/proc/{os.getpid()}/mountinfo")
    lines = [
        _with_type(line, kind) if number in line.partition(" - ")[0] else line
        for line in own.read_text(encoding="utf-8").splitlines()
    ]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        subprocess.run(["mount", "--bind", file.name, own], check=True)


def _with_type(line: str, kind: str) -> str:
    fields, _, rest = line.partition(" - ")
    return f"{fields} - {kind} {rest.partition(' ')[2]}"


if __name__ == "__main__":
    pretend(sys.argv[1], Path(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
