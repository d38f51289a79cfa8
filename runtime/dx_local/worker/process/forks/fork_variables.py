"""The environment variables of forks, as far as possible set before the fork.

Almost all variables of a job are those of the job before. To set them takes a process that has just been
forked ten times as long as the one that forks it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ForkVariables:
    """The variables that this process has for the sake of its forks, in place of its own.

    Two forks in succession have them in common, so that secrets of one fork are not among them. Nothing else
    in this process may change variables.
    """

    def __init__(self) -> None:
        self._own = dict(os.environ)
        self._current: Mapping[str, str] = self._own
        self._last: dict[str, str] = {}

    def expect(self, variables: dict[str, str]) -> None:
        """Set the variables of the next fork that the last one had as well."""
        common = dict(self._last.items() & variables.items())
        self._last = variables
        if common:
            self._set(common)

    def become(self, variables: Mapping[str, str]) -> None:
        """Set the variables of this process, which is the fork."""
        self._set(variables)

    def restore(self) -> None:
        """Set this process's own variables again, for a fork of another kind."""
        self._last = {}
        self._set(self._own)

    def _set(self, variables: Mapping[str, str]) -> None:
        for name in self._current.keys() - variables.keys():
            del os.environ[name]
        for name, value in variables.items():
            if self._current.get(name) != value:
                os.environ[name] = value
        self._current = variables
