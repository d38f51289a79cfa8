"""Lines for a POSIX shell that connect it to a platform, and lines that undo that.

The shell itself keeps what it had, in variables named DX_LOCAL_OLD_NAME: values such as the token of an
account are never printed. DX_LOCAL_STATE has the state folders that the shell was connected to, separated by
colons.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.service.client_environment import (
    UNSET,
    first_programs_folder,
    programs_folder,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.engine.service.state_folder import ServerInfo

CONNECTED = "DX_LOCAL_STATE"
"""The variable of a connected shell."""

_MARK = "(dx-local) "
_KEEP = (
    f'if [ -z "${{{CONNECTED}-}}" ]; then for _dx in %s; do'
    ' eval "[ -z \\"\\${$_dx+x}\\" ] || export DX_LOCAL_OLD_$_dx=\\"\\$$_dx\\""; done; unset _dx; fi'
)
_RESTORE = (
    'for _dx in %s; do eval "if [ -n \\"\\${DX_LOCAL_OLD_$_dx+x}\\" ];'
    ' then export $_dx=\\"\\$DX_LOCAL_OLD_$_dx\\"; unset DX_LOCAL_OLD_$_dx;'
    ' else unset $_dx; fi"; done; unset _dx'
)
_MARK_PROMPT = f'case "${{PS1-}}" in ""|"{_MARK}"*) ;; *) PS1="{_MARK}$PS1";; esac'
_UNMARK_PROMPT = f'case "${{PS1-}}" in "{_MARK}"*) PS1="${{PS1#"{_MARK}"}}";; esac'


def connecting_lines(saved: ServerInfo, folder: Path, *, marks_prompt: bool = False) -> list[str]:
    """Return lines that connect a shell to the server of a state folder; they can be evaluated repeatedly."""
    values = variables(saved, folder)
    exports = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    state = shlex.quote(str(folder))
    programs = shlex.quote(str(programs_folder(folder)))
    first = shlex.quote(str(first_programs_folder(folder)))
    connected = f'{state}"${{{CONNECTED}:+:${CONNECTED}}}"'
    return [
        _KEEP % " ".join([*UNSET, *values]),
        f"unset {' '.join(UNSET)}",
        *exports,
        f'case ":${{{CONNECTED}-}}:" in *:{state}:*) ;; *) export {CONNECTED}={connected};; esac',
        # The user's programs take precedence over ours of the same name, except for `dx`, which calls theirs.
        f'case ":$PATH:" in *:{programs}:*) ;; *) export PATH={first}:"$PATH":{programs};; esac',
        *([_MARK_PROMPT] if marks_prompt else []),
    ]


def disconnecting_lines(inherited: Mapping[str, str], names: list[str]) -> list[str]:
    """Return lines that give a connected shell the variables with these names, PATH and prompt it had.

    `inherited` are its exported variables. A server is not needed.
    """
    folders = [Path(text) for text in inherited.get(CONNECTED, "").split(os.pathsep) if text]
    ours = {
        str(path) for folder in folders for path in (programs_folder(folder), first_programs_folder(folder))
    }
    path = [entry for entry in inherited.get("PATH", "").split(os.pathsep) if entry not in ours]
    return [
        _RESTORE % " ".join(names),
        f"export PATH={shlex.quote(os.pathsep.join(path))}",
        f"unset {CONNECTED}",
        _UNMARK_PROMPT,
    ]
