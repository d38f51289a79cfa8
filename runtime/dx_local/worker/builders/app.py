"""Build an app or applet from its uploaded folder, as the platform's `tarball_*_builder` apps do.

`dx build --remote` runs them. Source of the inputs and outputs: `_build_app_remote` in
dxpy.scripts.dx_build_app.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import dxpy

from dx_local.worker.builders.commands import failure_of, run

_UNNAMED = "app"
_TEXTS = {"version_override": "--version", "bill_to_override": "--bill-to"}
_FLAGS = {
    "do_version_autonumbering": "--no-version-autonumbering",
    "do_try_update": "--no-update",
    "do_parallel_build": "--no-parallel-build",
    "do_check_syntax": "--no-check-syntax",
}


def build_applet(input_file: Any, build_options: Any = None) -> dict[str, Any]:
    """Build an applet in the workspace; return it as the output of the job. Raises BuildError."""
    options = build_options or {}
    destination = options.get("destination_override") or "/"
    built = _dx_build(input_file, ["--destination", f"{dxpy.WORKSPACE_ID}:{destination}", *_flags(options)])
    return {"output_applet": dxpy.dxlink(built)}


def build_app(input_file: Any, build_options: Any = None, publish: bool = False) -> dict[str, Any]:
    """Build a version of an app, and publish it if wanted; return its ID. Raises BuildError."""
    flags = ["--create-app", *(["--publish"] if publish else []), *_flags(build_options or {})]
    return {"output_app": _dx_build(input_file, flags)}


def _flags(options: dict[str, Any]) -> list[str]:
    texts = [part for key, flag in _TEXTS.items() if options.get(key) for part in (flag, str(options[key]))]
    return [*texts, *(flag for key, flag in _FLAGS.items() if options.get(key) is False)]


def _dx_build(input_file: Any, flags: list[str]) -> str:
    """Run `dx build` on the content of an archive; return the ID of what it has built."""
    dxpy.download_dxfile(input_file, "app.tar.gz")
    unpacked = Path("unpacked")
    unpacked.mkdir()
    run(["tar", "-xzf", "app.tar.gz", "--no-same-owner", "-C", str(unpacked)])
    # `dx build` warns of a folder with another name than the app.
    folder = Path("build", _name_of(unpacked))
    folder.parent.mkdir()
    unpacked.rename(folder)
    done = subprocess.run(
        ["dx", "build", str(folder), *flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    print(done.stderr, end="", file=sys.stderr, flush=True)
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise failure_of("dx build", done.returncode, done.stderr.splitlines())
    built: str = json.loads(done.stdout.splitlines()[-1])["id"]
    return built


def _name_of(folder: Path) -> str:
    """Return the name in the dxapp.json of a folder if a folder can have it."""
    try:
        name = json.loads((folder / "dxapp.json").read_bytes())["name"]
    except (OSError, ValueError, KeyError, TypeError):
        name = None
    return name if isinstance(name, str) and name not in ("", ".", "..") and "/" not in name else _UNNAMED
