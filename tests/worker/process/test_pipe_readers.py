"""Tests of how filters are told from other processes that a job leaves behind."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from dx_local.worker.process.linux import reads_pipe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the files of processes are in Linux's /proc")

# Make a pipe the standard input as bash does for a filter, and undo that, whenever a byte comes.
_MOVE_WHEN_ASKED = """
import os, socket, sys
asked = socket.socket(fileno=int(sys.argv[1]))
os.dup2(0, 63)
null = os.open("/dev/null", os.O_RDONLY)
os.dup2(null, 0)
while asked.recv(1):
    os.dup2(63, 0)
    os.close(63)
    asked.recv(1)
    os.dup2(0, 63)
    os.dup2(null, 0)
    asked.send(b"-")
"""


def test_a_shell_that_makes_a_pipe_its_standard_input_reads_a_pipe_meanwhile() -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-c", _MOVE_WHEN_ASKED, str(theirs.fileno())]
    found = []
    with (
        ours,
        theirs,
        subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[theirs.fileno()]) as shell,
    ):
        for _ in range(500):
            ours.send(b"-")
            found.append(reads_pipe(shell.pid))
            ours.send(b"-")
            ours.recv(1)
        shell.kill()
    assert all(found)


def test_a_process_that_only_writes_to_pipes_reads_none() -> None:
    with subprocess.Popen(["sleep", "100"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as writer:
        reads = reads_pipe(writer.pid)
        writer.kill()
    assert not reads


def test_a_process_that_is_gone_reads_no_pipe() -> None:
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as ended:
        ended.wait()
    assert not reads_pipe(ended.pid)
