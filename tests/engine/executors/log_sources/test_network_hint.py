"""Messages of programs that lack the network, and the remark in the job's log."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.executors.job_log import JobStreams
from dx_local.engine.executors.log_sources.log_sockets import LogSockets
from dx_local.engine.executors.log_sources.network_hint import REMARK, remark_on

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.executors.protocol import LogLine

COMPLAINTS = """\
curl: (6) Could not resolve host: example.org
wget: unable to resolve host address 'example.org'
fatal: unable to access 'https://example.org/': Could not resolve host: example.org
ssh: Could not resolve hostname example.org: Temporary failure in name resolution
socket.gaierror: [Errno -3] Temporary failure in name resolution
urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>
OSError: [Errno 101] Network is unreachable
bash: line 1: /dev/tcp/192.0.2.1/80: Network is unreachable
Err:1 http://deb.debian.org/debian bookworm InRelease  Temporary failure resolving 'deb.debian.org'
Error: getaddrinfo EAI_AGAIN registry.npmjs.org
java.net.UnknownHostException: example.org
Get "https://example.org": dial tcp: lookup example.org on 127.0.0.53:53: read: connection refused
curl: (7) Failed to connect to 192.0.2.1 port 80: network is unreachable
""".splitlines()


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_complaints_of_programs_are_recognised(complaint: str) -> None:
    assert remark_on(f"start\n{complaint}\nmore".encode()) == REMARK


@pytest.mark.parametrize(
    "text", ["", "the network is fine", "Connection refused", "resolved 12 hosts", "\xff"]
)
def test_other_texts_are_left_alone(text: str) -> None:
    assert remark_on(text.encode("latin-1")) is None


def test_the_remark_comes_before_the_line_that_it_is_about(tmp_path: Path) -> None:
    said: list[LogLine] = []

    async def job() -> str | None:
        sockets = LogSockets(str(tmp_path / "s"))
        streams = JobStreams("job", tmp_path / "log", sockets, said.append, remark_on=remark_on)
        stdout, stderr = streams.write_ends
        for piece in (b"one\nNetwork is un", b"reachable\n", b"two\n", b"Network is unreachable\n"):
            os.write(stderr, piece)
            await asyncio.sleep(0.01)
        os.close(stdout)
        os.close(stderr)
        ended = asyncio.Event()
        streams.end(ended.set)
        await ended.wait()
        return streams.remark

    assert asyncio.run(job()) == REMARK
    unreachable = "Network is unreachable"
    assert [line.message for line in said] == ["one", REMARK, unreachable, "two", unreachable]
