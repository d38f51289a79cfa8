"""The apps of "Parallelize Your App", the tutorial of 2013, in today's Python and bash.

Source: https://documentation.dnanexus.com/developer/apps/parallelize-your-app
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.dxapp.links import link_id
from dx_local.platform.core.context import DEFAULT_USER, Caller, Context, Platform
from dx_local.platform.data import objects

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.testing import Run

HERE = Path(__file__).parent
REAL_READS = HERE.parents[1] / "data" / "reads.fastq"
ALL_A_AFTER = (0, 17, 18, 133, 300, 399)
"""The places among the real reads after which a read of nothing but A's is put."""


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = REAL_READS.read_text().splitlines()
    records = [lines[i : i + 4] for i in range(0, len(lines), 4)]
    for place in reversed(ALL_A_AFTER):
        records.insert(place + 1, [f"@all_a_{place}", "A" * 36, "+", "I" * 36])
    path = tmp_path_factory.mktemp("reads") / "reads.fastq"
    path.write_text("".join(f"{line}\n" for record in records for line in record))
    return path


def independent_count(reads: Path) -> int:
    return len(re.findall(r"^@.*\nA+\n\+", reads.read_text(), re.MULTILINE))


def describe_record(run: Run) -> dict[str, Any]:
    """Describe the output `counts` on the platform that the run has left."""
    platform = Platform.open(run.folder)
    request = {"properties": True, "project": run.job["project"]}
    counts = link_id(run.output["counts"]) or ""
    described = objects.describe(Context(platform, Caller(DEFAULT_USER)), counts, request)
    platform.store.close()
    return described


def test_the_reads_hold_what_is_to_be_counted(reads: Path) -> None:
    assert independent_count(reads) == len(ALL_A_AFTER)


@pytest.mark.parametrize(("app", "num_subjobs"), [("count_reads", 10), ("count_reads_bash", 3)])
def test_references_carry_counts_into_postprocess_and_out_of_main(
    dx_run: Callable[..., Run], reads: Path, app: str, num_subjobs: int
) -> None:
    run = dx_run(HERE / app, {"reads": reads, "num_subjobs": num_subjobs}, max_parallel=2)
    assert run.output == {"count": independent_count(reads)}


@pytest.mark.parametrize(("app", "num_subjobs"), [("collect_counts", 10), ("collect_counts_bash", 3)])
def test_postprocess_closes_the_record_when_all_that_it_depends_on_is_done(
    dx_run: Callable[..., Run], reads: Path, app: str, num_subjobs: int
) -> None:
    run = dx_run(HERE / app, {"reads": reads, "num_subjobs": num_subjobs}, max_parallel=2)
    record = describe_record(run)
    assert record["state"] == "closed"
    assert len(record["properties"]) == num_subjobs
    assert sum(map(int, record["properties"].values())) == independent_count(reads)
