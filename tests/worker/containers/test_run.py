"""`docker run` and its like in jobs, without a Docker daemon, in warm tools and in plain ones."""

from __future__ import annotations

import gzip
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.worker.containers.image_files import Layer, busybox_layer, docker_archive, with_libraries

if TYPE_CHECKING:
    from tests.worker.containers.conftest import ContainerWorkshop

# Scripts, and what they print on stdout.
SCRIPTS: dict[str, tuple[str, list[str]]] = {
    "default-command": (
        r"""
        docker run --rm busy:1
        """,
        ["default"],
    ),
    "arguments": (
        r"""
        docker run --rm busy:1 echo 'a  b' '' c
        """,
        ["a  b  c"],
    ),
    "entrypoint": (
        r"""
        docker run --rm --entrypoint cat busy:1 /etc/group | head -n 1
        """,
        ["root:x:0:"],
    ),
    "variables": (
        r"""
        export B=2
        docker run --rm -e A='1 1' --env B -e C busy:1 sh -c 'echo $A,$B,$C,$FROM_IMAGE'
        """,
        ["1 1,2,,yes"],
    ),
    "env-file": (
        r"""
        printf '#no\nX=1\n\nY=a b\n' > file
        docker run --rm --env-file file busy:1 sh -c 'echo $X,$Y'
        """,
        ["1,a b"],
    ),
    "folder": (
        r"""
        docker run --rm busy:1 pwd
        docker run --rm -w /new/deep busy:1 pwd
        """,
        ["/tmp", "/new/deep"],
    ),
    "volumes": (
        r"""
        mkdir -p in
        echo 1 > in/a
        docker run --rm -v $PWD/in:/data/x -v $PWD/new:/out busy:1 sh -c 'cat /data/x/a > /out/b'
        cat new/b
        """,
        ["1"],
    ),
    "volume-at-link": (
        r"""
        mkdir v
        touch v/f
        docker run --rm -v $PWD/v:/linked busy:1 ls /tmp
        """,
        ["f"],
    ),
    "file-volume": (
        r"""
        echo x > f
        docker run --rm -v $PWD/f:/etc/motd busy:1 cat /etc/motd
        """,
        ["x"],
    ),
    "read-only": (
        r"""
        mkdir d
        docker run --rm -v $PWD/d:/d:ro busy:1 touch /d/x 2> /dev/null
        echo $?
        ls d
        """,
        ["1"],
    ),
    "mount": (
        r"""
        mkdir d
        docker run --rm --mount type=bind,src=$PWD/d,dst=/d busy:1 touch /d/x
        docker run --rm --mount type=bind,source=$PWD/d,target=/d,readonly busy:1 touch /d/y 2> /dev/null
        ls d
        """,
        ["x"],
    ),
    "recursive-volume": (
        r"""
        mkdir -p a/b c
        echo deep > c/f
        mount --bind c a/b
        docker run --rm -v $PWD/a:/a busy:1 cat /a/b/f
        """,
        ["deep"],
    ),
    "user": (
        r"""
        docker run --rm -u worker busy:1 sh -c 'id -u; id -g; echo $HOME'
        docker run --rm -u 77:78 busy:1 id -g
        docker run --rm -u nosuch busy:1 id
        echo $?
        """,
        ["1234", "1235", "/home/worker", "78", "125"],
    ),
    "input": (
        r"""
        printf 'b\na\n' | docker run -i --rm busy:1 sort
        echo x | docker run --rm busy:1 wc -c
        """,
        ["a", "b", "0"],
    ),
    "pipe": (
        r"""
        head -c 3000000 /dev/zero | docker run -i --rm busy:1 cat | docker run -i --rm busy:1 wc -c
        """,
        ["3000000"],
    ),
    "exit-codes": (
        r"""
        docker run --rm busy:1 sh -c 'exit 7'
        echo $?
        docker run --rm busy:1 nope
        echo $?
        docker run --rm busy:1 /etc
        echo $?
        docker run --nonsense busy:1
        echo $?
        docker run --rm busy:1 sh -c 'kill -9 $$; sleep 1'
        echo $?
        """,
        ["7", "127", "126", "125", "0"],
    ),
    "changes-stay-inside": (
        r"""
        docker run --rm busy:1 sh -c 'echo x > /bin/busybox.new; rm /etc/group'
        docker run --rm busy:1 ls /etc/group
        test -e /bin/busybox.new
        echo $?
        """,
        ["/etc/group", "1"],
    ),
    "no-effect": (
        r"""
        docker run --rm --privileged --memory 1g --cpus=2 --shm-size 1g --init --network host --pull always \
            --security-opt seccomp=unconfined --ulimit nofile=10 -p 80:80 busy:1 echo ok
        """,
        ["ok"],
    ),
    "first-process": (
        r"""
        docker run --rm busy:1 sh -c 'echo $$; ps | wc -l' | head -n 1
        """,
        ["1"],
    ),
    "hostname": (
        r"""
        docker run --rm -h box busy:1 sh -c 'hostname; echo $HOSTNAME'
        hostname > here
        docker run --rm busy:1 hostname | grep -c '^[0-9a-f]\{12\}$'
        """,
        ["box", "box", "1"],
    ),
    "podman": (
        r"""
        podman run --rm busy:1 echo ok
        """,
        ["ok"],
    ),
    "dx-docker": (
        r"""
        dx-docker run -v $PWD:/data busy:1 sh -c 'echo $HOME; ls /data/job_input.json'
        dx-docker pull busy:1 > x
        echo $?
        dx-docker add-to-applet busy:1 applet-x 2> e
        echo $?
        grep -c resources/ e
        """,
        ["/root", "/data/job_input.json", "0", "1", "1"],
    ),
    "background": (
        r"""
        id=$(docker run -d --name back busy:1 sh -c 'echo out; echo err >&2; sleep 0.2; exit 3')
        docker wait back
        docker logs back
        docker inspect -f '{{.State.ExitCode}} {{.State.Running}} {{.Name}}' $id
        docker ps -q | wc -l
        docker ps -aq --no-trunc | grep -c $id
        docker rm back
        docker ps -aq | wc -l
        """,
        ["3", "out", "err", "3 false /back", "0", "1", "back", "0"],
    ),
    "removed-in-background": (
        r"""
        docker run --rm -d --name gone busy:1 sh -c 'sleep 0.2; exit 4' > id
        docker wait gone
        docker ps -aq
        """,
        ["4"],
    ),
    "exec": (
        r"""
        docker run -d --name long -e A=1 busy:1 sleep 100 > id
        docker exec long sh -c 'echo $A; echo x > /tmp/f; ps' | grep -c -e ^1$ -e 'sleep 100'
        echo in | docker exec -i -u worker long sh -c 'cat; id -u'
        docker exec long cat /tmp/f
        docker exec long nope
        echo $?
        docker stop -t 0 long
        docker exec long true
        echo $?
        """,
        ["2", "in", "1234", "x", "127", "long", "1"],
    ),
    "create-start": (
        r"""
        docker create --name c busy:1 sh -c 'echo again >> /tmp/f; cat /tmp/f' > id
        docker start -a c
        docker start -a c
        docker rm c
        """,
        ["again", "again", "again", "c"],
    ),
    "cp": (
        r"""
        docker create --name c busy:1 sh -c 'cat /tmp/d/f' > id
        mkdir d
        echo 1 > d/f
        docker cp d c:/tmp
        docker start -a c
        docker cp c:/tmp/d/f back
        cat back
        docker cp c:/etc/. etc
        ls etc
        docker cp c:/tmp/d/f - | tar t
        docker cp c:/nope x
        echo $?
        """,
        ["1", "1", "group", "hosts", "passwd", "resolv.conf", "f", "1"],
    ),
    "cp-running": (
        r"""
        docker run -d --name c busy:1 sleep 100 > id
        echo 1 > f
        docker cp f c:/tmp/g
        docker exec c cat /tmp/g
        docker exec c sh -c 'ln -s /etc /tmp/l'
        docker cp f c:/tmp/l/h
        docker exec c cat /etc/h
        test -e /etc/h
        echo $?
        docker rm -f c
        """,
        ["1", "1", "1", "c"],
    ),
    "signal": (
        r"""
        wait='while :; do sleep 0.05; done'
        docker run --rm busy:1 sh -c "trap 'echo caught; exit 5' TERM; echo ready; $wait" > out &
        until grep -q ready out 2> /dev/null
        do sleep 0.02
        done
        kill -TERM $!
        wait $!
        echo $?
        cat out
        """,
        ["5", "ready", "caught"],
    ),
    "names": (
        r"""
        docker tag busy:1 other/x:2
        docker images -q | wc -l
        docker images --format '{{.Repository}}:{{.Tag}}' | sort
        docker rmi other/x:2
        docker run --rm other/x:2
        echo $?
        docker run --rm $(docker images -q) echo by-id
        """,
        ["1", "busy:1", "other/x:2", "Untagged: other/x:2", "125", "by-id"],
    ),
    "refused": (
        r"""
        docker run --rm -u 4294967296 busy:1 id 2>&1 | grep -c 'must be in range'
        docker run --rm --name ../x busy:1 true 2>&1 | grep -c 'invalid container name'
        docker run --rm --cidfile /none/x busy:1 true
        echo $?
        """,
        ["1", "1", "1"],
    ),
    "login": (
        r"""
        echo secret | docker login -u me --password-stdin quay.io
        grep -c bWU6c2VjcmV0 ~/.docker/config.json
        docker --version | grep -c '^Docker version'
        docker version -f '{{.Server.Version}}' | grep -c '^[0-9.]*$'
        """,
        ["Login Succeeded", "1", "1", "1"],
    ),
}


