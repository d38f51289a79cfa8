"""Calls of dx-jobutil-add-output that the compiled client does itself do what dxpy's program does."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import WARM_TOOLS
from tests.worker.dx_tools import official_add_output
from tests.worker.dx_tools.test_tools import clients_of, needs_namespaces, run_bash

from dx_local.worker.dx_tools.launchers import read_launcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import ServedPlatform
    from tests.worker.conftest import Workshop

    from dx_local.engine.environments.python_environments import WorkerEnvironment

NAME = "dx-jobutil-add-output"
FILE = "file-" + "Bx4" * 8
JOB = "job-" + "K7p" * 8
LINK = f'{{"$dnanexus_link": "{FILE}"}}'
SECURITY_CONTEXT = '{"auth_token_type": "Bearer", "auth_token": "abc"}'


@dataclass
class Home:
    """A home folder, and the file with outputs in it."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "job_output.json"

    def content(self) -> bytes | None:
        return self.file.read_bytes() if self.file.exists() else None

    def reset(self, content: bytes | None) -> None:
        self.file.unlink(missing_ok=True)
        if content is not None:
            self.file.write_bytes(content)

    def mode(self) -> int:
        return self.file.stat().st_mode


@dataclass
class Client:
    """The compiled client without a server and without the programs, so that it cannot do what it refuses."""

    program: Path

    def call(self, arguments: list[str], home: Home, **variables: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self.program, *arguments],
            env={**self.variables(home), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    def variables(self, home: Home) -> dict[str, str]:
        return {
            "HOME": str(home.folder),
            "LC_ALL": "C.UTF-8",
            "DX_JOB_ID": JOB,
            "DX_SECURITY_CONTEXT": SECURITY_CONTEXT,
        }


def refused(done: subprocess.CompletedProcess[bytes]) -> bool:
    return done.returncode == 127 and b"/.plain/" in done.stderr


class Official:
    """The program of dxpy."""

    def __init__(self, environment: WorkerEnvironment, folder: Path) -> None:
        """`folder` becomes the current folder, to which some calls write."""
        variables = {**os.environ, "DX_JOB_ID": JOB, "LC_ALL": "C.UTF-8", "COLUMNS": "80"}
        self._process = subprocess.Popen(
            [environment.python, official_add_output.__file__, environment.bin / NAME],
            env=variables,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, arguments: list[str], home: Home) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        print(
            json.dumps({"arguments": arguments, "home": str(home.folder)}),
            file=self._process.stdin,
            flush=True,
        )
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def client(worker_environment: WorkerEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Client:
    if worker_environment.tool_client is None:
        pytest.skip("there is no compiler here")
    folder = tmp_path_factory.mktemp("clients")
    (folder / ".known").mkdir()
    (folder / ".known" / NAME).touch()
    shutil.copy(worker_environment.tool_client, folder / NAME)
    return Client(folder / NAME)


@pytest.fixture(scope="module")
def official(
    worker_environment: WorkerEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Official]:
    program = Official(worker_environment, tmp_path_factory.mktemp("official"))
    yield program
    program.close()


@dataclass
class Comparison:
    """Two homes, in which the client and the program do the same calls."""

    client: Client
    official: Official
    ours: Home
    theirs: Home
    done: int = 0
    refused: int = 0
    differences: list[str] = field(default_factory=list)

    def reset(self, content: bytes | None) -> None:
        for home in (self.ours, self.theirs):
            home.reset(content)

    def call(self, arguments: list[str]) -> bool:
        """Do a call in both; return whether the client did it."""
        before = self.ours.content()
        their_end = self.official.call(arguments, self.theirs)
        our_end = self.client.call(arguments, self.ours)
        ours, theirs = self.ours.content(), self.theirs.content()
        if refused(our_end):
            self.refused += 1
            if ours != before:
                self.differences.append(f"{arguments} on {before!r}: refused, but now {ours!r}")
            self.reset(theirs)
            return False
        self.done += 1
        our_streams = {"out": our_end.stdout.decode(), "err": our_end.stderr.decode()}
        if {"code": our_end.returncode, **our_streams} != their_end:
            self.differences.append(f"{arguments} on {before!r}: {our_end} and {their_end}")
        elif ours != theirs:
            self.differences.append(f"{arguments} on {before!r}: {ours!r} and {theirs!r}")
        elif self.ours.mode() != self.theirs.mode():
            self.differences.append(f"{arguments}: modes {self.ours.mode():o} and {self.theirs.mode():o}")
        return True


@pytest.fixture
def comparison(client: Client, official: Official, tmp_path: Path) -> Comparison:
    ours, theirs = Home(tmp_path / "ours"), Home(tmp_path / "theirs")
    for home in (ours, theirs):
        home.folder.mkdir()
    return Comparison(client, official, ours, theirs)


PLAIN_CALLS = [
    ["n", "42", "--class=int"],
    ["--class", "int", "n", "0"],
    ["n", "--class", "int", "123456789012345678901234567890"],
    ["f", "0.25", "--class=float"],
    ["f", "12.0"],
    ["s", "a b: c{}'$", "--class=string"],
    ["s", 'say "yes" \\ no\n\tmore\r', "--class=string"],
    ["s", "", "--class=string"],
    ["", "x", "--class=string"],
    ['name with "quotes" and \\', "x", "--class=string"],
    ["b", "true", "--class=boolean"],
    ["b", "False", "--class=boolean"],
    ["b", "1", "--class=boolean"],
    ["o", FILE, "--class=file"],
    ["o", FILE, "--class=record"],
    ["o", "database-" + "B" * 24],
    ["o", LINK, "--class=file"],
    ["o", f'{{"$dnanexus_link": {{"project": "project-{"B" * 24}", "id": "{FILE}"}}}}', "--class=file"],
    ["j", f"{JOB}:out", "--class=jobref"],
    ["j", f"{JOB}:a b/c"],
    ["h", '{"a": [1, {"b": null}], "c": {}, "d": []}', "--class=hash"],
    ["a", FILE, "--class=file", "--array"],
    ["a", FILE, "--class=array:file"],
    ["a", "3", "--array"],
    ["a", f"{JOB}:out", "--class=array:jobref"],
    ["x", "word"],
    ["x", "/path/to/it.txt"],
    ["x", "project-" + "B" * 24],
    ["x", "true"],
    ["x", "null"],
    ["x", ' [1,2 , "3"] '],
    ["x", "[-5, -0.5, -0.0]", "--class=auto"],
]

UNCLEAR_CALLS = [
    [],
    ["n"],
    ["n", "1", "2"],
    ["n", "007", "--class=int"],
    ["n", " 5", "--class=int"],
    ["n", "1_000", "--class=int"],
    ["n", "+5", "--class=int"],
    ["n", "-5", "--class=int"],
    ["n", "x", "--class=int"],
    ["n", "9" * 1001, "--class=int"],
    ["f", "5", "--class=float"],
    ["f", "0.10", "--class=float"],
    ["f", "1e5", "--class=float"],
    ["f", "0.00001", "--class=float"],
    ["f", "1234567.123456789", "--class=float"],
    ["f", "nan", "--class=float"],
    ["s", "é", "--class=string"],
    ["é", "x", "--class=string"],
    ["s", "\x7f", "--class=string"],
    ["s", "\x01", "--class=string"],
    ["b", "yes", "--class=boolean"],
    ["b", "", "--class=boolean"],
    ["o", FILE[:-1], "--class=file"],
    ["o", FILE + "\n", "--class=file"],
    ["o", FILE + "\n"],
    ["o", '{"$dnanexus_link": null}', "--class=file"],
    ["o", '{"$dnanexus_link": "a", "$dnanexus_link": null}', "--class=file"],
    ["j", JOB, "--class=jobref"],
    ["j", f"{JOB}:", "--class=jobref"],
    ["j", f"{JOB}:a:b", "--class=jobref"],
    ["j", f"{JOB}:a\\:b", "--class=jobref"],
    ["j", f"{JOB}\n:a"],
    ["j", f":{JOB}:a"],
    ["j", f"{JOB}:a:b"],
    ["j", "analysis-" + "B" * 24 + ":stage.out"],
    ["j", "analysis-" + "B" * 24 + ":stage.out", "--class=analysisref"],
    ["h", "{", "--class=hash"],
    ["h", '{"a": 1, "a": 2}', "--class=hash"],
    ["h", "[" * 20 + "]" * 20, "--class=hash"],
    ["h", '"\\u0041"', "--class=hash"],
    ["h", '"\\/"', "--class=hash"],
    ["h", "1e5"],
    ["h", "-0"],
    ["h", "NaN"],
    ["h", "[1,]"],
    ["h", "[1]x"],
    ["x", "truest"],
    ["x", ""],
    ["x", "12.x"],
    ["n", "1", "--class=int", "--class=string"],
    ["n", "1", "--class"],
    ["n", "1", "--class="],
    ["n", "1", "--class=nonsense"],
    ["h", "{}", "--class=array:hash"],
    ["n", "1", "--cl=int"],
    ["n", "1", "--arr"],
    ["n", "1", "--output=other.json"],
    ["n", "1", "-o", "other.json"],
    ["--", "n", "1"],
    ["--help"],
]

CONTENTS: list[bytes | None] = [
    None,
    b"{}",
    b"{\n}\n",
    b'{\n    "a": 1\n}\n',
    b'{"a": 1, "b": [1,2]}\n',
    b'{\r\n\t"s": "old", "n" : [ ] }',
    json.dumps({"z": "x", "y": {"$dnanexus_link": FILE}, "a": [{"$dnanexus_link": FILE}]}, indent=4).encode(),
    b'{"f": 0.5, "g": -12.125, "w": [true, false, null], "e": {}, "q": "\\"\\\\\\n"}',
]

UNCLEAR_CONTENTS = [
    b"",
    b"not json",
    b"[]",
    b"7",
    b'{"z": "x", "z": 1}',
    b'{"y": {"z": "x", "z": 1}}',
    '{"z": "é"}'.encode(),
    b'{"z": "\\u00e9"}',
    b'{"z": "\xff"}',
    b'{"q": 01}',
    b'{"q": 1.50}',
    b'{"q": 1e5}',
    b'{"z": 1,}',
    b'{"z": 1} x',
    b'{"z": "a\nb"}',
    b'{"a": {}}\0',
    b'\xef\xbb\xbf{"a": 1}',
    b'{"big": "' + b"x" * (1 << 20) + b'"}',
    json.dumps({str(number): number for number in range(300)}).encode(),
]


@pytest.mark.parametrize("arguments", PLAIN_CALLS, ids=str)
def test_a_plain_call_is_done_by_the_client(comparison: Comparison, arguments: list[str]) -> None:
    done = [comparison.call(arguments)]
    comparison.reset(b'{"first": "1"}')
    done.append(comparison.call(arguments))
    assert (comparison.differences, done) == ([], [True, True])


@pytest.mark.parametrize("arguments", UNCLEAR_CALLS, ids=str)
def test_any_other_call_is_left_to_the_program(comparison: Comparison, arguments: list[str]) -> None:
    before = b'{"first": "1"}'
    comparison.ours.reset(before)
    assert refused(comparison.client.call(arguments, comparison.ours))
    assert comparison.ours.content() == before


@pytest.mark.parametrize("array", [False, True], ids=["value", "array"])
@pytest.mark.parametrize("content", CONTENTS, ids=str)
def test_an_output_is_added_to_a_plain_file(
    comparison: Comparison, content: bytes | None, array: bool
) -> None:
    comparison.reset(content)
    names = ("new", "n") if array else ("a", "new", "a", "s")
    done = [comparison.call([name, "7", *(["--array"] if array else [])]) for name in names]
    assert (comparison.differences, all(done)) == ([], True)


@pytest.mark.parametrize("content", UNCLEAR_CONTENTS, ids=lambda content: str(content[:20]))
def test_any_other_file_is_left_to_the_program(comparison: Comparison, content: bytes) -> None:
    comparison.ours.reset(content)
    assert refused(comparison.client.call(["new", "7", "--class=int"], comparison.ours))
    assert comparison.ours.content() == content


def test_an_array_grows_only_if_it_is_one(comparison: Comparison) -> None:
    comparison.reset(b'{"a": 1}')
    assert not comparison.call(["a", "7", "--array"])


class Calls:
    """Random calls and contents of files, most of them plain."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def content(self) -> bytes | None:
        pick = self._random
        return pick.choice(UNCLEAR_CONTENTS[:-2] if pick.random() < 0.1 else CONTENTS)

    def sequence(self) -> list[list[str]]:
        return [self._arguments() for _ in range(self._random.randint(1, 5))]

    def _arguments(self) -> list[str]:
        pick = self._random
        if pick.random() < 0.2:
            return list(pick.choice([*PLAIN_CALLS, *UNCLEAR_CALLS]))
        name = self._class() if pick.random() < 0.9 else None
        value = self._value_of(name) if pick.random() < 0.7 else self._value()
        arguments = [self._name(), value]
        place, other_place = pick.choices(range(3), k=2)
        if pick.random() < 0.2:
            arguments.insert(other_place, "--array")
            place = 0 if place < other_place else 3
        if name:
            arguments[place:place] = pick.choice([[f"--class={name}"], ["--class", name]])
        return arguments

    def _value_of(self, name: str | None) -> str:
        name = (name or "auto").replace("array:", "")
        kinds = {"int": self._number, "float": self._number, "string": self._text, "hash": self._json}
        if name == "boolean":
            return self._random.choice(["true", "false", "True", "F", "0", "1"])
        return kinds.get(name, self._reference if name.endswith("ref") else self._id)()

    def _name(self) -> str:
        plain = ["a", "b", "c", "s", "n", "out_1", "x y", 'q"', "$x", ""]
        return self._random.choice(plain if self._random.random() < 0.95 else ["é", "-q", "\n"])

    def _class(self) -> str:
        simple = ["int", "float", "string", "boolean", "hash", "auto", "jobref", "analysisref"]
        objects = ["file", "record", "applet", "workflow"]
        return ("array:" if self._random.random() < 0.2 else "") + self._random.choice([*simple, *objects])

    def _value(self) -> str:
        kinds = (self._number, self._id, self._text, self._json, self._reference)
        return self._random.choice(kinds)()

    def _number(self) -> str:
        pick = self._random
        digits = "".join(pick.choices("0123456789", k=pick.randint(1, 18)))
        fraction = "".join(pick.choices("0001234567", k=pick.randint(0, 8)))
        return pick.choice(["0", "1", digits, f"{digits}.{fraction}", f"0.{fraction}", f"-{digits}", "1e5"])

    def _id(self) -> str:
        pick = self._random
        kind = pick.choice(["file", "file", "record", "applet", "workflow", "database", "app", "project"])
        letters = "0123456789BFGJKPQVXYZbfgjkpqvxyz"
        return f"{kind}-{''.join(pick.choices(letters, k=pick.choice([24, 24, 24, 24, 23, 25])))}"

    def _reference(self) -> str:
        job = "".join(self._random.choices("0123456789BFGJKPQVXYZ", k=24))
        return f"{self._random.choice(['job', 'job', 'analysis', 'localjob'])}-{job}:{self._text()}"

    def _text(self) -> str:
        pick = self._random
        alphabet = pick.choice(["abcXYZ019_", "ab XY 01_-./{}[],\"'", 'tfnNI1"\\:\n\té\x7f '])
        return "".join(pick.choices(alphabet, k=pick.randint(0, 12)))

    def _json(self) -> str:
        pick = self._random
        value = self._any(3)
        separators = pick.choice([None, (",", ":"), (" , ", " : ")])
        text = json.dumps(value, ensure_ascii=pick.random() < 0.5, separators=separators)
        return text if pick.random() < 0.9 else text[: pick.randint(0, len(text))]

    def _any(self, depth: int) -> Any:
        pick = self._random
        if depth and pick.random() < 0.5:
            size = pick.randint(0, 3)
            if pick.random() < 0.5:
                return [self._any(depth - 1) for _ in range(size)]
            names = pick.sample(["$dnanexus_link", "job", "field", "id", "é", ""], size)
            return {name: self._any(depth - 1) for name in names}
        number = round(pick.uniform(-1000, 1000), pick.randint(0, 9))
        return pick.choice([None, True, pick.randint(-1000, 1000), number, self._text(), self._id()])


@pytest.mark.parametrize(
    ("seed", "sequences"),
    [(1, 150), pytest.param(2, 2500, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
    ids=["few", "many"],
)
def test_client_and_program_do_the_same_with_random_calls(
    comparison: Comparison, seed: int, sequences: int
) -> None:
    calls = Calls(seed)
    for _ in range(sequences):
        comparison.reset(calls.content())
        for arguments in calls.sequence():
            comparison.call(arguments)
    assert comparison.differences == []
    print(f"{comparison.done} calls done by the client, {comparison.refused} left to the program")
    assert min(comparison.done, comparison.refused) > sequences / 5


@pytest.mark.parametrize(
    "variables",
    [
        {"DX_SECURITY_CONTEXT": "{"},
        {"DX_SECURITY_CONTEXT": ""},
        {"_DX_DEBUG": "x"},
        {"DX_USER_CONF_DIR": "/dev/null"},
        {"PYTHONWARNINGS": "error"},
        {"LC_ALL": "C"},
        {"HOME": "home"},
        {"HOME": "/" + "x" * 5000},
    ],
    ids=str,
)
def test_surroundings_in_which_the_program_may_act_otherwise_are_left_to_it(
    client: Client, tmp_path: Path, variables: dict[str, str]
) -> None:
    home = Home(tmp_path)
    assert refused(client.call(["n", "42", "--class=int"], home, **variables))
    assert home.content() is None


def test_a_configuration_of_dxpy_is_left_to_the_program(client: Client, tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.folder / ".dnanexus_config").mkdir()
    assert refused(client.call(["n", "42", "--class=int"], home))


def in_bash(client: Client, home: Home, script: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script, which has the client as $client and the file with outputs as $file."""
    variables = {"client": str(client.program), "file": str(home.file), "PATH": os.environ["PATH"]}
    return subprocess.run(
        ["bash", "-c", script],
        env={**client.variables(home), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(
    "prepare",
    ["mkdir $file", "mkfifo $file", "ln -s /dev/full $file", "ln -s missing/file $file", "ulimit -f 100"],
)
def test_what_is_no_plain_file_is_left_to_the_program(client: Client, tmp_path: Path, prepare: str) -> None:
    compare = '[ "$(ls -l $HOME)" = "$before" ] && exit $code'
    script = f"{prepare}; before=$(ls -l $HOME); $client n 42; code=$?; {compare}"
    done = in_bash(client, Home(tmp_path), script)
    assert refused(done), done


def test_a_link_is_followed(comparison: Comparison) -> None:
    for home in (comparison.ours, comparison.theirs):
        (home.folder / "other").write_text('{"a": 1}')
        home.file.symlink_to("other")
    assert comparison.call(["n", "42"])
    assert comparison.ours.file.is_symlink()
    assert comparison.differences == []


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o777])
def test_a_new_file_has_the_mode_that_the_program_gives_it(
    client: Client, worker_environment: WorkerEnvironment, tmp_path: Path, umask: int
) -> None:
    home = Home(tmp_path)
    modes = []
    for program in (client.program, worker_environment.bin / NAME):
        done = in_bash(client, home, f"umask {umask:03o}; {program} n 42")
        assert done.returncode == 0, done.stderr
        modes.append(home.mode())
        home.reset(None)
    assert modes[0] == modes[1]


@needs_namespaces
@pytest.mark.parametrize("before", [None, b'{"first": "1"}', b'{"first": "' + b"1" * 4000 + b'"}'])
def test_on_a_full_disk_nothing_changes(client: Client, tmp_path: Path, before: bytes | None) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    (tmp_path / "before").write_bytes(before or b"")
    # Each file takes whole pages, so that the start of a long value could be written, but not its end.
    script = f"""
        mount -t tmpfs -o size=4k none "$HOME"
        {'cat "$HOME/../before" > $file' if before else 'head -c 4096 /dev/zero > "$HOME/other"'}
        $client n "$(printf %05000d 1)" --class=string
        code=$?
        cat "$file" 2> /dev/null
        exit $code
    """
    (tmp_path / "script").write_text(script)
    done = in_bash(client, home, f"unshare -Urm bash {tmp_path / 'script'}")
    assert refused(done), done
    assert done.stdout == (before or b"")


def test_calls_at_the_same_time_all_add_their_outputs(client: Client, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.reset(b"{}")
    done = in_bash(
        client, home, "for i in {1..40}; do $client n$i $i & $client all $i --array & done; wait; wait -n"
    )
    assert done.stderr == b""
    outputs = json.loads(home.content() or b"")
    assert sorted(outputs.pop("all")) == [*range(1, 41)]
    assert outputs == {f"n{number}": number for number in range(1, 41)}


def test_a_locked_file_is_waited_for(client: Client, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.reset(b"{}")
    done = in_bash(
        client,
        home,
        "exec 9< $file; flock 9; $client n 42 9<&- & sleep 0.3; cat $file; flock -u 9; wait $!; cat $file",
    )
    assert done.stdout == b'{}{\n    "n": 42\n}\n', done.stderr


@WARM_TOOLS
def test_jobs_need_neither_server_nor_program_for_a_plain_call(
    own_workshop: Workshop, served: ServedPlatform, client: Client
) -> None:
    clients = clients_of(own_workshop)
    shutil.rmtree(clients / ".plain")
    (clients / ".server").unlink()
    job = run_bash(own_workshop, served, f"{NAME} n 42 --class=int; {NAME} a {FILE} --array")
    assert job.code == 0, job.said("STDERR")
    assert json.loads((job.folder.home / "job_output.json").read_text()) == {
        "n": 42,
        "a": [{"$dnanexus_link": FILE}],
    }


@WARM_TOOLS
@pytest.mark.parametrize(("change", "is_known"), [("", True), ("# changed\n", False)])
def test_only_a_known_program_is_done_by_the_client(
    own_workshop: Workshop, client: Client, tmp_path: Path, change: str, is_known: bool
) -> None:
    programs = tmp_path / "programs"
    shutil.copytree(own_workshop.environment.bin, programs, symlinks=True)
    for name, added in (("dx", ""), (NAME, change)):
        launcher = read_launcher((programs / name).read_bytes())
        assert launcher
        (programs / name).write_bytes(f"#!{programs}/python \n".encode() + launcher.body + added.encode())
    own_workshop.environment = replace(own_workshop.environment, bin=programs)
    assert (clients_of(own_workshop) / ".known" / NAME).exists() == is_known
