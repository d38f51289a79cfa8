"""Entity IDs: a class, a dash, and 24 characters of the platform's alphabet."""

from __future__ import annotations

import os
import re

ALPHABET = "0123456789BFGJKPQVXYZbfgjkpqvxyz"
EXECUTIONS = frozenset({"job", "analysis"})
"""The classes of executions: jobs, and analyses, which are the runs of workflows."""

# 32 characters: the remainder of a random byte chooses each with the same probability.
_CHARACTERS = (ALPHABET * 8).encode()
_LENGTH = 24
_HASH_ID = re.compile(r"[a-z]+-[0-9A-Za-z]{24}")


def new_id(class_name: str) -> str:
    """Return a new ID, such as `file-` and 24 characters (120 random bits)."""
    return f"{class_name}-{os.urandom(_LENGTH).translate(_CHARACTERS).decode()}"


def class_of(entity_id: str) -> str:
    """Return the class in an ID or handle: `job` for `job-xxxx`, `user` for `user-me`."""
    return entity_id.partition("-")[0]


def is_hash_id(text: str, class_name: str | None = None) -> bool:
    """Return whether text is a class (any, or this one), a dash and 24 letters or digits."""
    return bool(_HASH_ID.fullmatch(text)) and class_name in (None, class_of(text))
