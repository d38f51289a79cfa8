"""Try a command template on sample files in a fresh folder, and report the files that it leaves there.

The command runs the same lines as the app's script, on copies of the sample files. If the kernel has
Landlock, it cannot write anywhere else, and cannot open TCP connections.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.command_template.script import standalone
from dx_app_wizard.importing import landlock
from dx_app_wizard.importing.endings import stem_of
from dx_app_wizard.importing.limits import Limits, Stopped, wait_within

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_app_wizard.command_template.template import CommandTemplate

TIME_LIMIT = 600
"""Seconds after which a trial is stopped."""

LARGEST_FILE = 1 << 30
"""Bytes that a file may have that a trial writes, so that an endless command does not fill the disk."""

LARGEST_TOTAL = 4 << 30
"""Bytes that all files of a trial may have together."""

_SIZE_EXCEEDED = 128 + signal.SIGXFSZ
_LAST_LINES = 6
_LONGEST_LINE = 300


@dataclass(frozen=True)
class Sample:
    """The values of inputs for a trial: files by the input's name, and the texts of other values."""

    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial in `folder`.

    `made` are the new files outside of out/, and `changed` the sample files that it changed, as paths in the
    folder. `outputs` are the files in out/, by output. `printed` is the number of bytes on stdout.
    """

    folder: Path
    exit_code: int
    seconds: float
    last_lines: tuple[str, ...]
    printed: int
    made: tuple[str, ...]
    changed: tuple[str, ...]
    outputs: Mapping[str, tuple[str, ...]]
    stopped: Stopped | None = None

    @property
    def passed(self) -> bool:
        """True if the command succeeded."""
        return self.exit_code == 0 and self.stopped is None

    @property
    def exceeded_size(self) -> bool:
        """True if a program was stopped at the largest size of files."""
        return self.exit_code in (_SIZE_EXCEEDED, -signal.SIGXFSZ)


def is_confined() -> bool:
    """Return whether trials on this machine cannot write outside of their folders."""
    return landlock.version() > 0


def try_command(
    template: CommandTemplate,
    sample: Sample,
    folder: Path,
    resources: Mapping[str, Path] | None = None,
    script: str | None = None,
) -> TrialResult:
    """Run the command in the new folder, and return the result.

    `script` runs instead of the command alone, with the same outputs. `resources` are files of the app's
    resources/ by their paths there; those of the job's home and of /usr/local/bin are put in place. Raises
    OSError if the folder cannot be prepared.
    """
    home = folder / "home"
    programs = folder / "programs"
    for path in (home, programs, folder / "tmp"):
        path.mkdir(parents=True)
    for target, source in (resources or {}).items():
        _place_resource(source, target, home, programs)
    variables = _variables(template, sample, home)
    text = standalone(template) if script is None else script
    (folder / "command.sh").write_text(f"shopt -s inherit_errexit\n{text}", encoding="utf-8")
    before = _digests(home)
    environment = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(folder / "tmp"),
        "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
    }
    # Arrays cannot be passed in the environment, so that all variables are set by a file.
    (folder / "variables.sh").write_text(variables, encoding="utf-8")
    started = time.monotonic()
    exit_code, stopped = _run(folder, home, environment)
    seconds = time.monotonic() - started
    after = _digests(home)
    changed = tuple(sorted(path for path in before if path in after and after[path] != before[path]))
    new = sorted(path for path in after if path not in before)
    outputs: dict[str, tuple[str, ...]] = {}
    for hole in template.outputs:
        start = f"out/{hole.name}/"
        outputs[hole.name] = tuple(path for path in new if path.startswith(start))
    made = tuple(path for path in new if not path.startswith("out/"))
    return TrialResult(
        home,
        exit_code,
        seconds,
        _last_lines(folder / "stderr"),
        (folder / "stdout").stat().st_size,
        made,
        changed,
        outputs,
        stopped,
    )


def _run(folder: Path, home: Path, environment: Mapping[str, str]) -> tuple[int, Stopped | None]:
    """Run the command; return its exit code, and the limit at which it was stopped."""
    limited = f'ulimit -S -f {LARGEST_FILE >> 10} 2> /dev/null; source "$1"; source "$2"'
    command = ["bash", "-c", limited, "bash"]
    command += [str(folder / "variables.sh"), str(folder / "command.sh")]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            landlock.confined(command, folder),
            cwd=home,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        stopped = wait_within(process, Limits(TIME_LIMIT, LARGEST_TOTAL, folder))
        return process.returncode, stopped


def _variables(template: CommandTemplate, sample: Sample, home: Path) -> str:
    """Put the sample files into in/NAME/, and return the variables that the platform sets, as bash.

    As on the platform, each file of an array is in a folder of its own.
    """
    arrays = {hole.name for hole in template.inputs if hole.is_array}
    arrays |= {index.name for hole in template.inputs for index in hole.index_inputs if index.is_array}
    lines: list[str] = []
    for name, files in sample.files.items():
        target = home / "in" / name
        target.mkdir(parents=True)
        placed: list[str] = []
        for number, file in enumerate(files):
            inside = target / str(number).zfill(len(str(len(files) - 1))) if name in arrays else target
            inside.mkdir(exist_ok=True)
            shutil.copy2(file, inside / file.name)
            placed.append(str(inside / file.name))
        stems = [stem_of(path) for path in placed]
        lines += [_assignment(f"{name}_path", placed), _assignment(f"{name}_prefix", stems)]
        lines.append(_assignment(f"{name}_name", [Path(path).name for path in placed]))
    lines += [_assignment(name, list(value)) for name, value in sample.values.items()]
    return "".join(f"{line}\n" for line in lines)


def _assignment(name: str, values: list[str]) -> str:
    quoted = ["'" + value.replace("'", "'\\''") + "'" for value in values]
    return f"{name}=({' '.join(quoted)})"


def _place_resource(source: Path, target: str, home: Path, programs: Path) -> None:
    folder = home if target.startswith("home/dnanexus/") else programs
    inside = folder / Path(target).name
    shutil.copy2(source, inside)
    if folder == programs:
        inside.chmod(inside.stat().st_mode | 0o111)


def _digests(folder: Path) -> dict[str, str]:
    """Return a digest of each file below folder, by its path; links are not followed, and have no digest."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
            found[path.relative_to(folder).as_posix()] = digest.hexdigest()
    return found


def _last_lines(path: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LAST_LINES * _LONGEST_LINE))
        lines = file.read().decode(errors="replace").splitlines()
    return tuple(line[:_LONGEST_LINE] for line in lines[-_LAST_LINES:])
