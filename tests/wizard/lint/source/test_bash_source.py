"""BashSource: references to outputs of subjobs, and folders in out/."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.lint.source.bash import BashSource

if TYPE_CHECKING:
    from pathlib import Path

FUNCTIONS = "part() { dx-jobutil-add-output n 1; }\nmerge() { dx-jobutil-add-output total 2; }\n"

LOOP = 'for job in "${jobs[@]}"; do add "$job:n"; done'

REFERENCES = {
    "variable": ('job=$(dx-jobutil-new-job part -ix=1)\nadd "$job:n"', [("part", "n")]),
    "braces": ('job=`dx-jobutil-new-job -ix="$y" part`\nadd "${job}:n"', [("part", "n")]),
    "quoted": ('job="$(dx-jobutil-new-job part)"\nadd "$job":n', [("part", "n")]),
    "again": ("j=$(dx-jobutil-new-job part)\nj=$(dx-jobutil-new-job merge -ix=$j:n)\nadd $j:total",
              [("part", "n"), ("merge", "total")]),
    "array": (f"jobs=()\nfor x in a b; do jobs+=($(dx-jobutil-new-job part -ix=$x)); done\n{LOOP}",
              [("part", "n")]),
    "mixed": (f"jobs+=($(dx-jobutil-new-job part))\njobs+=($(dx-jobutil-new-job merge))\n{LOOP}", []),
    "read": ("job=$(dx-jobutil-new-job part)\nread -r job\nadd $job:n", []),
    "other": ("job=$(dx-jobutil-new-job part)\njob=$1\nadd $job:n", []),
    "computed": ('job=$(dx-jobutil-new-job "$function")\nadd $job:n', []),
    "no-job": ("x=$DX_PROJECT_CONTEXT_ID\nadd $x:n", []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REFERENCES.values(), ids=REFERENCES)
def test_references_to_outputs_of_subjobs(text: str, expected: list[tuple[str, str]]) -> None:
    found = BashSource(f"{FUNCTIONS}main() {{\n{text}\n}}\n").output_references
    assert [(reference.target, reference.field) for reference in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mkdir -p ~/out/report out/bam; dx-upload-all-outputs", {"report", "bam"}),
        ('mkdir -p "$HOME/out/report/sub"; dx-upload-all-outputs', {"report"}),
        (". ~/environment; mkdir out/report; dx-upload-all-outputs", {"report"}),
        ('mkdir -p "out/$name"; mkdir out/report; dx-upload-all-outputs', None),
        ("tool --outdir ~/out; mkdir out/report; dx-upload-all-outputs", None),
        ("cd out; mkdir report; dx-upload-all-outputs", None),
        ("python3 make_outputs.py; dx-upload-all-outputs", None),
        ("mkdir out/report; source helpers.sh; dx-upload-all-outputs", None),
    ],
)
def test_folders_of_outputs(text: str, expected: set[str] | None) -> None:
    assert BashSource(text).output_folders == expected


def messages(folder: Path, source: str, *outputs: str) -> list[str]:
    spec = {
        "outputSpec": [{"name": name, "class": "file"} for name in outputs],
        "runSpec": {"interpreter": "bash", "file": "code.sh"},
    }
    (folder / "dxapp.json").write_text(json.dumps(spec))
    (folder / "code.sh").write_text(source)
    rules = ("bash-output-missing", "bash-job-output")
    return [finding.message for finding in lint_app(folder) if finding.rule in rules]


def test_an_output_without_a_folder_is_missing(tmp_path: Path) -> None:
    source = "main() { mkdir -p ~/out/report; echo > ~/out/report/x; dx-upload-all-outputs; }"
    assert messages(tmp_path, source, "report", "bam") == [
        "output 'bam' is missing: no file is written to out/bam/"
    ]


HELPED = "part() { give n; }\ngive() { dx-jobutil-add-output n 1; }\n"
MAIN = 'main() { job=$(dx-jobutil-new-job part); dx-jobutil-add-output x "$job:n" --class=jobref; }\n'


@pytest.mark.parametrize(
    ("functions", "reported"),
    [
        (FUNCTIONS, False),
        (HELPED, False),
        ("part() { dx-jobutil-add-output m 1; }\n", True),
        ("part() { true; }\nmerge() { dx-jobutil-add-output n 1; }\n# dx-jobutil-new-job merge\n", False),
        ('part() { dx-jobutil-add-output "$name" 1; }\n', False),
        ("part() { dx-upload-all-outputs; }\n", False),
    ],
    ids=["added", "added-by-a-helper", "other-name", "in-a-helper", "computed", "uploaded"],
)  # fmt: skip
def test_outputs_that_a_reference_names(tmp_path: Path, functions: str, reported: bool) -> None:
    expected = ["the job's function part() does not add output 'n'"] if reported else []
    assert messages(tmp_path, functions + MAIN, "x") == expected
