"""Connect clients to a platform: their environment variables, settings of `dx`, and `dx` itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.files import atomic_write
from dx_local.engine.server_variables import api_server_variables, auth_server_variables, security_context
from dx_local.engine.service.state_folder import ServerInfo
from dx_local.worker import dxpy_defaults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.engine.environments.python_environments import WorkerEnvironment

# Variables that would override the settings of dx if the shell has them. The project is stored in these
# settings rather than in a variable, so that `dx select` can change it.
UNSET = (
    "DX_CLI_WD",
    "DX_JOB_ID",
    "DX_PROJECT_CONTEXT_ID",
    "DX_PROJECT_CONTEXT_NAME",
    "DX_USERNAME",
    "DX_WATCH_PORT",
    "DX_WORKSPACE_ID",
)
_PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY")
_OUR_DX = Path(dxpy_defaults.__file__).with_name("dx")
_NOT_LINKED = ("dx-app-wizard",)  # has the name of our own program


def variables(saved: ServerInfo, folder: Path) -> dict[str, str]:
    """Return the variables, except PATH, that connect clients to the server of a state folder."""
    return {
        **api_server_variables(saved.url),
        **auth_server_variables(saved.url),
        **security_context(saved.token),
        "DX_USER_CONF_DIR": str(_settings_folder(folder)),
    }


def environment(saved: ServerInfo, folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the complete environment for a client program."""
    kept = {name: value for name, value in inherited.items() if name not in UNSET}
    path = os.pathsep.join(
        [str(first_programs_folder(folder)), kept.get("PATH", os.defpath), str(programs_folder(folder))]
    )
    return {**kept, **variables(saved, folder), "PATH": path}


def variable_names() -> list[str]:
    """Return the names of all variables that `variables` sets or that clients must not have."""
    nobody = ServerInfo(token="", secret="", project="", port=0)
    return [*UNSET, *variables(nobody, Path())]


def programs_folder(folder: Path) -> Path:
    """Return the folder of dx and its companions, which is last in PATH."""
    return folder / "bin"


def first_programs_folder(folder: Path) -> Path:
    """Return the folder that is first in PATH; its `dx` runs the user's own dx if there is one, else ours."""
    return programs_folder(folder) / "first"


def prepare_clients(saved: ServerInfo, folder: Path, worker: WorkerEnvironment | None) -> None:
    """Write the settings of `dx`, except for a project that was selected, and link its programs."""
    _write_settings(saved, _settings_folder(folder))
    programs = programs_folder(folder)
    links = {first_programs_folder(folder) / "dx": _OUR_DX}
    if worker:
        companions = [path for path in worker.bin.glob("dx-*") if path.name not in _NOT_LINKED]
        links |= {programs / path.name: path for path in companions}
        links |= {programs / "dx": _OUR_DX, programs / "worker" / "dx": worker.bin / "dx"}
    for link in [*programs.glob("*"), *programs.glob("*/dx")]:
        if link.is_symlink():
            link.unlink()
    for link, program in links.items():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(program)


def proxy_warning(inherited: Mapping[str, str]) -> str | None:
    """Return a warning if dxpy would send requests for the platform through a proxy, or None."""
    found = next((name for name in _PROXIES if inherited.get(name)), None)
    if found is None:
        return None
    return f"dxpy sends every request through the proxy in {found}, even to this machine; unset it for dx."


def _write_settings(saved: ServerInfo, folder: Path) -> None:
    folder.mkdir(exist_ok=True, mode=0o700)
    path = folder / "environment.json"
    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        earlier = {}
    if not isinstance(earlier, dict):
        earlier = {}
    settings = {
        "DX_PROJECT_CONTEXT_ID": saved.project,
        **earlier,
        **api_server_variables(saved.url),
        **security_context(saved.token),
    }
    atomic_write(path, json.dumps(settings, indent=4))


def _settings_folder(folder: Path) -> Path:
    return folder / "dnanexus_config"
