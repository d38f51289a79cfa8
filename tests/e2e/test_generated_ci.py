"""CI files of generated apps: their commands succeed in order and without a token."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from dx_app_wizard.answers.choices import CiService, Language

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
WITHOUT_SANDBOX = (
    "HOME is not /home/dnanexus, resources/ is not overlaid on /, and all jobs have network access."
)
SERVICES: list[tuple[CiService, Language]] = [("github", "python"), ("gitlab", "bash")]


@dataclass(frozen=True)
class Pipeline:
    """The commands of a CI file, in their order, and the app that they are for."""

    app: Path
    commands: tuple[str, ...]
    variables: dict[str, str]

    def run(self, programs: Path, home: Path) -> None:
        """Do it all with the programs of a virtual environment and a home of its own, as a service would."""
        environment = {
            **self.variables,
            "CI": "true",
            "HOME": str(home),
            "PATH": f"{programs}:/usr/bin:/bin",
            # The worker environment, which takes a package index to make, is that of the other tests.
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        }
        for command in self.commands:
            if command.startswith("sudo "):  # the kernel of this machine stays as it is
                continue
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", command],
                cwd=self.app,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def pipeline(folder: Path, service: CiService, language: Language) -> Pipeline:
    """Write an app with the command, and return the pipeline that its CI file describes."""
    subprocess.run(
        [
            BIN / "dx-app-wizard", "app", "--language", language, "--template", "basic", "--ci", service,
            "--ci-package", "dx-app-wizard @ git+https://git.example.org/dx-app-wizard@0123abc",
            "--input", "reads:file", "--output", "report:file", "--output", "n:int", "--no-input",
        ],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
    app = folder / "app"
    if service == "gitlab":
        said: Any = yaml.safe_load((app / ".gitlab-ci.yml").read_text())
        return Pipeline(app, (*said["test"]["before_script"], *said["test"]["script"]), said["variables"])
    said = yaml.safe_load((app / ".github/workflows/test.yml").read_text())
    steps = said["jobs"]["test"]["steps"]
    return Pipeline(app, tuple(step["run"] for step in steps if "run" in step), said["env"])


def comment_above(text: str, line: str) -> str:
    """Return the comment directly above a line, without line breaks."""
    above = text[: text.index(f"\n{line}\n")].split("\n")
    own = itertools.takewhile(lambda each: each.lstrip().startswith("#"), reversed(above))
    return " ".join(each.lstrip(" #") for each in reversed([*own]))


def test_github_keeps_the_worker_environment_and_permits_sandboxes(tmp_path: Path) -> None:
    app = pipeline(tmp_path, "github", "python").app
    text = (app / ".github/workflows/test.yml").read_text()
    steps = yaml.safe_load(text)["jobs"]["test"]["steps"]
    (kept,) = (step["with"] for step in steps if step.get("uses", "").startswith("actions/cache@"))
    assert kept["path"] == "~/.cache/dx-local"
    assert "hashFiles('**/dxapp.json'" in kept["key"]
    assert kept["key"].startswith(kept["restore-keys"])
    names = [step.get("name") for step in steps]
    permission = steps[names.index("Permit sandboxes")]
    assert permission["run"] == "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    assert names.index("Permit sandboxes") < names.index("Show the surroundings of jobs")
    comment = comment_above(text, "      - name: Permit sandboxes")
    assert comment.startswith("Ubuntu's AppArmor keeps programs from making namespaces. Without this step, ")
    assert WITHOUT_SANDBOX in comment


def test_gitlab_keeps_the_worker_environment_and_says_what_differs(tmp_path: Path) -> None:
    app = pipeline(tmp_path, "gitlab", "bash").app
    text = (app / ".gitlab-ci.yml").read_text()
    said = yaml.safe_load(text)
    assert said["variables"]["XDG_CACHE_HOME"] == "$CI_PROJECT_DIR/.cache"
    assert said["test"]["cache"] == {
        "key": {"prefix": "dx-local", "files": ["dxapp.json"]},
        "paths": [".cache/dx-local/"],
    }
    assert said["test"]["script"][0] == "dx-local doctor --ci"
    comment = comment_above(text, "  cache:")
    assert "without a sandbox here, because GitLab's containers cannot make namespaces" in comment
    assert WITHOUT_SANDBOX in comment


@pytest.mark.slow
@pytest.mark.parametrize(("service", "language"), SERVICES)
def test_the_commands_of_the_pipeline_pass(tmp_path: Path, service: CiService, language: Language) -> None:
    written = pipeline(tmp_path, service, language)
    assert [command.split()[0] for command in written.commands].count("python") == 1
    without_install = tuple(command for command in written.commands if "pip install" not in command)
    replace(written, commands=without_install).run(BIN, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("service", "language"), SERVICES)
def test_the_pipeline_passes_where_nothing_is_installed(
    tmp_path: Path, service: CiService, language: Language
) -> None:
    subprocess.run([BIN / "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    written = pipeline(tmp_path, service, language)
    replace(written, variables={"PACKAGE": str(wheel)}).run(tmp_path / "venv/bin", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("service", "language"), SERVICES)
def test_pre_commit_has_nothing_to_say(tmp_path: Path, service: CiService, language: Language) -> None:
    app = pipeline(tmp_path, service, language).app
    hooks = ("git init -q && git add .", "pre-commit run --all-files")
    Pipeline(app, hooks, {"PRE_COMMIT_HOME": str(tmp_path / "hooks")}).run(BIN, tmp_path)
