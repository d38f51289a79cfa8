"""Run N jobs in which a shell prints an int, and one that adds them up, with Toil's Python API.

Arguments: N, followed by the arguments of Toil.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from toil.common import Toil
from toil.job import Job

SMALL = {"cores": 1, "memory": "100M", "disk": "10M"}


def process(index: int) -> int:
    """Return the int that a shell prints."""
    command = ["sh", "-c", 'echo "$0"', str(index)]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


def gather(values: list[int]) -> int:
    """Return the sum."""
    return sum(values)


def scatter(job: Job, jobs: int) -> Any:
    """Start the jobs, and return a promise of the sum."""
    values = [job.addChildFn(process, index, **SMALL).rv() for index in range(jobs)]
    return job.addFollowOnFn(gather, values, **SMALL).rv()


def main(jobs: int, arguments: list[str]) -> None:
    """Run everything and print the sum."""
    options = Job.Runner.getDefaultArgumentParser().parse_args(arguments)
    with Toil(options) as toil:
        print(toil.start(Job.wrapJobFn(scatter, jobs, **SMALL)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
