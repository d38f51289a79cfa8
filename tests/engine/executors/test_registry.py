"""Executors are found by name, and start jobs from plain data."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.executors import registry
from dx_local.engine.executors.local import LocalExecutor
from dx_local.engine.executors.protocol import Launch
from dx_local.engine.settings import EXECUTOR_VARIABLE
from dx_local.errors import UsageError
from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]


class Wire(LocalExecutor):
    """An executor that gets its launches as JSON, as one on another machine would."""

    async def start(self, launch: Launch) -> None:
        print("launched", launch.job_id, file=sys.stderr)
        await super().start(Launch(**json.loads(json.dumps(asdict(launch)))))


@pytest.mark.usefixtures("sandboxed")
def test_a_launch_survives_json(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(registry.EXECUTORS, "wire", Wire)
    app = make_app("main() { cat /shared/note; }", interpreter="bash")
    (app / "resources" / "shared").mkdir(parents=True)
    (app / "resources" / "shared" / "note").write_text("from the resources\n")
    run = run_app(app, executor="wire", memory_limit="1GiB", xtrace=True)
    assert "launched job-" in capsys.readouterr().err
    assert "+ cat" in run.log


def test_the_environment_variable_names_the_executor(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(registry.EXECUTORS, "wire", Wire)
    monkeypatch.setenv(EXECUTOR_VARIABLE, "wire")
    run_app(make_app("main() { true; }", interpreter="bash"))
    assert "launched job-" in capsys.readouterr().err


def test_an_unknown_executor_is_rejected(make_app: MakeApp) -> None:
    with pytest.raises(UsageError, match="no executor is called 'moon'") as caught:
        run_app(make_app("true\n", interpreter="bash"), executor="moon")
    assert caught.value.hint == "Choose from: local, thread."
