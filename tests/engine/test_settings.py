"""One set of job options for the command line and `run_app()`."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.faults import Fault, parse_fault
from dx_local.engine.settings import (
    ISOLATION_VARIABLE,
    NETWORK_VARIABLE,
    PYTHON_VARIABLE,
    InputDelivery,
    Isolation,
    JobOptions,
    JobSettings,
    NetworkAccess,
    check_python,
    parse_memory_limit,
)
from dx_local.errors import UsageError
from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_every_setting_is_an_option() -> None:
    own = {"shell", "cluster"}
    assert {field.name for field in fields(JobSettings)} - JobOptions.__annotations__.keys() == own


DEBUGGERS = {"debug_on", "debug_job", "debugpy"}


@pytest.mark.parametrize(
    ("verb", "missing"),
    [
        ("run", set()),
        ("history.rerun", set()),
        ("serve", DEBUGGERS),
        ("exec", DEBUGGERS),
        ("test", DEBUGGERS),
    ],
)
def test_a_verb_that_runs_jobs_has_every_option(verb: str, missing: set[str]) -> None:
    command = importlib.import_module(f"dx_local.cli.{verb}").command
    assert JobOptions.__annotations__.keys() - {parameter.name for parameter in command.params} == missing


def test_options_become_settings() -> None:
    options = JobOptions(
        max_parallel=3,
        xtrace=True,
        input_delivery="link",
        isolation="none",
        network="allow",
        memory_limit="1G",
    )
    assert JobSettings.from_options(options) == JobSettings(
        max_parallel=3,
        xtrace=True,
        input_delivery=InputDelivery.LINK,
        isolation=Isolation.NONE,
        network=NetworkAccess.ALLOW,
        memory_limit=1 << 30,
    )


def test_options_that_are_missing_or_none_have_their_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ISOLATION_VARIABLE, raising=False)
    monkeypatch.delenv(NETWORK_VARIABLE, raising=False)
    assert JobSettings.from_options({}) == JobSettings()
    assert JobSettings.from_options({"max_parallel": None, "python": None}) == JobSettings()


def test_environment_variables_apply_unless_an_option_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ISOLATION_VARIABLE, "none")
    monkeypatch.setenv(NETWORK_VARIABLE, "allow")
    settings = JobSettings.from_options({"network": "auto"})
    assert (settings.isolation, settings.network) == (Isolation.NONE, NetworkAccess.AUTO)


@pytest.mark.parametrize(
    "options", [{"isolation": "all"}, {"network": "none"}, {"memory_limit": "0"}, {"python": "2.7"}]
)
def test_an_unusable_value_is_rejected(options: JobOptions) -> None:
    with pytest.raises(UsageError):
        JobSettings.from_options(options)


def test_settings_are_plain_data() -> None:
    faults = (parse_fault("slow-io:process[2]=1MB/s"),)
    settings = JobSettings(memory_limit="instance", input_delivery=InputDelivery.LINK, inject=faults)
    data = json.loads(json.dumps(asdict(settings)))
    data["inject"] = [Fault(**fault) for fault in data["inject"]]
    read: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
    }
    assert JobSettings(**read) == settings


@pytest.mark.parametrize("text", ["", "much", "0", "-1G", "instances"])
def test_text_that_is_no_memory_limit_is_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="is not a memory limit"):
        parse_memory_limit(text)


@pytest.mark.parametrize("version", ["2.7", "3.7", "3.7.16"])
def test_an_old_python_is_rejected(version: str) -> None:
    with pytest.raises(UsageError, match="cannot run under"):
        check_python(version)


@pytest.mark.parametrize(
    ("options", "python"), [({}, "3.9"), ({"python": None}, "3.9"), ({"python": "3.8"}, "3.8")]
)
def test_a_variable_has_the_default_of_the_python(
    monkeypatch: pytest.MonkeyPatch, options: JobOptions, python: str
) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, "3.9")
    assert JobSettings().python == "3.9"
    assert JobSettings.from_options(options).python == python


def test_an_old_python_in_the_variable_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PYTHON_VARIABLE, "3.7")
    with pytest.raises(UsageError, match="cannot run under"):
        JobSettings.from_options({})


@pytest.mark.parametrize("version", ["3.8", "3.13.1", "pypy3.10", "/usr/bin/python3"])
def test_other_pythons_are_left_to_uv(version: str) -> None:
    assert check_python(version) == version


def test_run_app_takes_the_same_options(make_app: Callable[..., Path]) -> None:
    app = make_app("main() { echo hello; }", interpreter="bash")
    assert "+ echo hello" in run_app(app, xtrace=True, isolation="none", max_parallel=1).log
