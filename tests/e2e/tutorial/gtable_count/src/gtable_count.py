"""Count the reads of a table that are all A's: ten subjobs scan a range of rows each."""

import re

import dxpy


@dxpy.entry_point("main")
def main(input_gtable, num_subjobs=10):
    input_gtable = dxpy.DXGTable(input_gtable)

    num_rows = input_gtable.describe()["length"]

    # partial_counts[i] will be a JBOR pointing to the "partial_count" output of the i'th 'process' subjob.
    partial_counts = []
    for i in range(num_subjobs):
        start_row = i * num_rows / num_subjobs
        end_row = (i + 1) * num_rows / num_subjobs
        subjob_input = {
            "input_gtable_id": input_gtable.get_id(),
            "start_row": start_row,
            "end_row": end_row,
        }
        subjob = dxpy.new_dxjob(subjob_input, "process")
        partial_counts.append(subjob.get_output_ref("partial_count"))

    postprocess_subjob = dxpy.new_dxjob(fn_input={"partial_counts": partial_counts}, fn_name="postprocess")
    return {"count": postprocess_subjob.get_output_ref("count")}


@dxpy.entry_point("process")
def process(input_gtable_id, start_row, end_row):
    partial_count = 0
    for row in dxpy.DXGTable(input_gtable_id).iterate_rows(start_row, end_row, want_dict=True):
        if re.match("^A+$", row["sequence"]):
            partial_count += 1
    return {"partial_count": partial_count}


@dxpy.entry_point("postprocess")
def postprocess(partial_counts):
    return {"count": sum(partial_counts)}


dxpy.run()