@pytest.fixture(params=["warm", "plain"])
def tools(request: pytest.FixtureRequest) -> str:
    """Bash code by which docker runs in the tool server, or starts itself."""
    return {"warm": "", "plain": "PATH=${PATH#*:}; export LC_ALL=C\n"}[request.param]


@pytest.mark.parametrize("name", SCRIPTS)
def test_containers_behave_as_those_of_docker(docker: ContainerWorkshop, name: str) -> None:
    script, expected = SCRIPTS[name]
    job = docker.bash(script)
    assert (job.said(), job.code) == (expected, 0), job.said("STDERR")


def test_plain_tools_do_the_same(docker: ContainerWorkshop, tools: str) -> None:
    job = docker.bash(
        tools + "echo a | docker run -i --rm -u worker -v $PWD:/d -w /d busy:1 sh -c 'cat; id -u; ls | wc -l'"
    )
    assert job.said()[:2] == ["a", "1234"]
    assert job.code == 0


def test_an_unknown_image_is_reported_with_the_ways_to_get_it(docker: ContainerWorkshop) -> None:
    job = docker.bash("docker run nosuch:1; echo $?")
    assert job.said() == ["125"]
    assert "dx-local image add FILE --name nosuch:1" in job.said("STDERR")[-1]


def test_layers_cannot_be_changed_by_jobs(docker: ContainerWorkshop) -> None:
    job = docker.bash("touch /.dx-local/images/x /.dx-local/images/layers/*/bin/busybox; echo $?")
    assert job.said() == ["1"]
    assert all("Read-only file system" in line for line in job.said("STDERR"))


