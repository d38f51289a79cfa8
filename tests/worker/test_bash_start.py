"""The two ways in which bash jobs start, with and without a fork: jobs cannot tell them apart."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.worker.conftest import Workshop, zygotes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worker.conftest import Sleep

    from dx_local.engine.environments.python_environments import WorkerEnvironment

each_way = pytest.mark.parametrize("way", ["workshop", "forking_workshop"])

COLLISION = "Creating environment variable (SHELL) would cause a name collision"

# Everything that a program can learn of its own start.
PROBES = {
    "variables": "sort -z $me/environ | tr '\\0' '\\n'",
    "exported": "env",
    "arguments": "tr '\\0' '\\n' < $me/cmdline",
    "status": "grep -E '^(Tracer|[UG]id|Groups|Sig[BIC]|ShdPnd|Cap|NoNew|Secc|Cpus)' $me/status",
    "limits": "cat $me/limits; ulimit -a; ulimit -aH",
    "files": "find $me/fd -printf '%f %l\\n'; grep -h flags $me/fdinfo/[012]",
    "umask": "umask",
    "group": "cat $me/cgroup $me/oom_score_adj $me/timerslack_ns $me/coredump_filter $me/personality",
    "session": """read -r _ name state parent group session terminal foreground flags rest < $me/stat
        echo "$parent $((group == $$)) $((session == $$)) $terminal $foreground $flags"
        nice; chrt -p $$ | cut -d"'" -f2""",
    "folder": "pwd -P; echo $OLDPWD; readlink $me/cwd $me/root $me/exe",
    "user": "id; cat $me/uid_map $me/gid_map; cat $me/setgroups",
    "shared namespaces": "readlink $me/ns/*",
    "home": "find . -printf '%M %u %g %P\\n' | sort; tail -n +1 .bash* environment job-*",
    "mounts": "cut -d' ' -f4- $me/mountinfo",
    "processes": "listed=$(ls /proc); grep -c '^[0-9]' <<< \"$listed\"",
}
PROBE = "set +e\nme=/proc/$$\n" + "".join(
    f"printf '\\001{name}\\n'\n{script}\n" for name, script in PROBES.items()
)
# Numbers in paths and of open files, which differ between any two jobs.
DIFFERENT = re.compile(
    r"(?<=tools-)\d+|(?<=dx-jobs-)\w+|(?<=/jobs)\d+|(?<=pipe:\[)\d+|^/\d+(?= )"
    r"|(?<=sandboxes/)\d+|(?<=temporary/)\d+|(?<=base/)\d+|(?<=assembly/)\d+"
)


def probed(shop: Workshop) -> dict[str, list[str]]:
    """Return what a job finds out, without numbers of its own, and only the namespaces of this process."""
    job = shop.run(
        f"main() {{\n{PROBE}}}",
        "bash",
        job_input={"count": 3, "names": ["a b", "c"]},
        variables={"DX_JOB_ID": "job-000000000000000000009999", "DX_TEXT": "ä\n'\""},
    )
    assert (job.code, job.said("STDERR")) == (0, [])
    text = "\n".join(DIFFERENT.sub("#", line) for line in job.said())
    found = dict(part.split("\n", 1) for part in text.split("\1")[1:])
    sections = {name: lines.splitlines() for name, lines in found.items()}
    if not shop.is_isolated:
        # A job sees its zygote and all other processes.
        parent, rest = sections["session"][0].split(" ", 1)
        assert int(parent) == zygotes_of(shop)[-1]
        sections["session"][0] = rest
        sections["processes"] = ["many"]
    own = {str(path.readlink()) for path in Path("/proc/self/ns").iterdir()}
    sections["shared namespaces"] = [line for line in sections["shared namespaces"] if line in own]
    return sections


@pytest.fixture(scope="module")
def found(workshop: Workshop, forking_workshop: Workshop) -> list[dict[str, list[str]]]:
    """The findings of a job that was started in each way."""
    return [probed(workshop), probed(forking_workshop)]


@pytest.mark.parametrize("probe", PROBES)
def test_jobs_find_the_same_either_way(found: list[dict[str, list[str]]], probe: str) -> None:
    assert found[0][probe] == found[1][probe] != []


@each_way
@pytest.mark.parametrize(
    ("code", "expected", "level", "said"),
    [
        pytest.param("main() { exit 3; }", 3, "STDOUT", [], id="exit"),
        pytest.param("main() { kill -9 $$; }", -9, "STDOUT", [], id="signal"),
        pytest.param("main() { kill -TERM 0; sleep 60; }", -15, "STDOUT", [], id="signal-to-its-group"),
        pytest.param("main() { cat; head -c 9 /dev/zero | wc -c; }", 0, "STDOUT", ["9"], id="output"),
        pytest.param("main() { echo no >&2; }", 0, "STDERR", ["no"], id="errors"),
        pytest.param("main() { echo ${#text} >&2; }", 0, "STDERR", [str(1 << 20)], id="large-input"),
        pytest.param("main() { echo $SHELL; }", 0, "STDERR", [COLLISION], id="collision"),
    ],
)
def test_a_job_ends_as_its_code_does(
    way: str, request: pytest.FixtureRequest, code: str, expected: int, level: str, said: list[str]
) -> None:
    shop: Workshop = request.getfixturevalue(way)
    job_input = {"text": "x" * (1 << 20)} if "text" in code else {"SHELL": "mine"} if "SHELL" in code else {}
    job = shop.run(code, "bash", job_input=job_input)
    assert (job.code, job.said(level)) == (expected, said)


@each_way
def test_what_a_job_starts_is_killed_with_it(way: str, request: pytest.FixtureRequest, sleep: Sleep) -> None:
    shop: Workshop = request.getfixturevalue(way)
    job_id = shop.start(f"main() {{ {sleep.command} & echo up; {sleep.command}; }}", "bash")
    shop.wait_for_line(job_id, "up")
    assert sleep.runs(2)
    shop.executor.kill(job_id)
    assert shop.wait(job_id).code == -signal.SIGTERM
    assert sleep.has_ended()


@each_way
def test_a_job_is_held_to_its_memory(way: str, request: pytest.FixtureRequest) -> None:
    code = "main() { python3 -c 'x = bytearray(300 << 20)'; }"
    job = request.getfixturevalue(way).run(code, "bash", memory_limit=200 << 20)
    assert (job.code, job.said("STDERR")[-1]) == (1, "MemoryError")


FAILING_STARTS = {
    "missing": ("/nowhere", {}, "[Errno 2] No such file or directory: 'bash'"),
    "no-program": ("{bin}", {}, "[Errno 8] Exec format error: 'bash'"),
    "too-large": (None, {"DX_LARGE": "x" * 200_000}, "[Errno 7] Argument list too long: 'bash'"),
}


@each_way
@pytest.mark.parametrize(("path", "variables", "error"), FAILING_STARTS.values(), ids=FAILING_STARTS)
def test_a_bash_that_cannot_start_is_reported(
    way: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    path: str | None,
    variables: dict[str, str],
    error: str,
) -> None:
    (tmp_path / "bash").write_bytes(b"\0\1\2\3")
    (tmp_path / "bash").chmod(0o755)
    if path:
        variables = {"PATH": path.format(bin=tmp_path)}
    job = request.getfixturevalue(way).run(
        "main() { :; }", "bash", variables=variables, visible_paths=[tmp_path]
    )
    assert (job.code, job.said("STDERR")) == (1, [f"The job's process could not be started: {error}"])


def test_most_jobs_are_not_copies_of_the_zygote(workshop: Workshop, forking_workshop: Workshop) -> None:
    if workshop.environment.tool_client is None:
        pytest.skip("without a compiler all jobs are forked")
    faults = "main() { local f; read -ra f < /proc/$$/stat; echo ${f[9]}; }"
    spawned, forked = (int(shop.run(faults, "bash").said()[0]) for shop in (workshop, forking_workshop))
    # A fork of Python writes to hundreds of pages before it becomes bash, which cannot be undone.
    assert spawned < forked - 100


@pytest.fixture(scope="module")
def deaf_workshop(
    tmp_path_factory: pytest.TempPathFactory, worker_environment: WorkerEnvironment
) -> Iterator[Workshop]:
    """A workshop started as by nohup, in the background of a script, with a signal blocked."""
    shop = Workshop(tmp_path_factory.mktemp("jobs"), worker_environment)
    ignored = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR2)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        shop.run("main() { :; }", "bash")  # the first job starts the zygote
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
        for number, handler in before.items():
            signal.signal(number, handler)
    yield shop
    shop.close()
    shop.loop.close()


OF_C_LIBRARY = {32, 33}
"""Signals that no program can set; some callers ignore one."""


def signals_in(line: str) -> set[int]:
    """Return the signals in a line such as `SigIgn:	0000000000000004`."""
    mask = int(line.partition(":")[2], 16)
    return {number + 1 for number in range(mask.bit_length()) if mask >> number & 1}


SIGNALS = "grep -E 'Sig(Blk|Ign)' /proc/self/status"
IN_PYTHON = f"""import signal, subprocess
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
subprocess.run({SIGNALS!r}, shell=True)"""


@pytest.mark.parametrize(
    ("code", "interpreter", "note"),
    [
        pytest.param(f"main() {{ {SIGNALS}; }}", "bash", "", id="spawned"),
        pytest.param(f"main() {{ {SIGNALS}; }}", "bash", "$dnanexus_link", id="forked"),
        pytest.param(IN_PYTHON, "python3", "", id="python"),
    ],
)
def test_jobs_get_default_signals_whatever_the_caller_ignores(
    deaf_workshop: Workshop, code: str, interpreter: str, note: str
) -> None:
    """A text that looks like a link has the job forked, as an input with files does."""
    job = deaf_workshop.run(code, interpreter, job_input={"note": note})
    assert job.code == 0
    assert [signals_in(line) - OF_C_LIBRARY for line in job.said()] == [set(), set()]
