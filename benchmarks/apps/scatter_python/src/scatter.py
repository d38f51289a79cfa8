"""N jobs that each return an int, and one that adds these up."""

import dxpy


@dxpy.entry_point("main")
def main(n):
    jobs = [dxpy.new_dxjob({"index": index}, "process") for index in range(n)]
    gather = dxpy.new_dxjob({"values": [job.get_output_ref("value") for job in jobs]}, "gather")
    return {"total": gather.get_output_ref("total")}


@dxpy.entry_point("process")
def process(index):
    return {"value": index}


@dxpy.entry_point("gather")
def gather(values):
    return {"total": sum(values)}


dxpy.run()
