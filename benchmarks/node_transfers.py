"""Transfers of a large file in a job on a node, by `dx`, by curl and by dxpy without our patches, in turns.

    python -m benchmarks.node_transfers [OPTION…]     of the server; by default, --executor thread

`benchmarks.cluster` measures the same on Slurm. The last column is the rate over that of curl, in percent.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.cluster_server import ClusterServer

from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

MEBIBYTES = 1024
ROUNDS = 3
_BLOCK = 1 << 20

_CODE = """
import os, subprocess, sys, time
import dxpy

def timed(*command):
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start

def official(code):
    # A process of its own has dxpy as it is.
    return timed(sys.executable, "-c", "import dxpy; " + code)

def curl_upload():
    file = dxpy.new_dxfile(mode="a")
    target = dxpy.api.file_upload(file.get_id(), {"index": 1, "size": os.path.getsize("got")})
    seconds = timed("curl", "-sSf", "-H", "Expect:", "-T", "got", target["url"])
    file.remove()
    return seconds

def one_round(file):
    url = dxpy.DXFile(file).get_download_url(preauthenticated=True, duration=3600)[0]
    downloads = {
        "curl": lambda: timed("curl", "-sSf", "-o", "got", url),
        "dx": lambda: timed("dx", "download", file, "-o", "got", "--no-progress"),
        "dxpy": lambda: official("dxpy.download_dxfile(%r, 'got')" % file),
    }
    found = {}
    for name, download in downloads.items():
        if os.path.exists("got"):
            os.unlink("got")
        found[name + " download"] = download()
    found["curl upload"] = curl_upload()
    found["dx upload"] = timed("dx", "upload", "got", "--brief", "--no-progress")
    found["dxpy upload"] = official("dxpy.upload_local_file('got')")
    return found

@dxpy.entry_point("main")
def main(file, rounds):
    done = [one_round(file) for _ in range(rounds)]
    return {"seconds": {name: [each[name] for each in done] for name in done[0]}}

dxpy.run()
"""


def seconds_of_rounds(server: ClusterServer, mebibytes: int = MEBIBYTES) -> dict[str, list[float]]:
    """Return the duration of each transfer in each round, in seconds, by names such as "dx upload"."""
    data = server.home / "data"
    with data.open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(_BLOCK))
    file_id = server.dx("upload", data, "--brief", "--wait")
    os.sync()  # so that the first round does not wait for the disk
    run_spec = {"interpreter": "python3", "code": _CODE, "distribution": "Ubuntu", "release": "24.04"}
    inputs = [{"name": "file", "class": "string"}, {"name": "rounds", "class": "int"}]
    outputs = [{"name": "seconds", "class": "hash"}]
    applet = server.new_applet("transfers", "", runSpec=run_spec, inputSpec=inputs, outputSpec=outputs)
    ended = server.await_end(server.run(applet, input={"file": file_id, "rounds": ROUNDS}))
    if ended["state"] != "done":
        raise RuntimeError(f"{ended.get('failureMessage')}\n{server.errors[-2000:]}")
    seconds: dict[str, list[float]] = ended["output"]["seconds"]
    return seconds


def rate_over_curl(seconds: dict[str, list[float]], client: str, direction: str) -> float:
    """Return the rate of a client over that of curl, as the median of the rounds, in percent."""
    pairs = zip(seconds[f"curl {direction}"], seconds[f"{client} {direction}"], strict=True)
    return statistics.median(curl / own for curl, own in pairs) * 100


def print_seconds(seconds: dict[str, list[float]]) -> None:
    """Print the duration of each transfer in each round, and the rate over curl."""
    for name, values in seconds.items():
        listed = " ".join(f"{value:6.2f}" for value in values)
        print(f"  {name:14} {listed} s   {rate_over_curl(seconds, *name.split()):4.0f} %", flush=True)


def main(options: Sequence[str]) -> int:
    """Measure on a server of this machine, and return the exit code."""
    home = Path(tempfile.mkdtemp(prefix="dx-local-transfers-"))
    chosen = tuple(options) or ("--executor", "thread")
    try:
        with ClusterServer(home, chosen, prefix=("env",)) as server:
            print_seconds(seconds_of_rounds(server))
    finally:
        remove_tree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    os.environ.pop("DX_LOCAL_EXECUTOR", None)
    sys.exit(main(sys.argv[1:]))
