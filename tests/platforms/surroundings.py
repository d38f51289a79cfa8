"""Simulated surroundings for `dx-local`: macOS, an old bash, BSD tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.environments import python_environments
from dx_local.engine.environments.python_environments import EnvironmentRequest, prepare_environment
from dx_local.engine.environments.python_versions import running_version
from dx_local.engine.settings import PYTHON_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

DX_LOCAL = Path(sys.executable).with_name("dx-local")

# ps(1) of macOS prints the variables of programs with -E, that of Linux with `e` and without a hyphen.
_PS = """\
#!/bin/sh
if [ "$1" != -axwwE ]; then
    echo "unexpected arguments: $*" >&2
    exit 1
fi
shift
exec {ps} axwwe "$@"
"""

# Programs of GNU or Linux that macOS does not have.
_NOT_ON_MACOS = frozenset(
    {
        *("bash", "flock", "free", "ldd", "lscpu", "lsns", "nproc", "numfmt", "prlimit", "setpriv", "setsid"),
        *("sha256sum", "shuf", "stdbuf", "strace", "tac", "timeout", "unshare"),
    }
)
# Options that only the GNU programs have; the first argument that matches ends the program.
_GNU_OPTIONS = {
    "grep": "-*P*|--perl-regexp",
    "sed": "-i|--in-place*|-r|-z|-s",
    "split": "-d|-n|--*",
    "sort": "-V|--version-sort|--parallel*",
    "readlink": "-e|-m|--canonicalize*",
    "date": "-d|--date*",
    "stat": "-c*|--format*|--printf*",
    "xargs": "-r|-d|-a|--*",
    "find": "-printf|-quit",
    "cp": "-t|--*",
    "mv": "-t|--*",
    "du": "-b|--*",
    "head": "-[nc]-*|--*",
    "base64": "-w*|--*",
    "mktemp": "--suffix*|--tmpdir*",
    "ln": "-r|-T|--*",
    "cut": "--*",
    "uniq": "--*",
    "tr": "--*",
    "seq": "--*",
    "gzip": "--rsyncable",
    "tar": "--sort*|--transform*|--owner*|--group*|--wildcards",
}
_BSD = """\
#!/bin/sh
for argument; do
    case $argument in
    --) break ;;
    {options})
        echo "{name}: illegal option -- ${{argument#-}}" >&2
        exit 1
        ;;
    esac
done
exec {real} "$@"
"""


@dataclass
class Surroundings:
    """Variables with which a command runs, and a command that runs it."""

    variables: dict[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()

    def run(self, *arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `dx-local`."""
        return subprocess.run(
            [*self.prefix, str(DX_LOCAL), *map(str, arguments)],
            env={**os.environ, **self.variables},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def write_program(path: Path, text: str) -> None:
    """Write an executable file."""
    path.write_text(text)
    path.chmod(0o755)


def links_to_programs(folder: Path, without: frozenset[str]) -> Path:
    """Make a folder with links to all programs of the system except some."""
    folder.mkdir()
    for place in ("/usr/bin", "/bin"):
        for program in Path(place).iterdir():
            link = folder / program.name
            if program.name not in without and not link.is_symlink():
                link.symlink_to(program)
    return folder


def bsd_tools(folder: Path) -> Path:
    """Make a folder of programs as on macOS, as far as wrappers and Debian's packages can provide them.

    GNU options are refused, `wc` pads its numbers, and programs that macOS lacks are absent. If there is the
    One True Awk, it is awk.
    """
    links_to_programs(folder, _NOT_ON_MACOS | {*_GNU_OPTIONS, "wc", "awk", "gawk", "mawk"})
    for name, options in _GNU_OPTIONS.items():
        write_program(folder / name, _BSD.format(name=name, options=options, real=shutil.which(name)))
    write_program(folder / "wc", f"#!/bin/sh\n{shutil.which('wc')} \"$@\" | sed 's/^/       /'\n")
    awk = shutil.which("original-awk") or shutil.which("mawk") or shutil.which("awk")
    assert awk
    (folder / "awk").symlink_to(awk)
    return folder


def old_bash(folder: Path, version: str) -> Path:
    """Make a folder with a bash that takes itself for another version: this machine's, with another name.

    It knows the language of this machine's version.
    """
    bash = shutil.which("bash")
    assert bash
    own = subprocess.check_output(
        [bash, "-c", 'printf %s "${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}"'], text=True
    )
    program = Path(bash).read_bytes()
    name = f"\0{own}\0".encode()
    assert program.count(name) == 1
    folder.mkdir()
    changed = folder / "bash"
    changed.write_bytes(program.replace(name, f"\0{version}\0".encode()))
    changed.chmod(0o755)
    said = subprocess.check_output([changed, "-c", 'printf %s "$BASH_VERSION"'], text=True)
    assert said.startswith(f"{version}.")
    return folder


def macos(folder: Path) -> Surroundings:
    """Return surroundings in which `dx-local` and its jobs run as if on macOS; see darwin_shim.py."""
    shim = folder / "shim"
    shim.mkdir()
    shutil.copy(Path(__file__).with_name("darwin_shim.py"), shim)
    (shim / "sitecustomize.py").write_text("import darwin_shim\n")
    programs = folder / "programs"
    programs.mkdir()
    ps = shutil.which("ps")
    assert ps
    write_program(programs / "ps", _PS.format(ps=ps))
    cache = folder / "cache"
    _shimmed_environment(cache / "dx-local" / "environments", shim)
    return Surroundings(
        {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(shim),
            "XDG_CACHE_HOME": str(cache),
            PYTHON_VARIABLE: running_version(),
        }
    )


def _shimmed_environment(environments: Path, shim: Path) -> None:
    """Make a copy of the worker environment whose Python imports the shim when it starts."""
    request = EnvironmentRequest()
    original = prepare_environment(request, announce=print)
    # The key contains no path below the cache.
    copy = environments / python_environments.key_of_environment(request)
    subprocess.run([original.python, "-m", "venv", "--without-pip", copy], check=True)
    site_packages = "import sysconfig; print(sysconfig.get_path('purelib'))"
    (packages,) = subprocess.check_output([original.python, "-c", site_packages], text=True).splitlines()
    (own,) = copy.glob("lib/python*/site-packages")
    # A line of a .pth file that starts with `import` is executed.
    (own / "a_shim.pth").write_text(f"{packages}\n{shim}\nimport darwin_shim\n")
    for program in original.bin.glob("dx*"):
        text = program.read_text().replace(f"#!{original.bin}/", f"#!{copy}/bin/", 1)
        write_program(copy / "bin" / program.name, text)
    (copy / python_environments._COMPLETE).write_text("{}\n")


def script(text: str) -> str:
    """Return a script without the indentation of the test around it."""
    return textwrap.dedent(text).lstrip("\n")
