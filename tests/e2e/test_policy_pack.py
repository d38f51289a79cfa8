"""The policy of the documentation: what the wizard writes under it has it all, lints clean and runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from dx_app_wizard.cli import main
from dx_local.cli.lint import command as lint
from dx_local.testing import run_app

if TYPE_CHECKING:
    from click.testing import Result

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "organisation-policy.md"
PARAMETERS = ("--input", "reads:file", "--output", "report:file", "--output", "n_lines:int")


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the policy that the documentation shows, and a home without one."""
    block = re.search(
        r"```toml\n(# \.dx-app-wizard\.toml\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    assert block
    (tmp_path / ".dx-app-wizard.toml").write_text(block[1], encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def generate(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, *PARAMETERS, "--no-input"])
    return int(ended.value.code or 0)


def linted(app: str) -> Result:
    return CliRunner().invoke(lint, [app])


@pytest.mark.parametrize("language", ["bash", "python"])
@pytest.mark.parametrize("pattern", ["basic", "parallelized", "scatter-process-gather"])
def test_what_is_generated_fulfils_it(language: str, pattern: str) -> None:
    assert generate("eggd_count_reads", "--language", language, "--template", pattern) == 0
    result = linted("eggd_count_reads")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no findings\n")


def test_it_has_all_that_counts_as_done(lab: Path) -> None:
    generate("eggd_count_reads")
    spec: dict[str, Any] = json.loads((lab / "eggd_count_reads/dxapp.json").read_text(encoding="utf-8"))
    assert spec["developers"] == spec["authorizedUsers"] == ["org-emee_1"]
    assert list(spec["regionalOptions"]) == ["aws:eu-central-1"]
    assert (spec["runSpec"]["release"], spec["runSpec"]["version"]) == ("24.04", "0")
    assert spec["runSpec"]["timeoutPolicy"] == {"*": {"hours": 4}}
    assert spec["runSpec"]["interpreter"] == "bash"
    assert "access" not in spec


def test_the_app_runs(lab: Path) -> None:
    generate("eggd_count_reads")
    assert run_app(lab / "eggd_count_reads").state == "done"


def test_another_name_is_not_written(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("count_reads") == 3
    assert (
        f"Rename it to 'eggd_count_reads'. {lab}/.dx-app-wizard.toml:8 requires this"
        in capsys.readouterr().err
    )


UNDONE: dict[str, dict[str, Any]] = {
    "policy-developers": {"developers": ["user-me"]},
    "policy-authorized-users": {"authorizedUsers": ["PUBLIC"]},
    "policy-network": {"access": {"network": ["*"]}},
    "policy-regions": {"regionalOptions": {"aws:us-east-1": {}}},
    "policy-exec-depends": {"runSpec": {"execDepends": [{"name": "samtools"}]}},
    "policy-release": {"runSpec": {"release": "20.04"}},
    "policy-maximum-timeout": {"runSpec": {"timeoutPolicy": {"*": {"days": 2}}}},
}


@pytest.mark.parametrize("rule", UNDONE)
def test_lint_requires_it(lab: Path, rule: str) -> None:
    generate("eggd_count_reads")
    path = lab / "eggd_count_reads" / "dxapp.json"
    spec = json.loads(path.read_text(encoding="utf-8"))
    change = UNDONE[rule]
    spec = {**spec, **change, "runSpec": {**spec["runSpec"], **change.get("runSpec", {})}}
    path.write_text(json.dumps(spec), encoding="utf-8")
    result = linted("eggd_count_reads")
    assert result.exit_code == 3
    assert f"[{rule}]" in result.stdout


def test_lint_requires_scripts_that_stop_at_errors(lab: Path) -> None:
    generate("eggd_count_reads")
    source = lab / "eggd_count_reads" / "src" / "eggd_count_reads.sh"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("set -euo pipefail", ""), encoding="utf-8")
    assert "[policy-strict-bash]" in linted("eggd_count_reads").stdout
