"""Every key of [policy] has a rule that reports violations only, and names the place of the key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.policy.keys import KEYS
from dx_app_wizard.policy.lint import lint_app, lint_by_policy
from dx_app_wizard.policy.load import load_policy
from dx_app_wizard.policy.rules import POLICY_RULES, RULE_PREFIX

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeApp

    from dx_app_wizard.lint.findings import Finding

Spec = dict[str, Any]


def run_spec(**run: Any) -> Spec:
    return {"runSpec": run}


def on(region: str, instance_type: str) -> Spec:
    return {"regionalOptions": {region: {"systemRequirements": {"*": {"instanceType": instance_type}}}}}


def judge(folder: Path, policy: str, spec: Spec) -> list[Finding]:
    """Return the findings about a dxapp.json under a policy file with this content."""
    (folder / ".dx-app-wizard.toml").write_text(policy, encoding="utf-8")
    return lint_by_policy(spec, load_policy(folder))


PYSAM = {"name": "pysam", "package_manager": "pip"}

FORBIDDEN: list[tuple[str, Spec, str]] = [
    ('name-prefix = "eggd_"', {"name": "count"}, "name"),
    ('developers = ["org-a"]', {}, "developers"),
    ('developers = ["org-a"]', {"developers": ["org-a", "user-b"]}, "developers"),
    ('authorized-users = ["org-a"]', {"authorizedUsers": ["PUBLIC"]}, "authorizedUsers"),
    ("open-source = true", {}, "openSource"),
    ("open-source = false", {"openSource": True}, "openSource"),
    ('release = "24.04"', run_spec(release="20.04", version="0"), "runSpec.release"),
    ('release = "24.04"', run_spec(release="24.04"), "runSpec"),
    ('exec-depends = "forbid"', run_spec(execDepends=[PYSAM]), "runSpec.execDepends[0]"),
    ('exec-depends = "pinned"', run_spec(execDepends=[PYSAM]), "runSpec.execDepends[0]"),
    ("network = []", {"access": {"network": ["github.com"]}}, "access.network[0]"),
    ('network = ["*.x.org"]', {"access": {"network": ["a.x.org", "*"]}}, "access.network[1]"),
    ('maximum-timeout = "2d"', run_spec(), "runSpec.timeoutPolicy"),
    ('maximum-timeout = "2d"', run_spec(timeoutPolicy={"main": {"hours": 1}}), "runSpec.timeoutPolicy"),
    (
        'maximum-timeout = "2d"',
        run_spec(timeoutPolicy={"*": {"hours": 48, "minutes": 1}}),
        'runSpec.timeoutPolicy["*"]',
    ),
    ('regions = ["aws:eu-west-2"]', {}, "regionalOptions"),
    (
        'regions = ["aws:eu-west-2"]',
        on("aws:us-east-1", "mem1_ssd1_v2_x4"),
        'regionalOptions["aws:us-east-1"]',
    ),
    (
        'instance-types = ["mem1_ssd1_v2_*"]',
        on("aws:us-east-1", "mem3_ssd1_v2_x4"),
        'regionalOptions["aws:us-east-1"].systemRequirements["*"].instanceType',
    ),
]


@pytest.mark.parametrize(("demand", "spec", "path"), FORBIDDEN)
def test_what_a_policy_forbids_is_found(tmp_path: Path, demand: str, spec: Spec, path: str) -> None:
    (finding,) = judge(tmp_path, f"[policy]\n{demand}", spec)
    key = demand.split(maxsplit=1)[0]
    assert (finding.rule, finding.level, finding.path) == (f"policy-{key}", "error", path)
    assert finding.hint
    assert finding.hint.endswith(f"{tmp_path}/.dx-app-wizard.toml:2 requires this (policy.{key}).")


ALLOWED: list[tuple[str, Spec]] = [
    ('name-prefix = "eggd_"', {"name": "eggd_count"}),
    ('developers = ["org-a", "user-b"]', {"developers": ["user-b", "org-a"]}),
    ("open-source = false", {}),
    ('release = "24.04"', run_spec(release="24.04", version="0")),
    ('exec-depends = "allow"', run_spec(execDepends=[PYSAM])),
    ('exec-depends = "pinned"', run_spec(execDepends=[{**PYSAM, "version": "0.22.1"}])),
    ('exec-depends = "pinned"', run_spec(execDepends=[{"package_manager": "git", "tag": "v1"}])),
    ("network = []", {}),
    ('network = ["*"]', {"access": {"network": ["*", "github.com"]}}),
    ('maximum-timeout = "2d"', run_spec(timeoutPolicy={"*": {"hours": 48}, "main": {"days": 1}})),
    ('regions = ["aws:eu-west-2"]', on("aws:eu-west-2", "mem1_ssd1_v2_x4")),
    ('instance-types = ["mem1_ssd1_v2_*"]', on("aws:us-east-1", "mem1_ssd1_v2_x4")),
    ("strict-bash = true", {}),
]


@pytest.mark.parametrize(("demand", "spec"), ALLOWED)
def test_what_a_policy_allows_is_not_found(tmp_path: Path, demand: str, spec: Spec) -> None:
    assert judge(tmp_path, f"[policy]\n{demand}", spec) == []


@pytest.mark.parametrize("key", KEYS["policy"])
def test_misshapen_values_are_left_to_the_schema(tmp_path: Path, key: str) -> None:
    demand = next(demand for demand, _ in ALLOWED if demand.startswith(key) or key == "authorized-users")
    misshapen: Spec = {"name": 1, "runSpec": [], "access": "all", "regionalOptions": [1]}
    judge(tmp_path, f"[policy]\n{demand}", misshapen)
    judge(tmp_path, f"[policy]\n{demand}", run_spec(timeoutPolicy={"*": {"hours": "x"}}, execDepends=["a"]))


def test_every_key_has_its_rule() -> None:
    assert list(POLICY_RULES.by_id) == [f"{RULE_PREFIX}{key}" for key in KEYS["policy"]]


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("main() { true; }\n", 1),
        ("# set -e\nmain() { true; }\n", 1),
        ("set -euo pipefail\nmain() { true; }\n", 0),
        ("main() {\n  set -x -e\n}\n", 0),
        ("set -o errexit\nmain() { true; }\n", 0),
        ("#!/bin/bash -ex\nmain() { true; }\n", 0),
    ],
)
def test_bash_stops_at_errors(make_app: MakeApp, code: str, count: int) -> None:
    app = make_app(code, interpreter="bash")
    (app / ".dx-app-wizard.toml").write_text("[policy]\nstrict-bash = true", encoding="utf-8")
    rules = [finding.rule for finding in lint_app(app, load_policy(app))]
    assert rules.count("policy-strict-bash") == count


def test_a_finding_has_its_place_in_the_file(make_app: MakeApp) -> None:
    app = make_app("main() { true; }\n", interpreter="bash", access={"network": ["*"]})
    spec = json.loads((app / "dxapp.json").read_text(encoding="utf-8"))
    (app / "dxapp.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")
    (app / ".dx-app-wizard.toml").write_text("[policy]\nnetwork = []", encoding="utf-8")
    found = {finding.rule: finding for finding in lint_app(app, load_policy(app))}["policy-network"]
    lines = (app / "dxapp.json").read_text(encoding="utf-8").splitlines()
    assert found.file == "dxapp.json"
    assert found.line
    assert '"*"' in lines[found.line - 1]


@pytest.mark.parametrize("pattern", ["policy-name-prefix", "policy-*"])
def test_lint_ignores_and_levels_hold_for_policy_rules(tmp_path: Path, pattern: str) -> None:
    demand = '[policy]\nname-prefix = "eggd_"\n[lint]\n'
    assert judge(tmp_path, f'{demand}ignore = ["{pattern}"]', {"name": "count"}) == []
    (finding,) = judge(tmp_path, f'{demand}levels = {{ "{pattern}" = "warning" }}', {"name": "count"})
    assert finding.level == "warning"


def test_an_id_wins_over_patterns(tmp_path: Path) -> None:
    levels = '[lint.levels]\n"policy-*" = "warning"\npolicy-network = "error"\n'
    policy = f'[policy]\nname-prefix = "eggd_"\nnetwork = []\n{levels}'
    found = judge(tmp_path, policy, {"name": "count", "access": {"network": ["*"]}})
    assert {finding.rule: finding.level for finding in found} == {
        "policy-name-prefix": "warning",
        "policy-network": "error",
    }
