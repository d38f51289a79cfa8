"""Memory and time that `dx-local run` needs for a large output."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.local_server import DX_LOCAL, user_variables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MEGABYTES = 53
_MOST_TIMES_ITS_SIZE = 3
_KEYS = 3_000_000
_MOST_SECONDS_OF_CPU = 20

# Writes the file as it goes, so that the job itself takes little memory.
WRITES = """
import os, dxpy

@dxpy.entry_point('main')
def main(size, keys):
    with open('job_output.json', 'w') as file:
        file.write('{"h": {')
        for key in range(keys):
            file.write('%s"k%07d": "%s"' % (', ' if key else '', key, 'x' * (size // keys)))
        file.write('}}')
    os._exit(0)

dxpy.run()
"""


class Use(NamedTuple):
    """The resources that a command used: peak memory in bytes, and seconds of CPU time."""

    memory: int
    cpu: float


@pytest.fixture
def run(make_app: Callable[..., Path], tmp_path: Path) -> Callable[[int, int], Use]:
    app = make_app(WRITES, name="writes", inputs={"size": "int", "keys": "int"}, outputs={"h": "hash"})

    def run(size: int, keys: int) -> Use:
        folder = tmp_path / str(time.monotonic_ns())
        inputs = (f"-isize={size}", f"-ikeys={keys}")
        with (tmp_path / "out.json").open("wb") as out:
            process = subprocess.Popen(
                [DX_LOCAL, "run", app, *inputs, "--workspace-path", folder, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.DEVNULL,
                env=user_variables(tmp_path),
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        assert (tmp_path / "out.json").stat().st_size > size
        return Use(usage.ru_maxrss << 10, usage.ru_utime + usage.ru_stime)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("keys", [1, 530])
def test_a_large_output_takes_at_most_a_few_times_its_size(run: Callable[[int, int], Use], keys: int) -> None:
    usual = run(keys, keys).memory
    size = _MEGABYTES << 20
    times = (run(size, keys).memory - usual) / size
    print(f"{times:.2f} times the size of the output, beyond {usual >> 20} MiB")
    assert times <= _MOST_TIMES_ITS_SIZE


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_output_of_millions_of_keys_is_taken_in_seconds(run: Callable[[int, int], Use]) -> None:
    cpu = run(_KEYS * 4, _KEYS).cpu
    print(f"{cpu:.1f} s of CPU time, that of the job included")
    assert cpu <= _MOST_SECONDS_OF_CPU
