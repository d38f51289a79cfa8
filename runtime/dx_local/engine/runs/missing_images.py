"""Find container images that a failed job needed and did not get, in the messages of docker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = r"(?P<image>[\w.][\w./:@-]*[\w])"
# Of dx-local's own docker and of Docker's daemon.
_REFUSED = tuple(
    re.compile(pattern.format(name=_NAME))
    for pattern in (
        r"there is no image {name}$",
        r"{name}: the registry (?:\S+ cannot be reached|answers)",
        r"manifest for {name} not found",
        r"No such image: {name}",
        r"pull access denied for {name}, repository",
        r"failed to resolve reference \"{name}\"",
    )
)
_SOUGHT = re.compile(rf"Unable to find image '{_NAME}' locally")
_DAEMON_FAILED = "Error response from daemon"


def missing_images(lines: Sequence[str]) -> list[str]:
    """Return the names of images that could not be pulled, from the lines of a log, each once."""
    found: dict[str, None] = {}
    sought = None
    for line in lines:
        if match := _SOUGHT.search(line):
            sought = match["image"]
        elif match := next(filter(None, (pattern.search(line) for pattern in _REFUSED)), None):
            # `docker run` has printed the whole name; the refusal of a daemon may leave out the tag.
            found[sought if sought and sought.startswith(match["image"]) else match["image"]] = None
        elif sought and _DAEMON_FAILED in line:
            found[sought] = None
    return list(found)
