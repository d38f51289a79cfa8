"""The demo of the README: two apps are generated, run on real reads, and their totals checked independently.

Needs nothing but the installed package: `make demo` calls it. Exits with 1 when a total is wrong.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READS = Path("tests") / "data" / "reads.fastq"
APPS = Path("build") / "demo"
BIN = Path(sys.executable).parent


def main() -> None:
    """Run the whole demo from the top of the repository, and exit with 1 when something is wrong."""
    os.chdir(ROOT)
    shutil.rmtree(APPS, ignore_errors=True)
    began = time.monotonic()
    expected = sum(1 for _ in READS.open("rb"))
    totals = {
        pattern: run_app(f"count-reads-{language}", pattern, language)
        for pattern, language in (("scatter-process-gather", "python"), ("parallelized", "bash"))
    }
    say(f"# {READS} has {expected} lines by an independent count")
    for pattern, total in totals.items():
        say(f"# {pattern}: n_lines is {total}")
    say(f"# demo took {time.monotonic() - began:.1f} s")
    if set(totals.values()) != {expected}:
        sys.exit("error: a total is wrong")


def run_app(name: str, pattern: str, language: str) -> int:
    """Generate an app, run it on the reads, and return the total that it put out."""
    new = ["dx-app-wizard", name, "--template", pattern, "--language", language]
    spec = ["--input", "reads:file", "--output", "report:file", "--output", "n_lines:int"]
    call([*new, *spec, "--no-input", "--output-dir", str(APPS)])
    printed = call(["dx-local", "run", str(APPS / name), f"-ireads={READS}"])
    outputs = dict(line.split("\t", 1) for line in printed.splitlines() if "\t" in line)
    say(printed.rstrip())
    say(Path(outputs["report"]).read_text(encoding="utf-8").rstrip())
    return int(outputs["n_lines"])


def call(command: list[str]) -> str:
    """Run one of our commands, shown as a user would type it; return what it printed on stdout."""
    say(f"\n$ {shlex.join(command)}")
    program = BIN / command[0]
    finished = subprocess.run([program, *command[1:]], stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode != 0:
        sys.exit(f"error: {command[0]} ended with exit code {finished.returncode}")
    return finished.stdout


def say(text: str) -> None:
    """Print at once, so that this and what the commands print come in order."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
