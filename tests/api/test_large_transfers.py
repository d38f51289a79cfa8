"""Tests of transfers of files larger than the memory of the server."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.local_server import LocalServer

SIZE = 1 << 30
MOST_MEMORY = 64 << 20


def peak_memory(pid: int) -> int:
    """Return the peak memory of a process in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of a process from /proc")
def test_a_large_file_goes_through_a_small_server(tmp_path: Path) -> None:
    source = tmp_path / "sparse"
    with source.open("wb") as sparse:
        sparse.truncate(SIZE)
    with LocalServer(tmp_path) as server:
        file = server.post("/file/new", {"project": server.project, "name": "large"})["id"]
        before = peak_memory(server.process.pid)
        target = server.post(f"/{file}/upload", {"index": 1, "size": SIZE})
        curl = ["curl", "--silent", "--show-error", "--fail"]
        subprocess.run([*curl, "--upload-file", source, target["url"]], check=True, timeout=300)
        server.post(f"/{file}/close")
        url = server.post(f"/{file}/download", {"preauthenticated": True})["url"]
        measure = ["--output", "/dev/null", "--write-out", "%{size_download}"]
        done = subprocess.run([*curl, *measure, url], check=True, timeout=300, capture_output=True, text=True)
        assert int(done.stdout) == SIZE
        assert peak_memory(server.process.pid) - before < MOST_MEMORY


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of a process from /proc")
def test_a_large_file_of_a_job_goes_past_the_server(tmp_path: Path) -> None:
    code = """
    main() {
        truncate -s 5G large
        file=$(dx upload --brief large)
        dx download "$file" -o copy
        stat -c "%s bytes" copy
        dx describe --json "$file" | grep -c state
    }
    """
    with LocalServer(tmp_path) as server:
        before = peak_memory(server.process.pid)
        job = server.run(server.new_applet("large", code))
        assert server.final(job)["state"] == "done"
        assert peak_memory(server.process.pid) - before < MOST_MEMORY
        (log,) = server.state.glob("jobs/*/log.txt")
        assert "5368709120 bytes" in log.read_text()