def test_no_container_outlives_its_job(docker: ContainerWorkshop) -> None:
    seconds = "98765.4321"
    job = docker.bash(f"docker run -d busy:1 sleep {seconds}; docker ps | grep -c sleep")
    assert job.said()[-1] == "1"
    running = [
        path.read_bytes()
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if re.search(r"\d", path.parent.name)
    ]
    assert not any(seconds.encode() in command for command in running)


def test_without_a_sandbox_docker_names_the_daemon(bare_workshop: ContainerWorkshop) -> None:
    job = bare_workshop.run("main() { docker run busy:1 || echo $?; }", "bash")
    assert job.said() == ["125"]
    (line,) = job.said("STDERR")
    assert line.startswith("docker: this job runs without a sandbox, so only a Docker daemon")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("samtools") is None, reason="takes samtools and its libraries")
def test_a_tool_of_debian_runs_with_its_own_libraries(docker: ContainerWorkshop, tmp_path: Path) -> None:
    program = str(shutil.which("samtools"))
    layer = Layer()
    for path, content in with_libraries(Path(program)).items():
        layer.add(path, content, mode=0o755)
    layers = [busybox_layer(), layer.bytes()]
    (tmp_path / "image").write_bytes(gzip.compress(docker_archive(layers, "tools/samtools:1", Env=[]), 1))
    lines = "".join(f"r{n}\t0\tc\t{n + 1}\t9\t4M\t*\t0\t0\tACGT\tIIII\n" for n in range(1000))
    (tmp_path / "reads.sam").write_text(f"@SQ\tSN:c\tLN:2000\n{lines}")
    job = docker.bash(
        f"image=$(docker load -i {tmp_path}/image | sed 's/Loaded image: //')\n"
        f'run() {{ docker run --rm -i -v {tmp_path}:/data:ro -v $PWD:/out -w /out $image {program} "$@"; }}\n'
        "run sort -@ 2 -o sorted.bam /data/reads.sam && run index sorted.bam\n"
        "run view -c sorted.bam c:11-20\n"
        "run view -h sorted.bam | run view -c -\n",
        tmp_path,
    )
    assert job.said() == ["13", "1000"], job.said("STDERR")
