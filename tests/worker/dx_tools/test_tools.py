"""The programs of dxpy in forks of the tool server behave like the programs themselves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import TEST_PYTHON, WARM_TOOLS
from tests.worker.conftest import zygotes_of

from dx_app_wizard.user_dirs import cache_dir
from dx_local.engine.environments.python_environments import prepare_environment, request_of_python

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform
    from tests.worker.conftest import Ended, Workshop

    from dx_local.engine.environments.python_environments import WorkerEnvironment

# The scripts whose behaviour is compared; those of one group share a workspace.
SCRIPTS = {
    "words": [
        "dx",
        "dx --help | md5sum",
        "dx --version",
        "dx nonsense",
        "dx upload",
        "dx upload --nonsense x",
        "dx describe",
        "dx describe --help",
        "COLUMNS=50 dx describe --help",
        "dx describe file-000000000000000000000000",
        "dx describe nothing:here",
        "dx describe --json $DX_JOB_ID | wc -l",
        "dx describe $DX_PROJECT_CONTEXT_ID | grep -v -e Created -e modified",
        "dx describe numbers --name; TZ=Asia/Tokyo dx describe numbers | grep Created | cut -c 1-30",
        "dx env | grep -v -e token -e Auth",
        "dx get_details numbers",
        "dx find data --name 'num*' --brief",
        "dx find jobs --brief -n 1 | wc -l",
        "dx pwd",
        "dx mkdir -p /a/b; dx cd /a; dx pwd; (dx pwd); dx cd /; dx pwd",
        "dx cd /a && bash -c 'dx pwd; dx cd b; dx pwd'; dx pwd",
        "dx whoami",
        "dx ls --brief /none",
        "_DX_DEBUG=1 dx whoami",
    ],
    "text": [
        "printf 'caf\\xc3\\xa9' > 'ein café.txt'; dx upload --brief 'ein café.txt'; dx ls | grep café",
        "dx mkdir $'/line\\nbreak' '/ spaces  ' '/\"quotes\"' '/$(touch no)'; dx ls /",
        "dx ls $'/\\xff\\xfe'",
        "dx mkdir ''",
        "dx set_properties numbers k='a b=c' é=ü; dx describe numbers --json | grep -A 3 properties",
    ],
    "streams": [
        "printf 'a\\nb\\n' | dx upload - --brief --destination piped.txt; dx cat piped.txt",
        "{ head -n 2 > /dev/null; dx upload --brief - --destination rest; } < lines; dx cat rest",
        "dx upload --brief - --destination from-file < numbers; dx cat from-file | md5sum",
        "dx upload --brief - --destination nothing < /dev/null; dx cat nothing | wc -c",
        "dx upload --brief --wait numbers; dx cat numbers | head -n 2",
        "dx cat numbers | wc -c; dx cat numbers | tail -n 1 | tee copy",
        "dx upload --brief <(echo substituted) --destination substituted; dx cat substituted",
        "exec 7< lines; dx upload --brief /dev/fd/7 --destination seven; dx cat seven",
        "{ dx pwd; echo between; dx pwd; } > both; cat both; dx pwd >> both; wc -l < both",
        'x=$(dx pwd) y=`dx whoami`; echo "[$x] [$y]"',
        "dx download numbers -o again --no-progress; cmp numbers again; dx download numbers --no-progress",
        "dx cat numbers > /dev/full",
        "dx describe --help > /dev/full",
        "dx whoami > /dev/full",
        "dx nonsense 2> /dev/full",
        "dx cat numbers | true; echo ${PIPESTATUS[0]}",
        "dx cat numbers | head -c 5; echo ${PIPESTATUS[@]}",
        "dx whoami >&-",
        "dx whoami <&-",
        "dx nonsense 2>&-",
    ],
    "many": [
        "for i in 1 2 3 4 5 6; do (dx pwd; exit $i) & done; wait",
        "seq 6 | xargs -P 3 -I N dx mkdir -p /many/N; dx ls /many",
        "dx pwd > background & wait $!; echo $?; cat background",
    ],
    "helpers": [
        'dx-jobutil-parse-link \'{"$dnanexus_link": "file-xxxx"}\'',
        "dx-jobutil-dxlink 'file-xxxx'",
        "dx-jobutil-parse-link nonsense",
        "dx-jobutil-add-output; echo $?",
        "HOME=$PWD dx-jobutil-add-output a '\"' --class string; cat job_output.json",
        "HOME=$PWD dx-jobutil-add-output b 3; HOME=$PWD dx-jobutil-add-output b 4; cat job_output.json",
        "HOME=$PWD dx-jobutil-add-output c x --class int; echo $?",
        "HOME=$PWD dx-jobutil-add-output d file-000000000000000000000000 --array; cat job_output.json",
        "HOME=$PWD dx-jobutil-report-error 'ein Fehler: naïve'; cat job_error.json",
        "dx-jobutil-new-job process -iindex:int=3 --name N; dx find jobs --name N --brief | wc -l",
        "dx-print-bash-vars job_input.json; HOME=$PWD dx-print-bash-vars",
        "mkdir -p out/x; cp lines out/x; HOME=$PWD dx-upload-all-outputs; cat job_output.json",
        "dx-download-all-inputs --help | md5sum",
    ],
    "surroundings": [
        "unset DX_WORKSPACE_ID; dx pwd; dx ls",
        "DX_PROJECT_CONTEXT_ID= dx pwd",
        "DX_SECURITY_CONTEXT='{' dx whoami",
        "DX_APISERVER_PORT=1 timeout 1 dx whoami 2> /dev/null",
        "unset DX_JOB_ID; dx pwd",
        "LC_ALL=C dx ls",
        "PYTHONWARNINGS=error dx pwd",
        'env -i PATH="$PATH" dx pwd',
        'env -i PATH="$PATH" DX_JOB_ID=$DX_JOB_ID LC_ALL=C.UTF-8 dx pwd',
        "umask 077; dx download numbers -o private --no-progress; stat -c %a private",
        "ulimit -f 1; dx download numbers -o cut --no-progress > /dev/null 2>&1; stat -c %s cut",
        "ulimit -n 9; dx cat lines",
        "rm -rf gone; mkdir gone; cd gone; rmdir ../gone; dx pwd",
        "seq 3 | dx-log-stream -l nonsense",
        "unshare -Urm bash -c 'mount -t tmpfs x /mnt; echo x > /mnt/x; dx upload --brief /mnt/x; dx cat x'",
    ],
    "signals": [
        "ended_by INT",
        "ended_by TERM",
        "ended_by HUP",
        "ended_by KILL",
        "ended_by USR1",
        "ended_by ALRM",
        "(trap '' TERM; ended_by TERM)",
        "timeout -s TERM 3 dx upload --brief - --destination timed < <(sleep 5); echo $?",
        "(trap '' HUP; dx pwd)",
    ],
}
WITHOUT_CLIENTS = "PATH=$(printf %s \"$PATH\" | sed 's|[^:]*/tools-[0-9]*:||')\n"
RUN_ALL = """
# Send a signal to an upload that has started to read.
ended_by() {
    rm -f begun
    { head -c 300000 /dev/zero; touch begun; sleep 1; } |
        env --default-signal=INT dx upload --brief - --destination "by $1" &
    until [ -e begun ]; do sleep 0.02; done
    kill "-$1" $!
    wait $!
    echo $?
}
main() {
    cd ~/scripts
    dx upload --brief --wait numbers lines > /dev/null
    set +e
    export -f ended_by
    for script in [0-9]*; do
        bash "$script" > "out-$script" 2> "err-$script" < /dev/null
        echo $? > "code-$script"
    done
}
"""


@pytest.fixture(params=["compiled", "in Python"])
def environment(request: pytest.FixtureRequest, worker_environment: WorkerEnvironment) -> WorkerEnvironment:
    """The worker environment with either of the two clients."""
    if request.param == "in Python":
        return replace(worker_environment, tool_client=None)
    if worker_environment.tool_client is None:
        pytest.skip("there is no compiler here")
    return worker_environment


def run_scripts(
    workshop: Workshop, served: ServedPlatform, scripts: list[str], before: str = "", **more: Any
) -> list[dict[str, str]]:
    """Run scripts in one job; return the output and exit code of each, and the content of the workspace."""
    layer = served.folder / "layer"
    folder = layer / "home" / "dnanexus" / "scripts"
    folder.mkdir(parents=True)
    (folder / "numbers").write_text("\n".join(map(str, range(200_000))))
    (folder / "lines").write_text("one\ntwo\nthree\nfour\n")
    (folder / "job_input.json").write_text('{"n": 3, "text": "a b"}')
    for number, script in enumerate(scripts):
        (folder / f"{number:03}").write_text(script)
    served.project = served.post("/project/new", {"name": "P"})["id"]
    job_id = served.job()
    job = workshop.run_on(served, f"{before}{RUN_ALL}", "bash", job_id=job_id, layers=(layer,), **more)
    assert job.code == 0, job.said("STDERR")
    shutil.rmtree(layer)
    folder = job.folder.home / "scripts"

    def read(path: Path) -> str:
        text = re.sub(r"\b([a-z]+)-[0-9A-Za-z]{24}\b", r"\1-ID", path.read_text("utf-8", "replace"))
        text = re.sub(r"\b\d{10}\.\d+|\b\d{13}-\d+|\(\d+ms\)", "TIME", text)
        return re.sub(r"(line \d+:)? +\d+(?= (Done|Hangup|Killed|User|Alarm))", "PROCESS", text)

    results = [
        {"script": script, **{kind: read(folder / f"{kind}-{number:03}") for kind in ("out", "err", "code")}}
        for number, script in enumerate(scripts)
    ]
    workspace = served.variables(job_id)["DX_WORKSPACE_ID"]
    return [*results, {"state": contents(served, workspace)}]


def contents(served: ServedPlatform, container: str) -> str:
    """Return the content of a container, as text without IDs and times."""
    fields = {"name": True, "folder": True, "state": True, "size": True, "properties": True}
    search = {"scope": {"project": container}, "describe": {"fields": fields}}
    found = served.post("/system/findDataObjects", search)["results"]
    described = [{**each["describe"], "id": None} for each in found]
    folders = served.post(f"/{container}/describe", {"fields": {"folders": True}})["folders"]
    return "\n".join([*sorted(folders), *sorted(json.dumps(each, sort_keys=True) for each in described)])


@pytest.mark.parametrize(
    "group", [pytest.param(name, marks=() if name == "text" else pytest.mark.slow) for name in SCRIPTS]
)
def test_programs_do_what_they_do_when_started_plainly(
    workshop: Workshop, served: ServedPlatform, environment: WorkerEnvironment, group: str
) -> None:
    plain = run_scripts(workshop, served, SCRIPTS[group], WITHOUT_CLIENTS)
    warm = run_scripts(workshop, served, SCRIPTS[group], environment=environment)
    differences = [
        f"{of_warm.get('script', 'state')}\n  {key}\n    warm  {of_warm[key]!r}\n    plain {of_plain[key]!r}"
        for of_warm, of_plain in zip(warm, plain, strict=True)
        for key in of_warm
        if of_warm[key] != of_plain[key]
    ]
    assert "\n".join(differences) == ""


def run_bash(workshop: Workshop, served: ServedPlatform, script: str) -> Ended:
    return workshop.run_on(served, f"main() {{\n{script}\n}}\n", "bash")


def test_large_streams_pass_unchanged(workshop: Workshop, served: ServedPlatform) -> None:
    script = """
    head -c 50000000 /dev/urandom > data
    dx upload - --brief --wait --destination data < data > /dev/null
    dx cat data | cmp - data && echo same
    """
    assert run_bash(workshop, served, script).said() == ["same"]


def test_a_log_stream_reaches_the_log(workshop: Workshop, served: ServedPlatform) -> None:
    job = run_bash(workshop, served, "echo important | dx-log-stream --source DX_APP --level warning")
    assert job.said("WARNING") == ["important"]


needs_namespaces = pytest.mark.skipif(
    subprocess.run(["unshare", "-Urmnpf", "true"], capture_output=True, check=False).returncode != 0,
    reason="user namespaces are not allowed here",
)


def clients_of(shop: Workshop) -> Path:
    """Return the folder of clients, which exists from the first job on."""
    shop.run("main() { :; }", "bash")
    assert shop.executor._folder
    (folder,) = Path(shop.executor._folder.path).glob("tools-*")
    return folder


@WARM_TOOLS
@pytest.mark.parametrize(
    "command",
    [
        "dx --version",
        "nohup dx --version",
        "timeout 9 dx --version",
        "setsid -w dx --version",
        "dx --version < /dev/null | cat",
        pytest.param("unshare -Ur dx --version", marks=needs_namespaces),
        pytest.param("unshare -Urmn dx --version", marks=needs_namespaces),
        "(ulimit -n 20; nice -n 3 taskset -c 0 dx --version)",
        "env -i DX_JOB_ID=$DX_JOB_ID LC_ALL=C.UTF-8 $(command -v dx) --version",
    ],
)
def test_the_server_runs_it(own_workshop: Workshop, served: ServedPlatform, command: str) -> None:
    # The programs themselves are removed, so that a client succeeds only with the server.
    shutil.rmtree(clients_of(own_workshop) / ".plain")
    job = run_bash(own_workshop, served, command)
    assert job.said() == ["dx v0.417.1"], job.said("STDERR")


@WARM_TOOLS
def test_the_server_runs_it_for_a_client_in_python(own_workshop: Workshop, served: ServedPlatform) -> None:
    own_workshop.environment = replace(own_workshop.environment, tool_client=None)
    shutil.rmtree(clients_of(own_workshop) / ".plain")
    assert run_bash(own_workshop, served, "dx --version").said() == ["dx v0.417.1"]


@pytest.fixture(scope="module")
def environment_in_a_long_folder(tmp_path_factory: pytest.TempPathFactory) -> WorkerEnvironment:
    """An environment whose path is too long for the first line of a program, and has blanks."""
    cache = tmp_path_factory.mktemp("cache") / "a home with blanks, größer als üblich" / ("x" * 60)
    uv_cache = os.environ.get("UV_CACHE_DIR") or str(cache_dir("uv"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.setenv("UV_CACHE_DIR", uv_cache)
        request = request_of_python(TEST_PYTHON)
        assert request
        made = prepare_environment(request, announce=print)
    assert (made.bin / "dx").read_bytes().startswith(b"#!/bin/sh\n")
    return made


@pytest.mark.slow
@pytest.mark.parametrize("is_compiled", [True, False])
def test_the_server_runs_it_in_a_folder_with_a_long_path(
    own_workshop: Workshop,
    served: ServedPlatform,
    environment_in_a_long_folder: WorkerEnvironment,
    is_compiled: bool,
) -> None:
    client = environment_in_a_long_folder.tool_client if is_compiled else None
    own_workshop.environment = replace(environment_in_a_long_folder, tool_client=client)
    clients = clients_of(own_workshop)
    assert (clients / ".known" / "dx-jobutil-add-output").exists() == is_compiled
    shutil.rmtree(clients / ".plain")
    job = run_bash(
        own_workshop, served, "dx --version; dx-jobutil-add-output --help | head -n 1 | cut -c 1-5"
    )
    assert job.said() == ["dx v0.417.1", "usage"], job.said("STDERR")


@pytest.mark.parametrize(
    "command",
    [
        "env -u DX_JOB_ID dx --version",
        "LC_ALL=C dx --version",
        "PYTHONWARNINGS=default dx --version",
        "dx --version <&-",
        pytest.param("unshare -Urpf dx --version", marks=needs_namespaces),
        "script -qec 'dx --version' /dev/null < /dev/null | tr -d '\\r'",
    ],
)
def test_what_the_server_cannot_do_the_program_does_itself(
    workshop: Workshop, served: ServedPlatform, command: str
) -> None:
    assert run_bash(workshop, served, command).said() == ["dx v0.417.1"]


@WARM_TOOLS
@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees which child of a zygote is the server")
def test_without_the_server_the_program_itself_runs(own_workshop: Workshop, served: ServedPlatform) -> None:
    script = "dx --version; echo ready; until [ -e go ]; do sleep 0.05; done; dx --version | tail -n 1"
    variables = {k: v for k, v in served.variables(served.job()).items() if k.startswith("DX_")}
    job_id = own_workshop.start(f"main() {{ {script}; }}", "bash", platform=True, variables=variables)
    own_workshop.wait_for_line(job_id, "ready")
    os.kill(tool_server_of(own_workshop), signal.SIGKILL)
    (home,) = own_workshop.folder.glob(f"*{job_id}/home")
    (home / "go").touch()
    assert own_workshop.wait(job_id).said()[-1] == "dx v0.417.1"
    own_workshop.close()
    assert "the tool server ended with exit code -9" in own_workshop.announced[-1]


def tool_server_of(shop: Workshop) -> int:
    """Return the zygote's child that is a fork in the same PID namespace."""
    zygote = zygotes_of(shop)[-1]
    namespace, children = f"/proc/{zygote}/ns/pid", Path(f"/proc/{zygote}/task/{zygote}/children")
    (server,) = (
        pid
        for pid in map(int, children.read_text().split())
        if Path(f"/proc/{pid}/ns/pid").samefile(namespace)
        and b"zygote.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    return server


@WARM_TOOLS
def test_without_a_way_to_the_server_the_program_itself_runs(
    own_workshop: Workshop, served: ServedPlatform
) -> None:
    (clients_of(own_workshop) / ".server").unlink()
    assert run_bash(own_workshop, served, "dx --version").said() == ["dx v0.417.1"]


ECHO = """
import os, sys
said = [b"%s=%s" % pair for pair in os.environb.items() if pair[0] != b"LESS"]
sys.stdout.buffer.write(b"\\0".join(map(os.fsencode, sys.argv)) + b"\\0\\0" + b"\\0".join(said))
"""


@pytest.fixture
def echo(bare_workshop: Workshop, environment: WorkerEnvironment, tmp_path: Path) -> Path:
    """Return the client of a program that prints how it was started, callable from this process."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("dx", "dx-echo"):
        (programs / name).write_text(f"#!{programs}/python\n{ECHO}")
        (programs / name).chmod(0o755)
    environment = replace(environment, bin=programs)
    job = bare_workshop.run("main() { command -v dx-echo; }", "bash", environment=environment)
    return Path(job.said()[0])


ANY_ARGUMENT = st.binary(min_size=1).filter(lambda data: b"\0" not in data)


@WARM_TOOLS
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arguments=st.lists(ANY_ARGUMENT.filter(lambda data: not data.startswith(b"-")), max_size=4),
    variables=st.dictionaries(st.from_regex(rb"\AZ[A-Za-z_.%]*\Z"), ANY_ARGUMENT, max_size=4),
)
def test_arguments_and_variables_arrive_as_they_are(
    echo: Path, arguments: list[bytes], variables: dict[bytes, bytes]
) -> None:
    surroundings = {b"LC_ALL": b"C.UTF-8", b"DX_JOB_ID": b"job-000000000000000000000000", **variables}
    command = [os.fsencode(echo), *arguments]
    done = subprocess.run(
        command, env=surroundings, capture_output=True, stdin=subprocess.DEVNULL, check=True
    )
    said, seen = done.stdout.split(b"\0\0")
    assert said.split(b"\0")[1:] == arguments, done.stderr
    assert dict(line.split(b"=", 1) for line in seen.split(b"\0")) == surroundings


def test_nothing_is_left_when_a_job_is_killed(own_workshop: Workshop, served: ServedPlatform) -> None:
    variables = {k: v for k, v in served.variables(served.job()).items() if k.startswith("DX_")}
    code = "main() { echo $$; sleep 600 | dx upload - --destination x & echo ready; wait; }"
    job_id = own_workshop.start(code, "bash", platform=True, variables=variables)
    own_workshop.wait_for_line(job_id, "ready")
    own_workshop.executor.kill(job_id)
    exit_code = own_workshop.wait(job_id).code
    assert exit_code is not None
    assert exit_code < 0
    own_workshop.close()
    listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert str(own_workshop.folder) not in listed
