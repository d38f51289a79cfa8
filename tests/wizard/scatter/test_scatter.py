"""The scatter: its text form, the inputs that it fits, and the default."""

from __future__ import annotations

from typing import Any

import pytest

from dx_app_wizard.answers.readers import read_parameters
from dx_app_wizard.scatter.fit import fit
from dx_app_wizard.scatter.scatter import Scatter, ScatterError, parse_scatter
from dx_app_wizard.scatter.suggestions import default_scatter, earlier_scatter, fitting_scatters

INPUTS = (
    "ref:file",
    "reads:array:file",
    "bams:array:file",
    "bais:array:file?",
    "beds:array:file",
    "bam:file",
    "bai:file?",
    "targets:file?",
    "vcf:file",
    "later_vcf:file?",
    "notes:file",
    "k:int",
)


def parameters(*texts: str) -> tuple[dict[str, Any], ...]:
    return read_parameters(output=False)(texts)


@pytest.mark.parametrize(
    ("text", "scatter"),
    [
        ("reads", Scatter(("reads",))),
        ("bams+bais", Scatter(("bams", "bais"))),
        ("a+b+c:name", Scatter(("a", "b", "c"), "name")),
        ("reads:pairs", Scatter(("reads",), "pairs")),
        ("bam:region", Scatter(("bam",), "region")),
        ("reads:lines", Scatter(("reads",), "lines")),
        ("reads:lines=4000", Scatter(("reads",), "lines", 4000)),
        ("reads:records=1", Scatter(("reads",), "records", 1)),
    ],
)
def test_the_text_form_is_read_and_written(text: str, scatter: Scatter) -> None:
    assert parse_scatter(text) == scatter
    assert str(scatter) == text


def test_blanks_and_case_do_not_matter() -> None:
    assert str(parse_scatter(" bams + bais : Position ")) == "bams+bais:position"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not INPUT"),
        ("a b", "is not INPUT"),
        ("reads:", "'' is not a kind"),
        ("reads:line=4", "'line' is not a kind"),
        ("reads:lines=", "not a number of lines"),
        ("reads:lines=0", "not a number of lines"),
        ("reads:records=1e3", "not a number of records"),
        ("reads=3", "has no size"),
        ("bam:region=3", "has no size"),
        ("bams+bams", "the same input twice"),
    ],
)
def test_other_text_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ScatterError, match=reason):
        parse_scatter(text)


def test_a_misspelt_kind_is_suggested() -> None:
    with pytest.raises(ScatterError) as error:
        parse_scatter("reads:pair")
    assert error.value.hint == "Did you mean pairs?"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("raeds", "no input `raeds`", "Did you mean reads?"),
        ("k", "of class int", "class file or array:file"),
        ("bam:lines", "BAM, a binary format that has no lines", "Use bam or bam:region."),
        ("vcf:records=10", "VCF, a binary format that has no records", "vcf:region"),
        ("bams:lines", "binary", "Use bams."),
        ("notes:region", "no pattern of a format with regions", "inputs.notes.patterns"),
        ("reads:region", "is FASTQ; only BAM", "patterns"),
        ("bams:region", "is an array", "bams:file"),
        ("later_vcf:region", "is optional", "required"),
        ("bam+notes:region", "neither an index nor a BED file", "*.bed"),
        ("bam:pairs", "a single file", "bam:array:file"),
        ("reads+beds:pairs", "has no partners", "+beds"),
        ("bams+bai", "its partner `bai` is of class file", "array:file"),
        ("bais+bams", "is an index", "bams+bais"),
        ("reads+bais", "is not known to be BAM", "patterns"),
        ("vcf+bai:region", "not that of an index of VCF", ".tbi or .csi"),
        ("reads:name", "`reads` has none", "reads+PARTNER:name"),
    ],
)
def test_what_does_not_fit_the_inputs_is_explained(text: str, message: str, hint: str) -> None:
    with pytest.raises(ScatterError) as error:
        fit(parse_scatter(text), parameters(*INPUTS))
    assert message in error.value.message
    assert hint in (error.value.hint or "")


@pytest.mark.parametrize(
    ("text", "joins", "packages"),
    [
        ("bams+bais", ["name"], ("samtools",)),
        ("bams+bais:position", ["position"], ("samtools",)),
        ("bams+beds", ["position"], ()),
        ("bams+beds+bais", ["position", "name"], ("samtools",)),
        ("reads+beds:name", ["name"], ()),
        ("vcf:region", [], ("bcftools",)),
        ("ref:region", [], ("samtools",)),
        ("bam+bai+targets:region", ["name", "position"], ("samtools",)),
        ("reads:lines=10", [], ()),
    ],
)
def test_joins_and_packages(text: str, joins: list[str], packages: tuple[str, ...]) -> None:
    division = fit(parse_scatter(text), parameters(*INPUTS))
    assert [partner.join for partner in division.partners] == joins
    assert division.packages == packages


@pytest.mark.parametrize(
    ("inputs", "default", "earlier"),
    [
        (["reads:file"], "reads:lines", "reads:lines"),
        (["reads:array:file"], "reads", "reads:lines"),
        (["bam:file"], "bam", "bam:lines"),
        (["ref:file", "bams:array:file", "bais:array:file"], "bams+bais", "ref:lines"),
        (["ref:file", "sample_vcf:file"], "sample_vcf", "ref:lines"),
        (["a:file?", "b:file"], "b:lines", "b:lines"),
        (["k:int", "names:array:string"], "None", "None"),
        (["bai:file"], "None", "bai:lines"),
    ],
)
def test_the_default_fits_the_data(inputs: list[str], default: str, earlier: str) -> None:
    assert str(default_scatter(parameters(*inputs))) == default
    assert str(earlier_scatter(parameters(*inputs))) == earlier


def test_patterns_take_precedence_over_the_name() -> None:
    text = {"name": "bam", "class": "file", "patterns": ["*.txt"]}
    binary = {"name": "x", "class": "file", "patterns": {"name": ["*.txt", "*.BAM"]}}
    assert str(default_scatter([text])) == "bam:lines"
    assert str(default_scatter([binary])) == "x"


def test_everything_that_is_suggested_fits() -> None:
    inputs = parameters(*INPUTS)
    found = {str(scatter): text for scatter, text in fitting_scatters(inputs)}
    assert next(iter(found)) == str(default_scatter(inputs))
    assert found["bam+bai+targets:region"] == "a region of the BED file"
    assert found["bams+bais"] == "a file of bams with its index"
    assert {"reads:pairs", "ref:region", "notes:lines"} <= found.keys()
    assert not {"bam:lines", "bams:region", "later_vcf:region"} & found.keys()
    for text in found:
        fit(parse_scatter(text), inputs)
