"""Modules that the zygote imports only on use are complete in jobs, however they import them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.worker.conftest import Workshop

CRC32_OF_ABC = "891568578"


@pytest.mark.parametrize(
    "code",
    [
        "import awscrt\nprint(awscrt.checksums.crc32(b'abc'))",
        "import awscrt.checksums as sums\nprint(sums.crc32(b'abc'))",
        "from awscrt.checksums import crc32\nprint(crc32(b'abc'))",
        "from awscrt.checksums import *\nprint(crc32(b'abc'))",
        "from dxpy.bindings.dxfile_functions import checksums\nprint(checksums.crc32(b'abc'))",
        "import importlib, awscrt.checksums as sums\nprint(importlib.reload(sums).crc32(b'abc'))",
        (
            "import inspect, awscrt.checksums as sums\nassert 'crc32' in inspect.getsource(sums)\n"
            "print(sums.crc32(b'abc'))"
        ),
        (
            "import awscrt.io, awscrt.checksums as sums\nawscrt.io.EventLoopGroup()\n"
            "print(vars(sums)['crc32'](b'abc'))"
        ),
        (
            "import threading, awscrt.checksums as sums\nfound = []\n"
            "def add(): found.append(sums.crc32(b'abc'))\n"
            "threads = [threading.Thread(target=add) for _ in range(8)]\n"
            "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
            "assert len(found) == 8\nprint(*set(found))"
        ),
    ],
)
def test_awscrt_works_in_a_job(workshop: Workshop, code: str) -> None:
    job = workshop.run(code)
    assert (job.said(), job.code) == ([CRC32_OF_ABC], 0), job.said("STDERR")


def test_dxpy_finds_the_checksum_of_a_part(workshop: Workshop) -> None:
    code = (
        "from dxpy.bindings import dxfile_functions\n"
        "found = dxfile_functions._IncrementalChecksum('CRC64NVME')\n"
        "found.update(b'abc')\n"
        "print(found._crc)"
    )
    assert workshop.run(code).said() == ["424968645433752299"]


@pytest.mark.parametrize(
    "code",
    [
        "from dateutil import parser\nprint(parser.parse('2024-02-03').day)",
        "from dateutil.parser import parse\nprint(parse('2024-02-03').day)",
        (
            "import time\nfrom dxpy.utils import normalize_time_input\n"
            "print(time.localtime(normalize_time_input('2024-02-03') / 1000).tm_mday)"
        ),
    ],
)
def test_dates_are_parsed_in_a_job(workshop: Workshop, code: str) -> None:
    job = workshop.run(code)
    assert (job.said(), job.code) == (["3"], 0), job.said("STDERR")
