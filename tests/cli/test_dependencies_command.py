"""execDepends and Python versions with `dx-local run`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from tests.engine.environments.debian.debian_repository import DebianRepository

from dx_local.engine.environments.debian import layers
from dx_local.engine.environments.debian.apt import Apt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import DxLocal

    MakeApp = Callable[..., Path]

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-query"), reason="this machine has no dpkg")

CALLS_TWICE = """
main() { dx-jobutil-new-job other >/dev/null; }
other() { no-such-program; }
"""


@needs_dpkg
def test_missing_packages_are_told_once_and_when_a_job_fails(dx_local: DxLocal, make_app: MakeApp) -> None:
    depends = [{"name": "no-such-package"}]
    app = make_app(CALLS_TWICE, interpreter="bash", runSpec={"execDepends": depends})
    done = dx_local("run", app)
    assert done.exit_code == 6
    assert done.stderr.partition("error: ")[0].count("no-such-package") in (1, 2)  # 2 where apt has no lists
    message = done.stderr.partition("error: ")[2]
    assert "this machine lacks: no-such-package" in message


@needs_dpkg
def test_missing_packages_are_told_when_a_shell_of_python_fails(dx_local: DxLocal, make_app: MakeApp) -> None:
    code = "import subprocess\nsubprocess.check_call('no-such-program', shell=True)\n"
    app = make_app(code, runSpec={"execDepends": [{"name": "no-such-package"}]})
    assert "lacks: no-such-package" in dx_local("run", app, "-q").stderr.partition("error: ")[2]


@needs_dpkg
def test_a_failure_of_another_kind_is_not_blamed_on_packages(dx_local: DxLocal, make_app: MakeApp) -> None:
    depends = [{"name": "no-such-package"}]
    app = make_app("main() { exit 3; }", interpreter="bash", runSpec={"execDepends": depends})
    assert "lacks" not in dx_local("run", app).stderr.partition("error: ")[2]


LIBRARY = "pigz: error while loading shared libraries: libz.so.0: cannot open shared object file"


def test_a_program_of_another_release_is_named_as_such(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app(f"main() {{ echo '{LIBRARY}' >&2; exit 127; }}", interpreter="bash")
    assert "This machine lacks libz.so.0; the program may" in dx_local("run", app).stderr


def test_a_program_that_nobody_declares_is_named(dx_local: DxLocal, make_app: MakeApp) -> None:
    app = make_app("main() { no-such-program; }", interpreter="bash")
    done = dx_local("run", app)
    assert "Program no-such-program is not installed here. Declare its package" in done.stderr


CALLS_PACKAGE = """
import subprocess
import dxpy

@dxpy.entry_point('main')
def main():
    return {'said': subprocess.check_output(['dxt-say'], text=True)}
"""


@pytest.mark.skipif(not Apt.is_installed(), reason="this machine has no apt")
def test_packages_are_unpacked_for_jobs(
    tmp_path: Path, dx_local: DxLocal, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = DebianRepository(tmp_path / "repository")
    repository.open()
    repository.add("dxt-say", {"usr/bin/dxt-say": "#!/bin/sh\necho said\n"})
    monkeypatch.setenv("APT_CONFIG", str(repository.configuration))
    monkeypatch.setattr(layers, "cache_dir", lambda *_: tmp_path / "cache")
    depends = [{"name": "dxt-say"}, {"name": "dxt-nowhere"}]
    app = make_app(CALLS_PACKAGE, outputs={"said": "string"}, runSpec={"execDepends": depends})
    done = dx_local("run", app, "--install-depends")
    assert done.stdout.startswith("said\tsaid"), done.stderr
    assert done.stderr.count("Unpacking Debian packages") == 1
    assert done.stderr.count("the Debian package dxt-nowhere, which is unknown to apt.") == 1


def test_old_code_is_said_to_run_under_python_3(dx_local: DxLocal, make_app: MakeApp) -> None:
    code = "import dxpy\n\n@dxpy.entry_point('main')\ndef main():\n    pass\n"
    done = dx_local("run", make_app(code, interpreter="python2.7", runSpec={"release": "14.04"}))
    assert done.exit_code == 0
    assert done.stderr.count("The app requests python2.7; dx-local runs its code under Python 3.") == 1


@pytest.mark.parametrize("verb", [["run", "."], ["serve"], ["exec", "true"]], ids=lambda verb: verb[0])
def test_a_python_that_is_too_old_is_refused(dx_local: DxLocal, verb: list[str]) -> None:
    done = dx_local(verb[0], "--python", "3.7", *verb[1:])
    assert done.exit_code == 2
    assert "jobs cannot run under Python 3.7" in done.stderr
