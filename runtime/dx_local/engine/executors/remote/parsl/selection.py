"""Choose the node of the next job: the one with the fewest jobs for each of its workers.

The interchange unpickles the selector, so this module imports nothing else of ours.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from parsl.executors.high_throughput.manager_selector import ManagerSelector

if TYPE_CHECKING:
    from parsl.executors.high_throughput.manager_record import ManagerRecord


class LeastLoadedFirst(ManagerSelector):
    """Sorts worker pools by their load.

    A node has several workers for each core, so Parsl's random choice could give one node all jobs while
    another has free cores.
    """

    def sort_managers(
        self, ready_managers: dict[bytes, ManagerRecord], manager_list: set[bytes]
    ) -> list[bytes]:
        """Return the pools with the least loaded one last, which is where the interchange begins."""
        pools = list(manager_list)
        random.shuffle(pools)  # for those with the same load
        pools.sort(key=lambda pool: -_load(ready_managers[pool]))
        return pools


def _load(record: ManagerRecord) -> float:
    return len(record["tasks"]) / max(record["worker_count"], 1)
