r"""Paths of folders: absolute, normalized, with `\/` for a slash in the name of a folder.

Source: https://documentation.dnanexus.com/developer/api/data-containers/folders-and-deletion
"""

from __future__ import annotations

import re

from dx_local.platform.core.errors import InvalidInput

_NAME = re.compile(r"(?:[^/\\]|\\.)+", re.DOTALL)


def normalize_folder(path: str) -> str:
    """Return an absolute folder path without repeated or trailing slashes.

    Raises InvalidInput for a relative path, for `.` and `..`, for a backslash at the end, and for a NUL
    character.
    """
    if not path.startswith("/"):
        raise InvalidInput(f'the folder "{path}" must be an absolute path; begin it with "/"')
    if "\0" in path:
        raise InvalidInput("a folder path contains a NUL character; remove it")
    names = _NAME.findall(path)
    if "." in names or ".." in names:
        raise InvalidInput(f'the folder "{path}" must not contain "." or ".."; write the full path')
    if _NAME.sub("", path).strip("/"):
        raise InvalidInput(
            f'the folder "{path}" ends with a backslash that escapes nothing; write "\\\\\\\\"'
        )
    return "/" + "/".join(names)


def parent_of(folder: str) -> str:
    """Return the parent of a folder other than the root."""
    return "/" + "/".join(_NAME.findall(folder)[:-1])


def base_name(folder: str) -> str:
    """Return the last part of a folder's path, escapes included; empty for the root."""
    return "".join(_NAME.findall(folder)[-1:])


def folder_name(text: str) -> str:
    """Return text if it is a valid name of a folder. Raises InvalidInput."""
    if normalize_folder(f"/{text}") != f"/{text}" or base_name(f"/{text}") != text or not text:
        raise InvalidInput(f'the folder name "{text}" must not contain "/"; use "newpath" for a path')
    return text


def with_parents(folder: str) -> list[str]:
    """Return the folders from the root down to this one."""
    names = _NAME.findall(folder)
    return ["/" + "/".join(names[:depth]) for depth in range(len(names) + 1)]


def join(folder: str, below: str) -> str:
    """Return the path of a subfolder, given relative to a folder as `/c/d` or `c/d`."""
    return "/" + "/".join(_NAME.findall(folder) + _NAME.findall(below))


def is_within(folder: str, other: str) -> bool:
    """Return whether a folder equals another one or is inside it."""
    return folder == other or folder.startswith(below(other)[0])


def below(folder: str) -> tuple[str, str]:
    """Return exclusive bounds on the paths of all folders inside a folder: low < path < high."""
    prefix = "/" if folder == "/" else folder + "/"
    return prefix, prefix[:-1] + "0"  # "0" is the character after "/"
