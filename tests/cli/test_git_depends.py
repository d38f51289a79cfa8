"""Apps that depend on git repositories, which each job clones and builds before its code runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.repositories import make_repository, use_own_git_configuration

from dx_local.engine.environments import git_mirrors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command, DxLocal
    from tests.repositories import Repository

    MakeApp = Callable[..., Path]


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(git_mirrors, "cache_dir", lambda _: tmp_path / "cache")
    return use_own_git_configuration(tmp_path, monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "tool.git")


@pytest.fixture
def run(dx_local: DxLocal, make_app: MakeApp) -> Callable[..., Command]:
    """Run an app that depends on repositories, without a sandbox if `isolation` is none."""

    def run_app(
        code: str, *depends: dict[str, Any], isolation: str = "auto", interpreter: str = "bash"
    ) -> Command:
        entries = [{"name": "tool", "package_manager": "git", **entry} for entry in depends]
        app = make_app(
            code, interpreter=interpreter, runSpec={"execDepends": entries}, access={"network": ["*"]}
        )
        return dx_local("run", app, "--json", "--isolation", isolation)

    return run_app


def message(failed: Command) -> str:
    assert failed.json["failure"]["reason"] == "AppInternalError"
    return str(failed.json["failure"]["message"])


def test_each_is_cloned_and_built_in_its_order(run: Callable[..., Command], repository: Repository) -> None:
    repository.commit("v2", text="second")
    old = {"tag": "v1", "destdir": "/opt/tools", "build_commands": "cp text.txt /usr/local/old; false || :"}
    new = {"build_commands": 'cat /usr/local/old text.txt > "$HOME/both"; git remote get-url origin > ~/url'}
    done = run(
        "main() { cat both url; ls /opt/tools; }\n",
        *({"url": repository.url, **entry} for entry in (old, new)),
    )
    assert done.exit_code == 0, done.stderr
    said = [line.partition("| ")[2] for line in done.stderr.splitlines() if line.startswith("main | ")]
    assert said[-2:] == [f"firstsecond{repository.url}", "tool"]


def test_python_jobs_have_them_too(run: Callable[..., Command], repository: Repository) -> None:
    code = """
        import dxpy

        @dxpy.entry_point("main")
        def main():
            print("read", open("/home/dnanexus/code/tool/text.txt").read())
        """
    done = run(code, {"url": repository.url, "destdir": "$HOME/code"}, interpreter="python3")
    assert "read first" in done.stderr


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"build_commands": "echo about to fail; exit 3"}, "about to fail"),
        ({"tag": "none"}, "pathspec 'none' did not match"),
        ({"url": "file:///none.git"}, "file:///none.git cannot be cloned"),
        ({"url": ""}, "does not have a 'url' field"),
    ],
)
def test_a_failure_ends_the_job_before_its_code(
    run: Callable[..., Command], repository: Repository, entry: dict[str, str], problem: str
) -> None:
    failed = run("main() { echo started; }\n", {"url": repository.url, **entry})
    assert failed.exit_code == 6
    assert "started" not in failed.stderr
    assert message(failed).startswith("DXExecDependencyError: ")
    assert problem in message(failed)


def test_the_hint_for_an_unreachable_repository_is_a_local_clone(run: Callable[..., Command]) -> None:
    failed = run("main() { :; }\n", {"url": "https://name:secret@localhost:1/tool.git"})
    assert "https://localhost:1/tool.git cannot be cloned" in message(failed)
    assert failed.json["failure"]["hint"].endswith("insteadOf https://localhost:1/tool.git")
    assert "secret" not in failed.stdout + failed.stderr


@pytest.mark.parametrize("destdir", ["/opt/tools", "$HOME/..", "~/../x"])
def test_without_a_sandbox_only_the_home_is_a_destination(
    run: Callable[..., Command], repository: Repository, destdir: str
) -> None:
    failed = run("main() { :; }\n", {"url": repository.url, "destdir": destdir}, isolation="none")
    assert "is outside of the job, which runs without a sandbox" in message(failed)


def test_without_a_sandbox_repositories_are_in_the_home(
    run: Callable[..., Command], repository: Repository
) -> None:
    code = 'main() { cat "$HOME/tools/tool/text.txt"; cat place; }\n'
    inside = {"destdir": "$HOME/tools"}
    temporary = {"build_commands": 'case $PWD in "$HOME"/*) echo home;; esac > "$HOME/place"'}
    done = run(code, *({"url": repository.url, **entry} for entry in (inside, temporary)), isolation="none")
    assert "firsthome" in done.stderr
