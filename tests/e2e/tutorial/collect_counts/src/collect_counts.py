"""Count reads that are all A's: every subjob adds to one open record, and the last one closes it."""

from __future__ import annotations

import re
from itertools import islice

import dxpy


@dxpy.entry_point("main")
def main(reads, num_subjobs):
    counts = dxpy.new_dxrecord(name="counts")

    process_jobs = []
    for index in range(num_subjobs):
        subjob_input = {
            "reads": reads,
            "record_id": counts.get_id(),
            "index": index,
            "num_subjobs": num_subjobs,
        }
        # No reference this time, but the job: nothing of it is passed on, only its end matters.
        process_jobs.append(dxpy.new_dxjob(subjob_input, "process"))

    dxpy.new_dxjob({"record_id": counts.get_id()}, "postprocess", depends_on=process_jobs)
    return {"counts": dxpy.dxlink(counts)}


@dxpy.entry_point("process")
def process(reads, record_id, index, num_subjobs):
    dxpy.download_dxfile(reads, "reads.fastq")
    with open("reads.fastq") as fastq:
        sequences = islice(fastq, index * 4 + 1, None, num_subjobs * 4)
        count = sum(1 for sequence in sequences if re.match("^A+$", sequence))
    dxpy.DXRecord(record_id).set_properties({f"part_{index}": str(count)})
    return {}


@dxpy.entry_point("postprocess")
def postprocess(record_id):
    dxpy.DXRecord(record_id).close()
    return {}


dxpy.run()
