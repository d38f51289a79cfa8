"""Run N bash apps that each write an int, and one that adds them up, with Parsl's local configuration.

Arguments: N and the number of threads.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import parsl
from parsl.config import Config
from parsl.executors import ThreadPoolExecutor

if TYPE_CHECKING:
    from collections.abc import Sequence


@parsl.bash_app
def process(index: int, stdout: str) -> str:  # noqa: ARG001 - Parsl reads it
    """Return the command of one job."""
    return f"echo {index}"


@parsl.python_app
def gather(paths: list[str], inputs: Sequence[Any] = ()) -> int:  # noqa: ARG001 - Parsl waits for them
    """Return the sum of the ints that the jobs wrote."""
    return sum(int(Path(path).read_text()) for path in paths)


def main(jobs: int, threads: int) -> None:
    """Run everything in the current folder and print the sum."""
    folder = Path.cwd() / "values"
    folder.mkdir()
    paths = [str(folder / str(index)) for index in range(jobs)]
    executor = ThreadPoolExecutor(max_threads=threads)
    with parsl.load(Config(executors=[executor], initialize_logging=False)):
        values = [process(index, stdout=path) for index, path in enumerate(paths)]
        print(gather(paths, inputs=values).result())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
