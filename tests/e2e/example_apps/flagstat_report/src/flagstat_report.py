"""One page and one table about the samples of a run; what it needs comes with the app, in resources/."""

import glob
import html
import logging
import os
import sys
from multiprocessing import Pool

import dxpy

sys.path.append("/opt/pythonlibs")
from flagstat import read_report

logger = logging.getLogger(__name__)
logger.addHandler(dxpy.DXLogHandler())
logger.propagate = False
logger.setLevel(logging.INFO)

TEMPLATE = "/usr/local/share/flagstat_report/page.html"


def summarise(path):
    """Return a row of the table: sample, reads, mapped reads, per cent."""
    counts = read_report(path)
    percent = 100.0 * counts["mapped"] / counts["in total"]
    sample = os.path.basename(path)[: -len(".flagstat.txt")]
    return sample, counts["in total"], counts["mapped"], round(percent, 2)


@dxpy.entry_point("main")
def main(title, min_mapped_percent, **inputs):
    dxpy.download_all_inputs(parallel=True)
    paths = sorted(glob.glob("/home/dnanexus/in/reports/*/*.flagstat.txt"))
    logger.info("%d reports of %d were found", len(paths), len(inputs["reports"]))

    with Pool(os.cpu_count()) as pool:
        rows = pool.map(summarise, paths)
    marked = [row[0] for row in rows if row[3] < min_mapped_percent]
    for sample in marked:
        logger.warning("%s has few mapped reads", sample)

    os.makedirs("/home/dnanexus/out")
    with open("/home/dnanexus/out/samples.tsv", "w") as table:
        table.write("sample\treads\tmapped\tpercent\n")
        for row in rows:
            table.write("\t".join(str(value) for value in row) + "\n")

    with open(TEMPLATE) as template:
        page = template.read()
    cells = ["<tr><td>%s</td><td>%d</td><td>%d</td><td>%.2f</td></tr>" % row for row in rows]
    page = page.replace("@TITLE@", html.escape(title)).replace("@ROWS@", "\n".join(cells))
    with open("/tmp/report.html", "w") as report:
        report.write(page)

    properties = {"samples": str(len(rows))}
    return {
        "page": dxpy.dxlink(dxpy.upload_local_file("/tmp/report.html", properties=properties)),
        "table": dxpy.dxlink(dxpy.upload_local_file("/home/dnanexus/out/samples.tsv")),
        "marked": marked,
    }
