"""What keeps jobs apart from this machine: worlds, limits, and a network of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.executors import Isolation

if TYPE_CHECKING:
    from dx_local.engine.executors import Api
    from dx_local.engine.executors.memory_groups import MemoryGroups
    from dx_local.engine.executors.zygote_process import Surroundings


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
                "With --isolation auto it runs as it can, with --isolation none as a process like any other."
            )
        if surroundings.unsandboxed:
            return (
                f"Jobs run on this machine as it is, without a world of their own: {problem}. HOME is not"
                " /home/dnanexus, nothing is laid over /, and they have this user's rights and network."
            )
        return f"Jobs have the network of this machine, also where their app asks for none: {problem}."
