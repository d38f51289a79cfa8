"""The size of the nodes that may be requested: from the settings, or from Slurm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.cluster import node_sizes
from dx_local.engine.cluster.node_sizes import NodeSize, largest_node
from dx_local.engine.cluster.settings import ClusterSettings
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30
NODES = """\
short*|16|65536
short*|32|32768
long|64|262144
bare|8|1
"""


@pytest.fixture
def sinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program `sinfo` on PATH that prints NODES, or the lines of one partition."""
    program = tmp_path / "sinfo"
    program.write_text(
        "#!/bin/sh\n"
        'for word; do case "$word" in --partition=*) name=${word#*=};; esac; done\n'
        f'echo "{NODES.strip()}" | grep "^$name" || true\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return program


@pytest.mark.usefixtures("sinfo")
@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({}, NodeSize(32, 32 * GIB)),
        ({"provider": (("partition", "long"),)}, NodeSize(64, 256 * GIB)),
        ({"provider": (("partition", "bare"),)}, NodeSize(8)),
        ({"memory_per_node": 20 * GIB}, NodeSize(32, 20 * GIB)),
        ({"cores_per_node": 8}, NodeSize(8, 8 * GIB)),
        ({"cores_per_node": 8, "memory_per_node": 20 * GIB}, NodeSize(8, 20 * GIB)),
    ],
)
def test_slurm_is_asked_for_what_the_settings_leave_open(settings: dict[str, Any], size: NodeSize) -> None:
    assert largest_node(ClusterSettings(on="slurm", **settings)) == size


@pytest.mark.usefixtures("sinfo")
def test_a_partition_without_nodes_is_named() -> None:
    settings = ClusterSettings(on="slurm", provider=(("partition", "nowhere"),))
    with pytest.raises(UsageError, match="Slurm has no nodes in the partition 'nowhere'"):
        largest_node(settings)


def test_an_error_of_slurm_is_passed_on(sinfo: Path) -> None:
    sinfo.write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
    with pytest.raises(UsageError, match="unknown: sinfo: Unable to contact slurm controller"):
        largest_node(ClusterSettings(on="slurm"))


@pytest.mark.parametrize(
    "line", ["short*|0|65536", "short*|16|n/a", "slurm_load_partitions: x", "short*|\\377|1"]
)
def test_a_line_without_sizes_is_shown(sinfo: Path, line: str) -> None:
    sinfo.write_text(f"#!/bin/sh\nprintf '{line}\\n'\n")
    with pytest.raises(UsageError, match=r"unknown: sinfo: it printed '.*', not the name, cores and memory"):
        largest_node(ClusterSettings(on="slurm"))


def test_the_smallest_of_several_numbers_is_taken(sinfo: Path) -> None:
    sinfo.write_text("#!/bin/sh\necho 'short*|16+|65536+'\n")
    assert largest_node(ClusterSettings(on="slurm")) == NodeSize(16, 64 * GIB)


def test_a_sinfo_that_hangs_is_no_answer(sinfo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sinfo.write_text("#!/bin/sh\necho begun >&2\nexec sleep 9\n")
    monkeypatch.setattr(node_sizes, "_QUERY_SECONDS", 0.1)
    with pytest.raises(UsageError, match=r"unknown: sinfo: it has not answered for 0\.1 seconds"):
        largest_node(ClusterSettings(on="slurm"))


def test_a_machine_without_slurm_is_no_submitting_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="the program sinfo is not on PATH"):
        largest_node(ClusterSettings(on="slurm"))


def test_another_scheduler_needs_both_sizes_in_the_settings() -> None:
    with pytest.raises(UsageError, match="which pbs does not report") as caught:
        largest_node(ClusterSettings(on="pbs", cores_per_node=8))
    assert caught.value.hint == "Set memory_per_node in [executor]."
    settings = ClusterSettings(on="pbs", cores_per_node=8, memory_per_node=20 * GIB)
    assert largest_node(settings) == NodeSize(8, 20 * GIB)
