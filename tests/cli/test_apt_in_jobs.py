"""`sudo apt-get install` and `dpkg -i` in jobs, as 27 in 500 public apps call them: for the job alone.

If root runs dx-local, these are the real programs; for other users, dx-local has substitutes.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engine.environments.debian.debian_repository import DebianRepository

from dx_local.engine.environments.debian.apt import Apt

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeApp = Callable[..., Path]

pytestmark = pytest.mark.skipif(not Apt.is_installed(), reason="this machine has no apt")

INSTALLS = """
set -e
export APT_CONFIG=/repository/apt.conf
sudo apt-get update
sudo apt-get install -y dxt-say
main() {
    dxt-say
    dxt-alias
    sudo dpkg -i /repository/dxt-other_1.0_all.deb
    dxt-other
    sudo apt-get install -y dxt-nowhere || echo "code $?"
    dpkg --print-architecture
}
"""

SCRIPT = "#!/bin/sh\nupdate-alternatives --install /usr/bin/dxt-alias dxt-alias /usr/bin/dxt-say 1\n"


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    """An app that brings along a repository, and installs from it."""
    folder = make_app(INSTALLS, interpreter="bash")
    repository = DebianRepository(folder / "resources" / "repository", seen_at="/repository")
    repository.open()
    files = {"usr/bin/dxt-say": "#!/bin/sh\necho said\n", "usr/share/perl5/Dxt/A.pm": ""}
    repository.add("dxt-say", files, depends="dxt-data", postinst=SCRIPT)
    repository.add("dxt-data", {"usr/share/dxt/data": ""})
    repository.add("dxt-other", {"usr/bin/dxt-other": "#!/bin/sh\necho other\n"})
    return folder


AS_ONE_USER = ["unshare", "--user", "--map-root-user"]


@pytest.mark.parametrize("before", [[], AS_ONE_USER], ids=["as-we-are", "as-one-user"])
def test_packages_are_installed_for_the_job_alone(
    app: Path, bin_folder: Path, variables: dict[str, str], before: list[str]
) -> None:
    if before and subprocess.run([*before, "true"], check=False, capture_output=True).returncode:
        pytest.skip("user namespaces are not allowed here")
    command = [*before, str(bin_folder / "dx-local"), "run", str(app), "--isolation", "namespace"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    said = [line.removeprefix("main | ") for line in done.stderr.splitlines()]
    assert done.returncode == 0, done.stderr
    assert [line for line in said if line in ("said", "other", "code 100")] == [
        *("said", "said", "other", "code 100")
    ]
    assert shutil.which("dxt-say") is None
    assert not Path("/usr/share/perl5/Dxt").exists()
