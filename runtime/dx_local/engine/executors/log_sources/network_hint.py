"""Recognise jobs that fail for lack of network access by their messages, and explain it in their log."""

from __future__ import annotations

REMARK = (
    "The app's dxapp.json does not request network access, so this job can reach only the platform."
    ' Add "access": {"network": ["*"]} to it, as the cloud requires too, or pass --network allow.'
)

# Messages of programs that cannot resolve a name or reach an address, in lower case.
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
    """Return the remark if text that a job printed shows that it lacks the network, else None."""
    lowered = text.lower()
    return REMARK if any(sign in lowered for sign in _SIGNS) else None
