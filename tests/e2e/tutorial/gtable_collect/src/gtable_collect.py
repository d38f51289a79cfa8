"""Several subjobs add rows to one open table, and postprocess closes it when all of them are done."""

import dxpy


@dxpy.entry_point("main")
def main(input_gtable, num_subjobs=10):
    columns = [
        dxpy.DXGTable.make_column_desc("index", "int32"),
        dxpy.DXGTable.make_column_desc("i", "int32"),
    ]
    output_gtable = dxpy.new_dxgtable(columns, mode="a")

    process_jobs = []
    for i in range(num_subjobs):
        subjob = dxpy.new_dxjob({"output_gtable_id": output_gtable.get_id(), "index": i}, "process")
        process_jobs.append(subjob.get_id())

    # 'postprocess' does not begin until all 'process' jobs have finished
    dxpy.new_dxjob(
        fn_input={"output_gtable_id": output_gtable.get_id()}, fn_name="postprocess", depends_on=process_jobs
    )
    return {"output": dxpy.dxlink(output_gtable)}


@dxpy.entry_point("process")
def process(output_gtable_id, index):
    output_gtable = dxpy.DXGTable(output_gtable_id)
    for i in range(1000):
        output_gtable.add_row([index, i])
    output_gtable.flush()
    return {}


@dxpy.entry_point("postprocess")
def postprocess(output_gtable_id):
    dxpy.DXGTable(output_gtable_id).close()
    return {}


dxpy.run()
