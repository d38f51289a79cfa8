"""The environment variables of forks, as far as possible set before the fork.

Almost all variables of a job are those of the job before. To set them takes a process that has just been
forked ten times as long as the one that forks it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def set_variables(variables: Mapping[str, str]) -> None:
    """Make these the environment variables of this process; those that it has already stay untouched."""
    for name in [name for name in os.environ if name not in variables]:
        del os.environ[name]
    for name, value in variables.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


class ForkVariables:
    """The variables that this process has for the sake of its forks, in place of its own.

    Two forks in succession have them in common, so that secrets of one fork are not among them.
    """

    def __init__(self) -> None:
        self._own = dict(os.environ)
        self._last: dict[str, str] = {}
        self._common: dict[str, str] = {}

    def expect(self, variables: dict[str, str]) -> None:
        """Set the variables of the next fork that the last one had as well."""
        common = dict(self._last.items() & variables.items())
        self._last = variables
        if common != self._common:
            self._common = common
            set_variables(common)

    def restore(self) -> None:
        """Set this process's own variables again, for a fork of another kind."""
        self._common, self._last = {}, {}
        set_variables(self._own)
