"""Our own shell scripts, and the bash code of generated apps, keep to what macOS has: bash 3.2, BSD tools."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dx_local.worker
from dx_local.worker.programs import IMAGE

ROOT = Path(__file__).parents[2]
WORKER = Path(dx_local.worker.__file__).parent

# Jobs without a sandbox run these, with the bash that their first line names.
BASH_SCRIPTS = [*sorted(Path(IMAGE, "usr/bin").iterdir()), WORKER / "runners" / "newer_bash.sh"]
SH_SCRIPTS = [WORKER / "dxpy_defaults" / "dx", WORKER / "bin" / "dx-jobutil-add-output"]
# apt, apt-get and dpkg are for sandboxes only, with the root folder of a Debian.
TEMPLATES = sorted((ROOT / "templates" / "app" / "templates" / "bash").rglob("*.jinja"))

NEWER_THAN_3_2 = {
    "case of a variable": r"\$\{\w+(\[[^]]*\])?(,|\^)",
    "transformation": r"\$\{\w+@[A-Za-z]\}",
    "arrays from lines": r"\b(mapfile|readarray)\b",
    "associative array or reference": r"\b(declare|local|typeset) -\w*[Angul]",
    "both streams": r"\|&|&>>",
    "case that goes on": r";;?&",
    "a time": r"%\(",
    "a test of a variable": r"\[\[ -[vR]",
    "an option": r"shopt -s \w*(globstar|lastpipe|inherit_errexit|checkjobs|dirspell|autocd)",
    "a coprocess": r"\bcoproc\b",
    "a negative index": r"\[-\d",
    "a file descriptor in a variable": r"\{\w+\}[<>]",
}
ONLY_GNU = {
    "sed -i": r"\bsed\b[^|\n]* (-i|--in-place|-r|-z)\b",
    "grep -P": r"\bgrep\b[^|\n]* -\w*P",
    "readlink -f": r"\breadlink -",
    "realpath": r"\brealpath\b",
    "long options": r"(^|[|;(] *)(sed|grep|awk|split|sort|head|tail|cut|tr|wc|cp|mv|rm|ln|date) [^|\n]*--\w",
    "split -d": r"\bsplit\b[^|\n]* -\w*[dn]\b",
    "sort -V": r"\bsort\b[^|\n]* -\w*V",
    "date -d": r"\bdate -d",
    "stat -c": r"\bstat -c",
    "xargs -r": r"\bxargs\b[^|\n]* -\w*[rd]\b",
    "find -printf": r"\bfind\b[^|\n]* -(printf|quit)",
    "head -n -1": r"\bhead -[nc] ?-",
    "base64 -w": r"\bbase64 -w",
    "functions of gawk": r"\b(gensub|asort|strftime|systime|PROCINFO|BEGINFILE|ENDFILE)\b",
    "programs": r"(^|[|;($] *)(tac|shuf|timeout|flock|numfmt|md5sum|sha256sum|stdbuf|setsid|nproc)\b",
}


def uses(path: Path, features: dict[str, str]) -> list[str]:
    """Return the lines that use one of the features, comments left out."""
    lines = [line for line in path.read_text().splitlines() if not re.match(r"\s*(#|\{#)", line)]
    return [
        f"{path.name}: {feature}: {line.strip()}"
        for line in lines
        for feature, pattern in features.items()
        if re.search(pattern, line)
    ]


# It ends before these lines if there is no /proc.
DSTAT_NEEDS_PROC = ("dx-dstat: a file descriptor in a variable", "dx-dstat: programs")


@pytest.mark.parametrize("path", BASH_SCRIPTS, ids=lambda path: path.name)
def test_bash_3_2_knows_the_language(path: Path) -> None:
    found = [use for use in uses(path, NEWER_THAN_3_2) if not use.startswith(DSTAT_NEEDS_PROC)]
    assert found == []


@pytest.mark.parametrize("path", [*BASH_SCRIPTS, *SH_SCRIPTS, *TEMPLATES], ids=lambda path: path.name)
def test_bsd_tools_know_the_options(path: Path) -> None:
    assert [use for use in uses(path, ONLY_GNU) if not use.startswith(DSTAT_NEEDS_PROC)] == []


@pytest.mark.parametrize(
    ("code", "features"),
    [
        ("case ${archive,,} in", NEWER_THAN_3_2),
        ("mapfile -t names < <(ls)", NEWER_THAN_3_2),
        ("exec {never}<> <(:)", NEWER_THAN_3_2),
        ("local -A by_name", NEWER_THAN_3_2),
        ("LC_ALL=C grep -q -a -P '\\x00' file", ONLY_GNU),
        ("sed -i s/a/b/ file", ONLY_GNU),
        ('own=$(readlink -f "$0")', ONLY_GNU),
        ("cpus=$(nproc)", ONLY_GNU),
    ],
)
def test_such_lines_are_noticed(tmp_path: Path, code: str, features: dict[str, str]) -> None:
    (tmp_path / "script").write_text(f"# sed -i\n{code}\n")
    assert len(uses(tmp_path / "script", features)) == 1
