"""Run the suite as users do, on other Pythons, and without what makes jobs fast: `make test-variants`.

The tests of the worker, of the engine and of the templates run once for each Python that can run jobs. The
whole suite runs once as an ordinary user, once without sandboxes, once for each other Python that can run
dx-local itself, once with `DX_LOCAL_TOOLS=plain`, and once as on a machine without a C compiler. The tests in
tests/platforms simulate other systems. A table at the end has one row for each variant, also for those that
this machine cannot run. Exit code 1 means that a variant failed, or that none ran.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree as ET

from dx_app_wizard.user_dirs import cache_dir
from dx_local.engine.environments.python_environments import request_of_python
from dx_local.engine.environments.python_versions import find_python
from dx_local.engine.settings import ISOLATION_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
CONTROL_PYTHONS = ("3.10", "3.12", "3.13", "3.14")
PARTS_FOR_PYTHONS = ("tests/worker", "tests/engine", "tests/e2e/test_matrix.py")
USER, NO_ISOLATION, PLATFORMS = "user", "isolation-none", "platforms"
PLAIN_TOOLS, NO_COMPILER = "plain-tools", "no-compiler"
CONTROL = "control-"
"""The beginning of the names of variants in which another Python runs dx-local itself."""
NOBODY = "65534"
COMPILERS = ("cc", "gcc", "clang")

_NOT_COMPILED = (".lock", ".failed")


class Control(NamedTuple):
    """A Python for pytest and dx-local, and the folder of an environment of it, which is made if missing."""

    base: Path
    environment: Path


@dataclass(frozen=True)
class Variant:
    """One way to run tests: which of them, with which variables, or why this machine cannot."""

    name: str
    words: str
    parts: Sequence[str] = ("tests",)
    variables: Mapping[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    """The command that runs pytest, if it is not run directly."""
    options: Sequence[str] = ()
    """Options of pytest."""
    control: Control | None = None
    """The Python that runs pytest and dx-local; None for the running one."""
    cache: Path | None = None
    """The cache of a variant in which nothing may be compiled."""
    obstacle: str | None = None


@dataclass(frozen=True)
class Outcome:
    """The numbers of tests of a variant, and the reason if it failed as a whole."""

    passed: int
    failed: int
    skipped: int
    seconds: float
    fault: str | None = None


def main() -> int:
    """Run the variants that the command line selects, print the table, and return the exit code."""
    controls = [f"{CONTROL}{version}" for version in CONTROL_PYTHONS]
    names = [USER, NO_ISOLATION, *controls, *PYTHONS, PLAIN_TOOLS, NO_COMPILER, PLATFORMS]
    parser = argparse.ArgumentParser(
        prog="python -m tests.variants", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", action="append", choices=names, help="run only this variant; repeatable")
    parser.add_argument("--parts", action="append", metavar="PATH", help="run only these tests; repeatable")
    parser.add_argument("--workers", default="auto", help="number of parallel tests [default: auto]")
    parser.add_argument("--quick", action="store_true", help="leave out the slow tests")
    options = parser.parse_args()
    more = ["-n", options.workers, *(["-m", "not slow"] if options.quick else [])]
    with tempfile.TemporaryDirectory(prefix="dx-variants-") as folder:
        chosen = [
            variant for variant in variants(Path(folder)) if not options.only or variant.name in options.only
        ]
        outcomes = {
            variant.name: run(variant, options.parts or variant.parts, more, Path(folder, f"{number}.xml"))
            for number, variant in enumerate(chosen)
            if not variant.obstacle
        }
    print(table(chosen, outcomes))
    failed = [outcome for outcome in outcomes.values() if outcome.failed or outcome.fault]
    print(
        f"{len(outcomes)} of {len(chosen)} variants ran, {len(failed)} failed, "
        f"{len(chosen) - len(outcomes)} cannot run on this machine"
    )
    return 1 if failed or not outcomes else 0


def variants(folder: Path) -> Iterator[Variant]:
    """Yield all variants; those that need files of their own create them in a folder."""
    yield _as_ordinary_user(folder)
    yield Variant(NO_ISOLATION, "without sandboxes", variables={ISOLATION_VARIABLE: "none"})
    for version in CONTROL_PYTHONS:
        base = find_python(version)
        obstacle = None if base else f"there is no Python {version} (uv, PATH, pyenv)"
        name, words = f"{CONTROL}{version}", f"dx-local under Python {version}"
        # It stays for the next time, for this checkout.
        place = f"{name}-{hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]}"
        control = Control(base, cache_dir("dx-local") / "variants" / place) if base else None
        yield Variant(name, words, control=control, obstacle=obstacle)
    for version in PYTHONS:
        obstacle = None if request_of_python(version) else f"there is no Python {version} (uv, PATH, pyenv)"
        variables = {"DX_LOCAL_TEST_PYTHON": version}
        yield Variant(
            version, f"jobs under Python {version}", PARTS_FOR_PYTHONS, variables, obstacle=obstacle
        )
    yield Variant(PLAIN_TOOLS, "DX_LOCAL_TOOLS=plain", variables={"DX_LOCAL_TOOLS": "plain"})
    yield _without_compiler()
    # All of them, slow or not.
    yield Variant(PLATFORMS, "simulated systems", ("tests/platforms",), options=("-m", "platforms"))


def run(variant: Variant, parts: Sequence[str], more: Sequence[str], report: Path) -> Outcome:
    """Run the tests of a variant, whose output goes to the terminal, and return their numbers."""
    print(f"\n{variant.words}: {' '.join(parts)}", flush=True)
    try:
        python = _control_python(variant.control) if variant.control else Path(sys.executable)
    except subprocess.CalledProcessError as error:
        return Outcome(0, 0, 0, 0.0, f"the packages could not be installed: {error}")
    pytest = [*variant.prefix, str(python), "-m", "pytest", "-q", f"--junitxml={report}"]
    pytest += [*more, *variant.options, *parts]
    began = time.monotonic()
    code = subprocess.run(pytest, cwd=ROOT, env={**os.environ, **variant.variables}, check=False).returncode
    seconds = time.monotonic() - began
    if code not in (0, 1) or not report.exists():
        return Outcome(0, 0, 0, seconds, f"pytest ended with {code}")
    (suite,) = ET.parse(report).getroot().iter("testsuite")
    count = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    failed = count["failures"] + count["errors"]
    passed = count["tests"] - failed - count["skipped"]
    return Outcome(passed, failed, count["skipped"], seconds, _compiled_fault(variant))


def table(chosen: Sequence[Variant], outcomes: Mapping[str, Outcome]) -> str:
    """Return the table of all variants in Markdown."""
    rows = [["variant", "passed", "failed", "skipped", "minutes", ""], ["---"] * 6]
    for variant in chosen:
        if variant.obstacle:
            rows.append([variant.words, "-", "-", "-", "-", f"**cannot run**: {variant.obstacle}"])
            continue
        outcome = outcomes[variant.name]
        verdict = outcome.fault or ("failed" if outcome.failed else "passed")
        counts = [str(count) for count in (outcome.passed, outcome.failed, outcome.skipped)]
        rows.append([variant.words, *counts, f"{outcome.seconds / 60:.1f}", verdict])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _as_ordinary_user(folder: Path) -> Variant:
    """Return the variant in which root becomes another user; an ordinary user is one already.

    The packages of the checkout are used, but all that is written goes to a home of its own.
    """
    words = "as an ordinary user"
    if os.geteuid() != 0:
        return Variant(USER, words)
    prefix = ("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--")
    obstacle, control = None, None
    if not shutil.which("setpriv"):
        obstacle = "there is no setpriv"
    elif not all(path.stat().st_mode & 0o005 == 0o005 for path in (ROOT, *ROOT.parents)):
        obstacle = f"other users cannot enter {ROOT}"
    elif not _starts(prefix, sys.executable):
        # Pythons of root, such as those of pyenv, are in a folder that other users cannot enter.
        base = shutil.which("python3", path="/usr/local/bin:/usr/bin")
        if base and _starts(prefix, base):
            control = Control(Path(base), folder / "python")
        else:
            obstacle = "other users have no Python 3.10 or newer"
    home = folder / "home"
    home.mkdir()
    for path in (folder, home):
        shutil.chown(path, int(NOBODY), int(NOBODY))
    variables = {
        "HOME": str(home),
        "USER": "nobody",
        "LOGNAME": "nobody",
        **{f"XDG_{name}_HOME": str(home / name) for name in ("CACHE", "CONFIG", "DATA", "STATE")},
        "HYPOTHESIS_STORAGE_DIRECTORY": str(home / "hypothesis"),
        # git reads a repository of another user only if it is told to.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    return Variant(
        USER,
        words,
        variables=variables,
        prefix=prefix,
        options=("-o", f"cache_dir={home / 'pytest'}"),
        control=control,
        obstacle=obstacle,
    )


def _starts(prefix: Sequence[str], python: str) -> bool:
    """Return whether a Python, which must be 3.10 or newer, starts under another user."""
    # It has to start itself: the first start still has the rights of root.
    code = (
        "import subprocess, sys;"
        "sys.exit(sys.version_info < (3, 10) or subprocess.call([sys.executable, '-c', 'import json']))"
    )
    return subprocess.run([*prefix, python, "-c", code], capture_output=True, check=False).returncode == 0


def _control_python(control: Control) -> Path:
    """Return a Python with the packages of the checkout. Raises CalledProcessError if they do not install."""
    python = control.environment / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    if not python.exists():
        subprocess.run([*uv, "venv", "--quiet", f"--python={control.base}", control.environment], check=True)
    install = [*uv, "pip", "install", "--quiet", "--compile-bytecode", f"--python={python}"]
    subprocess.run([*install, "--editable", ".[dev]"], cwd=ROOT, check=True)
    return python


def _without_compiler() -> Variant:
    """Return the variant in which every compiler fails, and nothing was compiled before.

    Its cache stays for the next time. It is part of the user's, because sandboxes hide other places.
    """
    cache = cache_dir("dx-local") / "variants" / NO_COMPILER
    for path in _compiled(cache):
        path.unlink()
    # Not among temporary files: tests mount other folders there.
    programs = cache / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    for name in COMPILERS:
        (programs / name).unlink(missing_ok=True)
        (programs / name).symlink_to("/bin/false")
    variables = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(cache),
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(cache_dir("uv")),
    }
    return Variant(NO_COMPILER, "without a C compiler", variables=variables, cache=cache)


def _compiled(cache: Path) -> list[Path]:
    """Return the compiled programs in a cache."""
    environments = cache / "dx-local" / "environments"
    if not environments.is_dir():
        return []
    return [path for path in environments.iterdir() if path.is_file() and path.suffix not in _NOT_COMPILED]


def _compiled_fault(variant: Variant) -> str | None:
    """Return what is wrong if a test has compiled something in a variant without a compiler."""
    names = ", ".join(path.name for path in _compiled(variant.cache)) if variant.cache else ""
    return f"a test has compiled {names}" if names else None


if __name__ == "__main__":
    sys.exit(main())
