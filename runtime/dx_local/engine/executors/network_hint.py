"""Jobs that try to use the network and have none: how it shows in what they say, and what is added to it."""

from __future__ import annotations

REMARK = (
    "The app's dxapp.json grants no network, so this job reaches nothing but the platform."
    ' "access": {"network": ["*"]} grants it, in the cloud too; --network allow lifts this here.'
)

# What programs say of a name that is not found, or of an address that is not reached; in lower case.
_SIGNS = (
    b"in name resolution",  # getaddrinfo
    b"name or service not known",
    b"no address associated with hostname",
    b"network is unreachable",
    b"resolve host",  # curl, git, wget, ssh
    b"temporary failure resolving",  # apt
    b"eai_again",  # node
    b"unknownhostexception",  # Java
    b"dial tcp: lookup",  # Go
)


def remark_on(text: bytes) -> str | None:
    """Return the remark if a part of what a job has said shows that it misses the network."""
    lowered = text.lower()
    return REMARK if any(sign in lowered for sign in _SIGNS) else None
