"""The effect of policy files on the wizard: defaults, filled-in fields, and forbidden apps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

Wizard = Callable[..., Any]
"""The command; see conftest.py."""

NEW = ("count-reads", "--language", "bash", "--template", "basic")


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], Path]:
    """Write the policy file of the current folder."""

    def write(text: str) -> Path:
        path = tmp_path / ".dx-app-wizard.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


Policy = Callable[[str], "Path"]


def spec_of(folder: Path) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((folder / "dxapp.json").read_text(encoding="utf-8"))
    return spec


DEFAULTS = '[wizard]\nlanguage = "bash"\ntemplate = "basic"\ntimeout = "12h"\nregion = "aws:eu-central-1"\n'


def test_defaults_answer_what_nobody_did(wizard: Wizard, policy: Policy, tmp_path: Path) -> None:
    policy(DEFAULTS)
    assert wizard("count-reads").code == 0
    spec = spec_of(tmp_path / "count-reads")
    assert spec["runSpec"]["interpreter"] == "bash"
    assert spec["runSpec"]["timeoutPolicy"] == {"*": {"hours": 12}}
    assert list(spec["regionalOptions"]) == ["aws:eu-central-1"]


def test_flags_and_answers_win_over_defaults(wizard: Wizard, policy: Policy, tmp_path: Path) -> None:
    policy(DEFAULTS)
    (tmp_path / "answers.json").write_text('{"timeout": "3h"}', encoding="utf-8")
    wizard("count-reads", "--language", "python", "--answers", "answers.json")
    run_spec = spec_of(tmp_path / "count-reads")["runSpec"]
    assert (run_spec["interpreter"], run_spec["timeoutPolicy"]) == ("python3", {"*": {"hours": 3}})


def test_a_given_spec_wins_over_defaults(wizard: Wizard, policy: Policy, tmp_path: Path) -> None:
    policy(f'{DEFAULTS}title = "Ours"\nnetwork = true\n')
    given = {"name": "theirs", "title": "Theirs", "runSpec": {"timeoutPolicy": {"*": {"hours": 1}}}}
    (tmp_path / "given.json").write_text(json.dumps(given), encoding="utf-8")
    assert wizard("--json-file", "given.json").code == 0
    spec = spec_of(tmp_path / "theirs")
    assert (spec["title"], spec["runSpec"]["timeoutPolicy"]) == ("Theirs", {"*": {"hours": 1}})
    assert "access" not in spec


def test_the_user_has_defaults_too(wizard: Wizard, home: Path, policy: Policy, tmp_path: Path) -> None:
    own = home / ".config/dx-app-wizard/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[wizard]\ntimeout = "1h"\nsummary = "Mine"\n', encoding="utf-8")
    policy(DEFAULTS)
    wizard("count-reads")
    spec = spec_of(tmp_path / "count-reads")
    assert (spec["summary"], spec["runSpec"]["timeoutPolicy"]) == ("Mine", {"*": {"hours": 12}})


def test_the_folder_of_the_app_decides_which_policy_holds(wizard: Wizard, tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / ".dx-app-wizard.toml").write_text(DEFAULTS, encoding="utf-8")
    assert wizard("count-reads", "--output-dir", "lab").code == 0
    assert wizard("count-reads").code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[wizard]\nregon = "x"', "no question has the key 'regon'. Did you mean 'region'?"),
        ("[wizard]\ntimeout = 12", "must be a string such as 48h"),
        ('[wizard]\nregion = "eu"', "--region"),
        ('[policy]\nname-prefx = "x"', "policy.name-prefx: no such key; did you mean 'name-prefix'?"),
        ("[wizard\n", "is not TOML"),
    ],
)
def test_bad_settings_are_named_with_their_place(
    wizard: Wizard, policy: Policy, tmp_path: Path, text: str, message: str
) -> None:
    path = policy(text)
    outcome = wizard(*NEW)
    assert outcome.code == 2
    assert message in outcome.stderr
    assert f"{path}:{len(text.splitlines())}" in outcome.stderr
    assert not (tmp_path / "count-reads").exists()


def test_what_a_policy_demands_is_filled_in(wizard: Wizard, policy: Policy, tmp_path: Path) -> None:
    policy(
        '[policy]\ndevelopers = ["org-a"]\nauthorized-users = ["org-b"]\nopen-source = false\n'
        'release = "20.04"\n'
        'regions = ["aws:eu-west-2"]\nmaximum-timeout = "2h"\ninstance-types = ["mem3_ssd1_v2_*"]\n'
    )
    assert wizard(*NEW).code == 0
    spec = spec_of(tmp_path / "count-reads")
    assert (spec["developers"], spec["authorizedUsers"], spec["openSource"]) == (["org-a"], ["org-b"], False)
    assert (spec["runSpec"]["release"], spec["runSpec"]["timeoutPolicy"]) == ("20.04", {"*": {"hours": 2}})
    (options,) = spec["regionalOptions"].values()
    assert options["systemRequirements"]["*"]["instanceType"].startswith("mem3_ssd1_v2_")


def test_python_apps_of_a_demanded_16_04_get_its_environment_with_python_3(
    wizard: Wizard, policy: Policy, tmp_path: Path
) -> None:
    policy('[policy]\nrelease = "16.04"\n')
    assert wizard(*NEW).code == 0
    run_spec = spec_of(tmp_path / "count-reads")["runSpec"]
    assert (run_spec["release"], run_spec["version"]) == ("16.04", "1")


NOT_ALLOWED = {
    'name-prefix = "eggd_"': ("policy-name-prefix", ()),
    'regions = ["aws:eu-west-2"]': ("policy-regions", ("--region", "aws:us-east-1")),
    "network = []": ("policy-network", ("--network",)),
    'maximum-timeout = "2h"': ("policy-maximum-timeout", ("--timeout", "3h")),
}


@pytest.mark.parametrize("demand", NOT_ALLOWED)
def test_what_is_not_allowed_is_not_written(
    wizard: Wizard, policy: Policy, tmp_path: Path, demand: str
) -> None:
    path = policy(f"[policy]\n{demand}")
    rule, flags = NOT_ALLOWED[demand]
    outcome = wizard(*NEW, *flags, "--json")
    assert (outcome.code, outcome.json["error"]["code"]) == (3, "disallowed")
    (finding,) = outcome.json["error"]["findings"]
    assert finding["rule"] == rule
    assert f"{path}:2" in finding["hint"]
    assert not (tmp_path / "count-reads").exists()


def test_what_a_given_spec_says_is_reported_not_changed(
    wizard: Wizard, policy: Policy, tmp_path: Path
) -> None:
    policy('[policy]\ndevelopers = ["org-a"]\n[lint]\nlevels = { "policy-*" = "warning" }')
    given = {"name": "theirs", "developers": ["user-them"]}
    (tmp_path / "given.json").write_text(json.dumps(given), encoding="utf-8")
    outcome = wizard("--json-file", "given.json", "--language", "bash", "--template", "basic", "--json")
    assert outcome.code == 0
    assert [finding["rule"] for finding in outcome.json["findings"]] == ["policy-developers"]
    assert spec_of(tmp_path / "theirs")["developers"] == ["user-them"]


def test_warnings_are_told(wizard: Wizard, policy: Policy) -> None:
    policy('[policy]\nname-prefix = "eggd_"\n[lint]\nlevels = { "policy-*" = "warning" }')
    outcome = wizard(*NEW)
    assert outcome.code == 0
    assert "warning: name: 'count-reads' does not begin with 'eggd_' [policy-name-prefix]" in outcome.stderr


def test_the_usual_instance_type_goes_by_the_region(wizard: Wizard, policy: Policy, tmp_path: Path) -> None:
    policy('[policy]\ninstance-types = ["mem1_*", "azure:mem1_*"]\n')
    assert wizard(*NEW, "--region", "azure:westus").code == 0
    (options,) = spec_of(tmp_path / "count-reads")["regionalOptions"].values()
    assert options["systemRequirements"]["*"]["instanceType"].startswith("azure:mem1_")


@pytest.mark.parametrize(
    "lint", ['ignore = ["region-*", "instance-type"]', 'levels = { instance-type = "warning" }']
)
def test_a_given_spec_is_judged_as_lint_would(
    wizard: Wizard, policy: Policy, tmp_path: Path, lint: str
) -> None:
    regional = {"aws:us-east-1": {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x3"}}}}
    (tmp_path / "given.json").write_text(json.dumps({"regionalOptions": regional}), encoding="utf-8")
    assert wizard(*NEW, "--json-file", "given.json").code == 3
    policy(f"[lint]\n{lint}\n")
    assert wizard(*NEW, "--json-file", "given.json").code == 0
