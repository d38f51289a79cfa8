"""The commands of `dx-docker`, which workers of release 16.04 and older had, as commands of docker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORBIDDEN = ("add-to-applet", "create-asset")
_KEPT = ("run", "pull")


def translated(words: Sequence[str]) -> list[str]:
    """Return the words of docker for those of dx-docker. Raises DockerError if there are none.

    dx-docker removed each container at its end, and gave it the home /root.
    """
    verb = words[0] if words else ""
    if verb in _FORBIDDEN:
        raise DockerError(
            f"{verb} changes apps on the platform, so only dx-docker itself can do it; save the image with"
            " `docker save`, and put the archive into resources/"
        )
    if verb not in _KEPT:
        raise DockerError(f"{verb!r} is no command; the commands are {', '.join(_KEPT)}")
    if verb == "run":
        return ["run", "--rm", "-e", "HOME=/root", *(word for word in words[1:] if word != "--rm")]
    return list(words)
