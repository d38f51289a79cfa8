"""Options and the table [executor] together choose an executor and its cluster."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.policy.load import load_policy
from dx_local.engine.cluster.settings import ClusterSettings
from dx_local.engine.settings import EXECUTOR_VARIABLE, JobSettings
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.settings import JobOptions

TABLE = """
[executor]
on = "slurm"
nodes = 4
cores_per_node = 32
memory_per_node = "120GiB"
walltime = "01:30:00"
listen = "10.0.0.1"
setup = "module load python/3.11"
sizes = "instance"

[executor.provider]
partition = "short"
"""


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(EXECUTOR_VARIABLE, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".dx-app-wizard.toml").write_text(TABLE)
    return tmp_path


def test_the_table_of_the_project_file_alone_changes_nothing(project: Path) -> None:
    assert JobSettings.from_options({}, project) == JobSettings()


def test_the_table_does_not_disturb_the_policy(project: Path) -> None:
    assert load_policy(project) == load_policy(project.parent)


@pytest.mark.parametrize("options", [{"executor": "parsl"}, {"on": "slurm"}])
def test_an_option_makes_the_table_count(project: Path, options: JobOptions) -> None:
    settings = JobSettings.from_options(options, project)
    assert settings.cluster == ClusterSettings(
        on="slurm",
        nodes=4,
        cores_per_node=32,
        memory_per_node=120 << 30,
        walltime="01:30:00",
        setup="module load python/3.11",
        provider=(("partition", "short"),),
    )
    assert (settings.executor, settings.listen, settings.sizes) == ("parsl", "10.0.0.1", "instance")


def test_options_override_the_table(project: Path) -> None:
    options: JobOptions = {"on": "local", "nodes": 2, "listen": "127.0.0.1", "sizes": "slot"}
    settings = JobSettings.from_options(options, project)
    assert settings.cluster is not None
    assert (settings.cluster.on, settings.cluster.nodes, settings.cluster.cores_per_node) == ("local", 2, 32)
    assert (settings.listen, settings.sizes) == ("127.0.0.1", "slot")


def test_a_file_of_its_own_replaces_that_of_the_project(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text('[executor]\non = "pbs"\n')
    settings = JobSettings.from_options({"executor_config": str(file)}, project)
    assert settings.cluster == ClusterSettings(on="pbs")


def test_a_file_can_choose_this_machine(tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text('[executor]\nengine = "local"\n')
    assert JobSettings.from_options({"executor_config": str(file)}) == JobSettings()


def test_the_settings_of_a_cluster_are_plain_data(project: Path) -> None:
    settings = JobSettings.from_options({"on": "slurm"}, project)
    assert json.loads(json.dumps(asdict(settings)))["cluster"]["provider"] == [["partition", "short"]]
    assert hash(settings)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nodes = 0", "nodes: 0 is not a positive integer"),
        ("nodes = true", "nodes: True is not a positive integer"),
        ('nodes = "4"', "nodes: '4' is not a positive integer"),
        ('on = "cron"', "on: 'cron' is not one of slurm, pbs, lsf, sge, htcondor, local"),
        ('engine = "dask"', "engine: 'dask' is not one of local, parsl"),
        ('memory_per_node = "much"', "memory_per_node: 'much' is not a size such as 120GiB"),
        (
            'walltime = "4h"',
            "walltime: '4h' is not a time of a minute or more, written as HH:MM:SS",
        ),
        ("listen = 10", "listen: 10 is not text"),
        ('listen = ""', "listen: '' is not an address; write ADDRESS or ADDRESS:PORT, such as 10.0.0.1"),
        ("workers_per_core = 1000", "workers_per_core: 1000 is more than 64"),
        ("worker_port = 70000", "worker_port: 70000 is not a port"),
        ('setup = ["module"]', "setup: ['module'] is not text"),
        ('partition = "short"', "[executor] has no key 'partition'"),
        ('provider = "short"', "provider: 'short' is not a table"),
        ("provider = {a = [1]}", "provider: a: [1] is not text, a number, true or false"),
        (
            'run_dir = "/a b"',
            "run_dir: '/a b' is not an absolute path without spaces and characters that a shell interprets",
        ),
    ],
)
def test_an_error_in_the_table_names_file_line_and_key(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text(f"# a cluster\n[executor]\n{line}\n")
    with pytest.raises(UsageError) as caught:
        JobSettings.from_options({"executor_config": str(file), "on": "slurm"})
    assert caught.value.message == f"{file}:3: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("on = 'slurm'\n", "there is no table [executor]"),
        ("[executor]\nnodes =\n", "is not TOML"),
        ("[executor]\n", "no scheduler is chosen"),
    ],
)
def test_an_unusable_file_is_rejected(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "cluster.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError) as caught:
        JobSettings.from_options({"executor_config": str(file)})
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nodes": 2}, "--nodes is for jobs on a cluster"),
        ({"executor": "local", "on": "slurm"}, "--on cannot be combined with the executor 'local'"),
        ({"executor": "parsl"}, "no scheduler is chosen"),
        ({"executor": "thread", "nodes": 2}, "--nodes cannot be combined with the executor 'thread'"),
    ],
)
def test_options_that_do_not_fit_are_rejected(tmp_path: Path, options: JobOptions, message: str) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(UsageError) as caught:
        JobSettings.from_options(options, tmp_path)
    assert message in caught.value.message
