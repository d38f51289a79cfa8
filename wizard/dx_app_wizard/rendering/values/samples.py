"""Choose sample files for the inputs of an app, by their formats, for its first run and its test.

The samples of all formats fit each other: the second input of a format gets the second sample, and so does
its index.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.file_formats import FileFormat, ending_of, format_of, is_index
from dx_app_wizard.scatter.fit import FILE_CLASSES, named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_app_wizard.scatter.fit import Inputs

TEXT_SAMPLE = "sample.fastq"
"""The sample for a file of any other format, which the template has."""

_NAMES = {
    "bam": ".bam",
    "bcf": ".bcf",
    "bed": ".bed",
    "csv": ".csv",
    "fasta": ".fa",
    "fastq-gz": ".fastq.gz",
    "gtf": ".gtf",
    "tsv": ".tsv",
    "vcf": ".vcf.gz",
    "vcf-text": ".vcf",
}
"""By format, the ending of its samples in templates/samples."""

REGION_RECORDS = {"bam": (14, 8, 2), "vcf": (5, 5), "bcf": (5, 5), "fasta": (1, 1)}
"""By format, the records in each region of its first sample; reads without a position come last."""


def templates_folder() -> Path:
    """Return the folder templates/, in the package or in the repository."""
    package = Path(__file__).parent.parent.parent
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent.parent / "templates"


def sample_path(name: str, source: str) -> Path:
    """Return the stored file of the sample `name`; `source` is "" for the text sample of the template."""
    if source:
        return templates_folder() / "samples" / source
    return templates_folder() / "app" / "{{cookiecutter.name}}" / "test" / "data" / name


def choose_samples(inputs: Inputs) -> dict[str, dict[str, str]]:
    """Return the samples for the inputs that hold files or tables, by their names.

    Each is a hash from the name of a file in the app to its name in templates/samples, "" for the text sample
    of the template. An array gets two.
    """
    used: Counter[str] = Counter()
    chosen: dict[str, dict[str, str]] = {}
    for parameter in named(inputs):
        if parameter.get("class") in FILE_CLASSES:
            chosen[parameter["name"]] = _samples_for(parameter, inputs, used)
        elif str(parameter.get("class")).endswith("gtable"):
            # dx-local makes a table of a text file.
            chosen[parameter["name"]] = {TEXT_SAMPLE: ""}
    return chosen


def _samples_for(parameter: Mapping[str, Any], inputs: Inputs, used: Counter[str]) -> dict[str, str]:
    """Return the samples for one input; `used` counts the samples of each ending."""
    is_array = parameter["class"] == "array:file"
    ending, stored = _endings(parameter, inputs)
    if not stored and not is_array:
        return {TEXT_SAMPLE: ""}
    first = 1 + used[stored] % 2
    used[stored] += 1
    numbers = (first, 3 - first) if is_array else (first,)
    return {f"sample_{number}{ending}": f"sample_{number}{stored or '.fastq'}" for number in numbers}


def _endings(parameter: Mapping[str, Any], inputs: Inputs) -> tuple[str, str]:
    """Return the endings of a sample in the app and in the folder of all samples; the last is "" for text."""
    known = format_of(parameter)
    if known is None or known.name == "fastq":
        return ".fastq", ""
    if is_index(parameter):
        return _index_endings(known, inputs)
    stored = _NAMES.get(known.name, "")
    ending = ending_of(parameter)
    if known.name == "gtf" and ending != ".gtf":
        return ".fastq", ""
    return (ending, stored) if stored else (".fastq", "")


def _index_endings(index: FileFormat, inputs: Inputs) -> tuple[str, str]:
    """Return the endings for an index: those of the input that it belongs to, or of its usual format."""
    ending = index.endings[0]
    for other in inputs:
        known = format_of(other)
        if known and known.divided_by and ending in known.indexes:
            stored = f"{_NAMES[known.name]}{ending}"
            return (f"{ending_of(other)}{ending}", stored) if _is_stored(stored) else (".fastq", "")
    usual = {".bai": ".bam", ".tbi": ".vcf.gz", ".fai": ".fa", ".csi": ".bcf"}.get(ending)
    return (usual + ending, usual + ending) if usual else (".fastq", "")


def _is_stored(ending: str) -> bool:
    return sample_path("", f"sample_1{ending}").is_file()
