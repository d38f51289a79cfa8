"""Choose the executor and its cluster from options, from --executor-config, and from the project file.

The table [executor] of `.dx-app-wizard.toml` counts only if an option asks for a cluster, so that jobs do not
leave this machine because of a file in a folder above.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.engine.cluster.settings import CHECKS, SCHEDULERS, ClusterSettings
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_app_wizard.policy.toml_file import TomlFile

_TABLE = "executor"
_ENGINE = "engine"
LOCAL = "local"
PARSL = "parsl"
_ENGINES = (LOCAL, PARSL)
_OPTIONS = {
    "on": "--on",
    "nodes": "--nodes",
    "sizes": "--sizes",
    "listen": "--listen",
}
"""Options that override a key of the table."""


@dataclass(frozen=True)
class ExecutorChoice:
    """The name of an executor, and the cluster for one that needs it."""

    name: str
    cluster: ClusterSettings | None = None
    listen: str | None = None
    sizes: str | None = None


def choose_executor(options: Mapping[str, Any], folder: Path) -> ExecutorChoice:
    """Return the executor for the options `executor`, `executor_config` and those of _OPTIONS; None is unset.

    `folder` is that of the app, or the current one; its project files may have the table. Raises UsageError
    for options that contradict each other, and with the place of the key for an invalid table.
    """
    name: str | None = options.get("executor")
    config: str | None = options.get("executor_config")
    given = {key: options[key] for key in _OPTIONS if options.get(key) is not None}
    asks_for_cluster = config is not None or "on" in given
    if name is not None and name != PARSL:
        # These are settings of any executor whose jobs run on nodes.
        of_nodes = {} if name == LOCAL else {key: given.pop(key, None) for key in ("listen", "sizes")}
        _check_alone(name, given, config)
        return ExecutorChoice(name, **of_nodes)
    if name is None and not asks_for_cluster:
        flag = _OPTIONS[next(iter(given))]
        raise UsageError(f"{flag} is for jobs on a cluster", "Choose a scheduler with --on.")
    table = _read(Path(config)) if config is not None else _nearest(folder)
    values = _checked(table) if table else {}
    if values.pop(_ENGINE, PARSL) == LOCAL and "on" not in given and name is None:
        return ExecutorChoice(LOCAL)
    values |= {key: _option(key, value) for key, value in given.items()}
    if "on" not in values:
        raise UsageError("no scheduler is chosen", f"Choose one with --on: {', '.join(SCHEDULERS)}.")
    listen, sizes = values.pop("listen", None), values.pop("sizes", None)
    return ExecutorChoice(PARSL, ClusterSettings(**values), listen, sizes)


def _check_alone(name: str, given: Mapping[str, Any], config: str | None) -> None:
    """Raise UsageError if there are options that the executor of this name does not use."""
    flags = [_OPTIONS[key] for key in given] + (["--executor-config"] if config is not None else [])
    if flags:
        raise UsageError(
            f"{flags[0]} cannot be combined with the executor {name!r}",
            f"Leave out {flags[0]} or --executor.",
        )


def _option(key: str, value: Any) -> Any:
    try:
        return CHECKS[key](value)
    except ValueError as error:
        raise UsageError(f"{_OPTIONS[key]}: {error}") from None


def _nearest(folder: Path) -> TomlFile | None:
    from dx_app_wizard.policy.places import nearest_table

    table = nearest_table(folder, _TABLE)
    return table.file if table else None


def _read(path: Path) -> TomlFile:
    from dx_app_wizard.errors import SpecFileError
    from dx_app_wizard.policy import toml_file

    try:
        file = toml_file.read(path)
    except SpecFileError as error:
        raise UsageError(f"--executor-config: {error}") from None
    if not isinstance(file.value.get(_TABLE), dict):
        raise UsageError(f"{path}: there is no table [{_TABLE}]", f"Begin its settings with [{_TABLE}].")
    return file


def _checked(file: TomlFile) -> dict[str, Any]:
    """Return the values of the table. Raises UsageError that names file, line and key."""
    return {key: _value(file, key, value) for key, value in file.value[_TABLE].items()}


def _value(file: TomlFile, key: str, value: Any) -> Any:
    place = file.place(_TABLE, key)
    if key == _ENGINE:
        if value not in _ENGINES:
            raise UsageError(f"{place}: {key}: {value!r} is not one of {', '.join(_ENGINES)}")
        return value
    if key not in CHECKS:
        raise UsageError(
            f"{place}: [{_TABLE}] has no key {key!r}", f"Its keys are {', '.join((_ENGINE, *CHECKS))}."
        )
    try:
        return CHECKS[key](value)
    except ValueError as error:
        raise UsageError(f"{place}: {key}: {error}") from None
