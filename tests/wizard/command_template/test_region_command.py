"""Commands that are scattered over regions: the app's parameters, the scripts, and impossible ones."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dx_app_wizard.command_template.region_command import region_command
from dx_app_wizard.command_template.region_script import region_script, region_trial
from dx_app_wizard.command_template.template import parse_template
from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.lint.shellcheck import shellcheck
from dx_app_wizard.scatter.scatter import ScatterError, parse_scatter

Wizard = Any

COMMANDS = {
    "bam:region": "samtools view -b -q {q:int=20} -o {>part:file:*.bam} {bam+bai:file:*.bam} {region}",
    "vcf:region": "bcftools view -r {region} -Oz -o {>part:file:*.vcf.gz} {vcf+tbi:file:*.vcf.gz} {t:int?}",
    "bcf:region": "bcftools view -r {region:string} -o {>part:file:*.bcf} {bcf+csi} {keep:boolean=false|--k}",
    "ref:region": "samtools faidx {ref+fai:file:*.fa} {region} > {>part:file:*.fa}; wc {ref} > {>n}",
    "bam+bai:region": "tool {ref:file:*.fa} {l:array:string?|-l } {region} {bam+bai} > {>part:file:*.vcf}",
}


@pytest.mark.parametrize("scatter", COMMANDS)
def test_the_scripts_are_clean_for_shellcheck(tmp_path: Path, scatter: str) -> None:
    command = region_command(parse_template(COMMANDS[scatter]), parse_scatter(scatter))
    for text in (region_script(command, "Run a tool"), f"#!/bin/bash\n{region_trial(command)}"):
        (tmp_path / "app.sh").write_text(text)
        # The trial has its variables from elsewhere, and the names of its files are made by itself.
        options = ["--exclude=SC2154,SC2035", str(tmp_path / "app.sh")]
        done = subprocess.run(["shellcheck", *options], capture_output=True, text=True, check=False)
        assert done.stdout == ""


@pytest.mark.parametrize(
    ("scatter", "command", "message"),
    [
        ("bam:region", "samtools view {bam+bai:file:*.bam} > {>x:file:*.bam}", "has no {region}"),
        ("bam:region", "view {bam:file:*.bam} {region} > {>x:file:*.bam}", "need its index"),
        ("bam:region", "view {bam+bai:file:*.bam?} {region} > {>x:file:*.bam}", "in every run"),
        ("bam:region", "view {bam+bai:file:*.bam} {region:int} > {>x:file:*.bam}", "has no {region}"),
        ("t:region", "sort {t+bai:file:*.tsv} {region} > {>x:file:*.tsv}", "not known to be BAM"),
        ("z:region", "view {bam+bai:file:*.bam} {region} > {>x:file:*.bam}", "no file `z`"),
        ("bams:region", "view {bams+bai:array:file:*.bam} {region} > {>x:file:*.bam}", "no file `bams`"),
        ("bam+r:region", "view {r} {bam+bai:file:*.bam} {region} > {>x:file:*.bam}", "no partner of regions"),
        ("bam:region", "view {bam+bai:file:*.bam} {region} > {>x:file:*.sam}", "cannot be joined"),
        ("bam:region", "view {bam+bai:file:*.bam} {region} > {>x:file:*.tar.gz}", "cannot be joined"),
        ("bam:region", "view {bam+bai:file:*.bam} {region} -d {>x:array:file}", "is an array"),
    ],
)
def test_a_command_without_regions_is_an_error(scatter: str, command: str, message: str) -> None:
    with pytest.raises(ScatterError, match=message.replace("{", r"\{")):
        region_command(parse_template(command), parse_scatter(scatter))


def test_the_region_is_no_input_and_a_bed_file_is_one(wizard: Wizard, home: Path) -> None:
    done = wizard(
        "app", "--no-input", "--scatter", "bam:region", "--from-command", COMMANDS["bam:region"],
        "--package", "samtools",
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert "each process job gets a contig of bam, or a region of the optional input regions" in done.stderr
    spec = json.loads(Path("app/dxapp.json").read_text())
    assert {each["name"]: (each["class"], each.get("optional", False)) for each in spec["inputSpec"]} == {
        "q": ("int", False), "bam": ("file", False), "bam_index": ("file", True), "regions": ("file", True),
    }  # fmt: skip
    assert [(each["name"], each["class"]) for each in spec["outputSpec"]] == [("part", "file")]
    assert lint_app(Path("app")) + shellcheck(Path("app"), "style") == []
    record = json.loads(Path("app/.dx-app-wizard.json").read_text())
    assert record["answers"]["scatter"] == "bam:region"
    assert wizard("--update", "app").stderr.startswith("Nothing to do")
    assert wizard("--update", "app", "--template", "basic").code == 0
    inputs = json.loads(Path("app/dxapp.json").read_text())["inputSpec"]
    assert {"name": "region", "class": "string"} in inputs
    assert "regions" not in [each["name"] for each in inputs]
