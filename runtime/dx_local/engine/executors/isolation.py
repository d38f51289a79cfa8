"""What keeps jobs apart from this machine: worlds, limits, and a network of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.executors import Isolation

if TYPE_CHECKING:
    from dx_local.engine.executors import Api
    from dx_local.engine.executors.cgroups import MemoryGroups
    from dx_local.engine.executors.zygote import Surroundings


@dataclass(frozen=True)
class Confinement:
    """What an executor keeps its jobs apart with."""

    isolation: Isolation = Isolation.AUTO
    groups: MemoryGroups | None = None
    """What limits on memory hold by; where there are none, they hold for each process by itself."""
    api: Api | None = None
    """What jobs without network reach; without it, they have the network of this machine."""

    def shortcoming(self, surroundings: Surroundings) -> str | None:
        """Return what users should know of how their jobs are kept apart less than `isolation` says.

        Raises OSError where they asked for no less.
        """
        problem = surroundings.unsandboxed or surroundings.unconfined
        if self.isolation is Isolation.NONE:
            return None
        if problem is None:
            return surroundings.exposed and (
                f"Jobs see and reach the processes of this machine: {surroundings.exposed}."
            )
        if self.isolation is Isolation.NAMESPACE:
            raise OSError(
                f"--isolation namespace is not possible here: {problem}. "
                "Pass --isolation auto to use a sandbox only if possible, or --isolation none to use none."
            )
        if surroundings.unsandboxed:
            return (
                f"Jobs run without a sandbox: {problem}. HOME is not /home/dnanexus, resources/ is not"
                " overlaid on /, and jobs have your permissions and network access."
            )
        return f"All jobs have network access, even if their app does not request it: {problem}."
