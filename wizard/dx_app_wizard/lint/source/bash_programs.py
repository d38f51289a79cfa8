"""Find programs that a bash app calls but that will not exist on a worker.

If in doubt, a program counts as provided: an app that bundles assets, changes PATH or installs programs in
ways that cannot be analysed may have anything.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp import regular_file
from dx_app_wizard.lint.source.bash_syntax import BashSyntax, Command, parse_bash
from dx_app_wizard.lint.source.program_packages import known_packages, packages_of_programs, worker_programs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dx_app_wizard.lint.source.app_folder import AppFolder

_NAME = re.compile(r"[A-Za-z][\w.+-]*")
_FOLDER_OF_PROGRAMS = re.compile(r"/(usr/(local/)?)?s?bin(/|$)")
_ROOT = re.compile(r"(-C|--directory=|-d)?/(usr(/local)?/?)?$")
_INSTALLER = re.compile(
    r"(install|setup|bootstrap|conda)[^/]*\.(sh|py|R)$|\.(deb|run)$|activate$", re.IGNORECASE
)
_HARMLESS = frozenset({"environment", "profile", ".profile", ".bashrc", "dnanexus.environment.sh"})
_PLACES = frozenset({"cp", "mv", "ln", "install", "curl", "wget", "chmod", "tee", "rsync", "docker", "dx",
                     "update-alternatives"})  # fmt: skip
_EXTRACTS = frozenset({"tar", "unzip", "cpio", "bsdtar"})
_INSTALLS_ANYTHING = frozenset(
    """
    brew cargo chroot cmake conda cpan cpanm easy_install gem go make mamba micromamba ml module mvn ninja npm
    pixi poetry scons snap spack uv
    """.split()  # noqa: SIM905 - a list of words reads best without quotes
)
_PROBES = frozenset({"command", "which", "type", "hash", "alias", "whereis"})
_PACKAGES_WITHOUT_PROGRAMS = ("lib*", "*-dev", "python-*", "python3-*", "fonts-*", "dx-toolkit", "jq")


@dataclass(frozen=True)
class MissingProgram:
    """The first call of a program that nothing provides, and the package that usually provides it."""

    program: str
    package: str | None
    line: int
    column: int


def missing_programs(app: AppFolder) -> Iterator[MissingProgram]:
    """Yield each program that the bash source of an app calls and that nothing provides."""
    source = app.bash.syntax if app.bash else None
    provided = _provided_by(app, source) if source else None
    if source is None or provided is None:
        return
    seen = set()
    for command in source.commands:
        name = command.program
        if name is None or name in seen or not _NAME.fullmatch(name) or provided.has(name):
            continue
        seen.add(name)
        packages = packages_of_programs().get(name)
        yield MissingProgram(name, packages[0] if packages else None, command.line, command.column)


@dataclass(frozen=True)
class _Provided:
    """The programs and packages of an app by name; `is_open` if the packages may contain any program."""

    programs: frozenset[str]
    packages: frozenset[str]
    is_open: bool

    def has(self, program: str) -> bool:
        """Return whether a program exists, or may exist."""
        if program in self.programs or program.startswith("dx"):
            return True
        providers = packages_of_programs().get(program)
        if providers is None:
            return bool(self.packages)
        patterns = [name.removeprefix("pip:") for name in providers]
        return any(_matches(package, patterns) for package in self.packages) or self.is_open


def _provided_by(app: AppFolder, source: BashSyntax) -> _Provided | None:
    """Return the programs and packages of an app, None if they cannot be determined."""
    if app.installs_bundles:
        return None
    resources = _resources(app)
    scripts = [source]
    for command in source.commands:
        if command.program in ("source", ".") and command.arguments:
            name = command.arguments[0].text.rpartition("/")[2]
            found = [_script(path) for path in resources.get(name, [])]
            if None in found or (not found and name not in _HARMLESS):
                return None
            scripts += [script for script in found if script]
    declared = [(_package(entry.get("name")), entry.get("package_manager", "apt")) for entry in app.packages]
    of_apt = {package for package, manager in declared if package and manager == "apt"}
    others = {package for package, manager in declared if package and manager != "apt"}
    programs = {*worker_programs(), *resources}
    for script in scripts:
        installed = _installed(script)
        if installed is None:
            return None
        of_apt |= installed.of_apt
        others |= installed.others
        programs |= script.functions.keys() | _probed(script)
    return _Provided(frozenset(programs), frozenset(of_apt | others), _have_unknown_dependencies(of_apt))


def _have_unknown_dependencies(packages: set[str]) -> bool:
    """Return whether any package may install unknown programs through its dependencies."""
    patterns = [*known_packages(), *_PACKAGES_WITHOUT_PROGRAMS]
    return any(not _matches(package, patterns) for package in packages)


def _matches(package: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(package, pattern) for pattern in patterns)


def _resources(app: AppFolder) -> dict[str, list[Path]]:
    """Return the files of resources/ by their names."""
    found: dict[str, list[Path]] = {}
    for folder, _folders, files in os.walk(app.path / "resources"):
        for name in files:
            found.setdefault(name, []).append(Path(folder, name))
    return found


def _script(path: Path) -> BashSyntax | None:
    """Return a file parsed as bash, None if it cannot be parsed."""
    try:
        return parse_bash(regular_file.read(path).decode())
    except (OSError, ValueError):
        return None


def _package(name: object) -> str | None:
    """Return the plain name of a package: `samtools` of `samtools=1.10-3`."""
    return re.split(r"[\[<>=!~@:; ]", name.strip())[0].lower() if isinstance(name, str) else None


def _probed(script: BashSyntax) -> set[str]:
    """Return the names that a script defines as aliases, or looks up because they may be absent."""
    return {
        word.text.partition("=")[0]
        for command in script.commands
        if command.program in _PROBES
        for word in command.operands
    }


@dataclass(frozen=True)
class _Installed:
    """The packages that a script installs, by apt and otherwise."""

    of_apt: frozenset[str]
    others: frozenset[str]


def _installed(script: BashSyntax) -> _Installed | None:
    """Return the packages that a script installs, None if it may install anything."""
    if "PATH" in script.variables or any(_FOLDER_OF_PROGRAMS.match(word.text) for word in script.redirects):
        return None
    of_apt: set[str] = set()
    others: set[str] = set()
    for command in script.commands:
        names = _packages_named(command)
        if names is None or _may_install_anything(command):
            return None
        (of_apt if (command.program or "").startswith("apt") else others).update(names)
    return _Installed(frozenset(of_apt), frozenset(others))


def _may_install_anything(command: Command) -> bool:
    name = _base(command)
    texts = [word.text for word in command.arguments]
    return (
        name in _INSTALLS_ANYTHING
        or any(_INSTALLER.search(text) for text in [command.words[0].text, *texts])
        or (name in _PLACES and any(_FOLDER_OF_PROGRAMS.match(text) for text in texts))
        or (name in _EXTRACTS and any(_ROOT.match(text) for text in texts))
        or (name == "dpkg" and not {"-i", "--install"}.isdisjoint(texts))
    )


def _packages_named(command: Command) -> set[str] | None:
    """Return the packages that a call of apt or pip installs, None if they are computed."""
    name = _base(command)
    words = list(command.operands)
    if name.startswith("python") and [word.text for word in words[:2]] == ["pip", "install"]:
        words.pop(0)
    elif not re.fullmatch(r"apt|apt-get|aptitude|pip[23]?(\.\d+)?", name):
        return set()
    if not words or words[0].text != "install":
        return set()
    if not all(word.literal for word in words):
        return None
    return {package for word in words[1:] if (package := _package(word.text))}


def _base(command: Command) -> str:
    """Return the name of a command's program without its folder; empty if it is computed."""
    return (command.program or "").rpartition("/")[2]
