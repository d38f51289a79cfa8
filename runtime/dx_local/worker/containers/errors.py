"""Failures of `docker` that its user can understand."""

from __future__ import annotations


class DockerError(Exception):
    """A command fails with this message; the exit code is 1, or 125 if no container could be started."""


class ArchiveError(DockerError):
    """An image archive, or a layer in it, is broken or of an unsupported form."""
