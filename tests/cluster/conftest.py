"""A Slurm of two virtual nodes for all tests of this folder, and platforms whose jobs run there."""

from __future__ import annotations

import ipaddress
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.cluster.cluster_server import ClusterServer
from tests.cluster.slurm import Slurm, slurm, unusable_reason

from dx_local.engine.cluster.addresses import reachable_address
from dx_local.engine.cluster.settings import ClusterSettings
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    ServeOnSlurm = Callable[..., AbstractContextManager[ClusterServer]]

VARIABLE = "DX_LOCAL_TEST_SLURM"
"""Set by `make test-cluster`, because these tests install Debian packages."""


def skip_without_slurm() -> None:
    """Skip a test unless Slurm is wanted and can run here."""
    if os.environ.get(VARIABLE) != "1":
        pytest.skip("Tests on Slurm are run by `make test-cluster`.")
    if reason := unusable_reason():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Slurm]:
    """Return a Slurm that is up; packages are installed if they are missing."""
    skip_without_slurm()
    with slurm() as running:
        yield running


@pytest.fixture(params=["local", "slurm"])
def nodes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the options for two nodes of a scheduler."""
    if request.param == "slurm":
        skip_without_slurm()
        return options_of(request.getfixturevalue("cluster"), monkeypatch)
    return {"on": "local", "nodes": 2}


def options_of(cluster: Slurm, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the options for two nodes of a Slurm, whose programs are on PATH afterwards."""
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, cluster.environment[name])
    # Connections are encrypted at every address but that of the loopback interface.
    listen = None if has_route() else "127.0.0.1"
    return {"on": "slurm", "nodes": 2, "listen": listen}


def has_route() -> bool:
    """Return whether this machine has a default route, to an address that needs no permission."""
    try:
        return ipaddress.ip_address(reachable_address(ClusterSettings("slurm"), None)).is_private
    except UsageError:
        return False


@pytest.fixture
def serve_on_slurm(cluster: Slurm, tmp_path: Path) -> Iterator[ServeOnSlurm]:
    """Return a function that serves a platform with jobs on Slurm; afterwards, Slurm's queue is emptied."""

    @contextmanager
    def serve(*options: str) -> Iterator[ClusterServer]:
        chosen = ("--on", "slurm", "--nodes", "2", *options)
        with ClusterServer.on_slurm(tmp_path, cluster, chosen) as server:
            yield server

    with ExitStack() as stack:
        stack.callback(cluster.end_all_jobs)
        yield serve
