"""Run N tasks in which a shell prints an int, and one that adds them up, with a Dask worker for each core.

Arguments: N and the number of workers.
"""

from __future__ import annotations

import subprocess
import sys

from distributed import Client, LocalCluster


def process(index: int) -> int:
    """Return the int that a shell prints."""
    command = ["sh", "-c", 'echo "$0"', str(index)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


def main(jobs: int, workers: int) -> None:
    """Run everything and print the sum."""
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        values = client.map(process, range(jobs), pure=False)
        print(client.submit(sum, values).result())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
