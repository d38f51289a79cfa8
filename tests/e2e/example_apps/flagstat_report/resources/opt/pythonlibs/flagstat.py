"""The report of samtools flagstat: lines such as `182 + 0 in total (QC-passed reads + QC-failed reads)`."""

import re

LINE = re.compile(r"(?P<passed>\d+) \+ (?P<failed>\d+) (?P<what>[^(\n]+?)(?: \(.*)?$")


def read_report(path):
    """Return how many reads there are of each kind, those that failed quality control as well."""
    counts = {}
    with open(path) as report:
        for line in report:
            match = LINE.match(line)
            if match:
                counts[match["what"]] = int(match["passed"]) + int(match["failed"])
    return counts
