"""Count reads that are all A's: references carry the parts to postprocess, and the total out of main."""

from __future__ import annotations

import re
from itertools import islice

import dxpy


@dxpy.entry_point("main")
def main(reads, num_subjobs):
    with dxpy.open_dxfile(reads) as fastq:
        num_rows = sum(1 for _ in fastq) // 4

    # partial_counts[i] is a reference to the "partial_count" output of the i'th process subjob.
    partial_counts = []
    for i in range(num_subjobs):
        start_row = i * num_rows // num_subjobs
        end_row = (i + 1) * num_rows // num_subjobs
        subjob_input = {"reads": reads, "start_row": start_row, "end_row": end_row}
        subjob = dxpy.new_dxjob(subjob_input, "process")
        partial_counts.append(subjob.get_output_ref("partial_count"))

    postprocess_subjob = dxpy.new_dxjob({"partial_counts": partial_counts}, "postprocess")
    # main ends here, long before its output has a value.
    return {"count": postprocess_subjob.get_output_ref("count")}


@dxpy.entry_point("process")
def process(reads, start_row, end_row):
    dxpy.download_dxfile(reads, "reads.fastq")
    with open("reads.fastq") as fastq:
        sequences = islice(fastq, start_row * 4 + 1, end_row * 4, 4)
        return {"partial_count": sum(1 for sequence in sequences if re.match("^A+$", sequence))}


@dxpy.entry_point("postprocess")
def postprocess(partial_counts):
    return {"count": sum(partial_counts)}


dxpy.run()
