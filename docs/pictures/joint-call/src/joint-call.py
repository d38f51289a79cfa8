"""An app that only waits: reports of it look like those of a joint caller."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import dxpy

JSON = dict[str, Any]


@dxpy.entry_point("main")
def main(reference: JSON, regions: int) -> JSON:
    """Start the other jobs."""
    index_job = dxpy.new_dxjob({"reference": reference}, "index")
    scatter_job = dxpy.new_dxjob({"count": regions}, "scatter")
    map_job = dxpy.new_dxjob(
        {"regions": scatter_job.get_output_ref("regions")}, "map", depends_on=[index_job]
    )
    gather_job = dxpy.new_dxjob({"calls": map_job.get_output_ref("calls")}, "gather")
    return {name: gather_job.get_output_ref(name) for name in ("variants", "total")}


@dxpy.entry_point("index")
def index(reference: JSON) -> JSON:
    """Wait as long as an index would take."""
    print("indexing", dxpy.describe(reference)["name"])
    time.sleep(1.2)
    return {}


@dxpy.entry_point("scatter")
def scatter(count: int) -> JSON:
    """Return the regions."""
    time.sleep(0.5)
    return {
        "regions": [{"name": f"chr{number}", "depth": (37 - number) ** 2} for number in range(1, count + 1)]
    }


@dxpy.entry_point("map")
def start(regions: list[JSON]) -> JSON:
    """Start a job for each region."""
    jobs = [dxpy.new_dxjob({"region": region}, "process") for region in regions]
    return {"calls": [job.get_output_ref("calls") for job in jobs]}


@dxpy.entry_point("process")
def process(region: JSON) -> JSON:
    """Call a region."""
    print("calling", region["name"])
    random.seed(region["name"])
    memory = bytearray(random.randint(20, 160) << 20)
    time.sleep(random.lognormvariate(-1.2, 0.6))
    per_base = len(memory) / region["depth"]
    print(f"{per_base:.0f} bytes per base")
    return {"calls": int(per_base)}


@dxpy.entry_point("gather")
def gather(calls: list[int]) -> JSON:
    """Write the table."""
    table = Path("variants.vcf")
    table.write_text("".join(f"{number}\n" for number in calls), encoding="utf-8")
    return {"variants": dxpy.dxlink(dxpy.upload_local_file(str(table))), "total": sum(calls)}


dxpy.run()
