"""Files to make apps of: tables, reads, and scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ARGPARSE = """\
import argparse
from collections import Counter
parser = argparse.ArgumentParser(description="Count k-mers. Slowly")
parser.add_argument("reads", nargs="+", type=argparse.FileType("r"), help="reads as FASTQ")
parser.add_argument("-k", "--kmer", type=int, default=31, help="length of k-mers")
parser.add_argument("--method", choices=["fast", "exact"], default="fast")
parser.add_argument("--no-header", action="store_true")
group = parser.add_mutually_exclusive_group()
group.add_argument("--ref", help="reference file")
parser.add_argument("-o", "--out", required=True, help="output table")
args = parser.parse_args()
found = Counter()
for file in args.reads:
    for number, line in enumerate(file):
        if number % 4 == 1:
            line = line.strip()
            found.update(line[at : at + args.kmer] for at in range(len(line) - args.kmer + 1))
with open(args.out, "w") as table:
    for kmer, count in sorted(found.items()):
        table.write(f"{kmer}\\t{count}\\n")
"""

CLICK = '''\
import click
@click.command()
@click.argument("table", type=click.File("r"))
@click.option("--top", "-n", type=int, default=3, help="Rows to keep")
@click.option("--mode", type=click.Choice(["a", "b"]), default="a")
@click.option("--upper/--no-upper", default=False)
@click.option("--tag", multiple=True)
@click.option("--out", type=click.Path(), required=True, help="Output TSV")
def main(table, top, mode, upper, tag, out):
    """Keep the first rows."""
    rows = table.read().splitlines()[:top]
    open(out, "w").write("".join(row + "\\n" for row in rows))
main()
'''

R_SCRIPT = """\
library(optparse)
options <- list(
  make_option(c("-i", "--input"), type = "character", help = "input table"),
  make_option(c("-n", "--top"), type = "integer", default = 5, help = "rows (at most)"),
  make_option("--scale", type = "double", default = 0.5),
  make_option(c("-q", "--quiet"), action = "store_true", default = FALSE),
  make_option(c("-o", "--output"), type = "character", help = "output table"))
args <- parse_args(OptionParser(option_list = options))
"""

BASH = """\
#!/bin/bash
n=3
while getopts "i:n:o:v" option; do
  case $option in
    i) input=$OPTARG ;; # input table
    n) n=$OPTARG ;; # rows
    o) out=$OPTARG ;; # output table
    v) verbose=1 ;;
    *) exit 2 ;;
  esac
done
head -n "$n" "$input" > "$out"
"""


@pytest.fixture
def files(home: Path) -> Callable[..., None]:
    """Write files to the current folder: those that every test has, and others by their names."""

    def write(**texts: str) -> None:
        for name, text in texts.items():
            Path(name.replace("_", ".")).write_text(text)

    write(
        t_tsv="".join(f"n{number}\t{number * 7 % 10}\n" for number in range(25)),
        r_fastq="".join(f"@r{number}\nACGTACGTAC\n+\nIIIIIIIIII\n" for number in range(5)),
        kmers_py=ARGPARSE,
        top_py=CLICK,
        rows_R=R_SCRIPT,
        first_sh=BASH,
    )
    return write
