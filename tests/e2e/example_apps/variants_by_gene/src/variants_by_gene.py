#!/usr/bin/env python3
"""Scatter, process, gather: each job takes the variants of some genes."""

import os
import subprocess

import dxpy


def sh(command):
    """Run a line of bash that stops at the first program that fails."""
    print(command, flush=True)
    subprocess.check_call(["bash", "-e", "-o", "pipefail", "-c", command])


@dxpy.entry_point("scatter")
def scatter(genes, genes_per_job):
    with dxpy.open_dxfile(genes) as bed:
        lines = [line for line in bed.read().splitlines() if line.strip()]
    pieces = []
    for start in range(0, len(lines), genes_per_job):
        text = "".join(line + "\n" for line in lines[start : start + genes_per_job])
        piece = dxpy.upload_string(text, name="piece-%d.bed" % len(pieces), wait_on_close=True)
        pieces.append(dxpy.dxlink(piece))
    return {"pieces": pieces}


@dxpy.entry_point("map")
def map_pieces(pieces, variants):
    jobs = [
        dxpy.new_dxjob({"piece": piece, "variants": variants}, "process", name="piece %d" % number)
        for number, piece in enumerate(pieces)
    ]
    return {
        "selected": [job.get_output_ref("selected") for job in jobs],
        "counts": [job.get_output_ref("counts") for job in jobs],
    }


@dxpy.entry_point("process")
def process(piece, variants):
    name = dxpy.describe(variants)["name"]
    dxpy.download_dxfile(variants, name)
    dxpy.download_dxfile(piece, "genes.bed")

    sh("bcftools view --targets-file genes.bed --output-type z --output selected.vcf.gz '%s'" % name)
    sh("bcftools index --tbi selected.vcf.gz")
    sh("bedtools intersect -c -a genes.bed -b '%s' | cut -f 4- > counts.tsv" % name)

    return {
        "selected": dxpy.dxlink(dxpy.upload_local_file("selected.vcf.gz")),
        "counts": dxpy.dxlink(dxpy.upload_local_file("counts.tsv")),
    }


@dxpy.entry_point("postprocess")
def postprocess(selected, counts, prefix):
    os.mkdir("pieces")
    for number, link in enumerate(selected):
        dxpy.download_dxfile(link, "pieces/%03d.vcf.gz" % number)
        sh("bcftools index --tbi pieces/%03d.vcf.gz" % number)
    sh("bcftools concat --allow-overlaps --rm-dups none --output-type z --output '%s.genes.vcf.gz' pieces/*.vcf.gz" % prefix)

    rows = []
    for link in counts:
        with dxpy.DXFile(link) as table:
            rows.extend(line.split("\t") for line in table.read().splitlines())
    with open("%s.genes.tsv" % prefix, "w") as table:
        table.writelines("%s\t%s\n" % (gene, number) for gene, number in rows)

    return {
        "selected": dxpy.dxlink(dxpy.upload_local_file("%s.genes.vcf.gz" % prefix)),
        "table": dxpy.dxlink(dxpy.upload_local_file("%s.genes.tsv" % prefix)),
        "genes_without": [gene for gene, number in rows if number == "0"],
    }


@dxpy.entry_point("main")
def main(variants, genes, genes_per_job):
    scattered = dxpy.new_dxjob({"genes": genes, "genes_per_job": genes_per_job}, "scatter")
    mapped = dxpy.new_dxjob({"pieces": scattered.get_output_ref("pieces"), "variants": variants}, "map")
    gathered = dxpy.new_dxjob(
        fn_input={
            "selected": mapped.get_output_ref("selected"),
            "counts": mapped.get_output_ref("counts"),
            "prefix": dxpy.DXFile(variants).name.split(".vcf")[0],
        },
        fn_name="postprocess",
        depends_on=[mapped],
    )
    return {name: gathered.get_output_ref(name) for name in ("selected", "table", "genes_without")}


dxpy.run()
