"""`docker build`, `save` and `pull` in jobs."""

from __future__ import annotations

import base64
import gzip
import http.server
import json
import threading
from typing import TYPE_CHECKING

import pytest
from tests.worker.containers.image_files import Layer, busybox_layer, config_of, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worker.containers.conftest import ContainerWorkshop

_DOCKERFILE = r"""
# A comment
ARG BASE=busy:1
FROM ${BASE} AS tools
RUN echo made > /made && ln -s /etc /linked
FROM busy:1
ARG WHO=nobody OTHER
ENV A=1 B="two words" \
    C='$A'
ENV D ${A}${WHO:-x} rest
LABEL of=$WHO
WORKDIR /work
WORKDIR deeper
COPY a.txt folder ./
COPY --chmod=755 *.sh /bin/
COPY --from=tools /made /linked/
ADD files.tar /unpacked/
RUN echo "$WHO:$D" > ran; rm /etc/group; id -u >> ran
USER worker
RUN ["sh", "-c", "id -u > /tmp/user"]
ENTRYPOINT ["sh", "-c", \
    "echo $A,$B,$C,$D; pwd; cat ran /tmp/user; ls . /bin/x.sh /linked/made /unpacked /etc/group 2> /dev/null"]
"""

_BUILD = """
mkdir -p b/folder/in b/x; cd b; echo a > a.txt; echo i > folder/in/i; echo s > folder/secret; echo x > x.sh
printf '*/secret\\nx\\n' > .dockerignore; (cd folder; tar cf ../files.tar in)
cat > Dockerfile <<'END'
{dockerfile}
END
docker build -t made:1 --build-arg WHO=me . > log || cat log
tail -n 1 log
docker run --rm made:1
docker inspect -f '{{{{.Config.Labels.of}}}} {{{{.Config.User}}}}' made:1
"""

_EXPECTED = [
    "Successfully tagged made:1",
    "1,two words,$A,1me rest",
    "/work/deeper",
    "me:1me rest",
    "0",
    "1234",
    "/bin/x.sh",
    "/linked/made",
    "",
    ".:",
    "a.txt",
    "in",
    "ran",
    "",
    "/unpacked:",
    "in",
    "me worker",
]


def test_a_dockerfile_is_built(docker: ContainerWorkshop) -> None:
    job = docker.bash(_BUILD.format(dockerfile=_DOCKERFILE))
    assert (job.said(), job.code) == (_EXPECTED, 0), job.said("STDERR")


def test_a_saved_image_loads_again(docker: ContainerWorkshop) -> None:
    script = """
    echo 'FROM busy:1' > Dockerfile
    echo 'RUN rm /etc/group && echo x > /x && rm -r /home && mkdir /home' >> Dockerfile
    echo 'CMD ls /home /x /etc' >> Dockerfile
    docker build -q -t two:1 . | grep -c sha256
    docker save two:1 | gzip > two.tar.gz
    docker rmi two:1 > /dev/null
    docker load -i two.tar.gz
    docker run --rm two:1
    """
    job = docker.bash(script)
    expected = ["1", "Loaded image: two:1", "/x", "", "/etc:", "hosts", "passwd", "resolv.conf", "", "/home:"]
    assert (job.said(), job.code) == (expected, 0), job.said("STDERR")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("EXPOSE 80", "Dockerfile line 3: EXPOSE is not supported without a Docker daemon"),
        ("HEALTHCHECK CMD true", "Dockerfile line 3: HEALTHCHECK is not supported"),
        ("ADD https://x.org/f /f", "Dockerfile line 3: ADD of a URL is not supported"),
        ("RUN --mount=type=cache,target=/x true", "Dockerfile line 3: RUN --mount is not supported"),
        ("COPY <<END /x\nEND", "Dockerfile line 3: COPY with a here-document"),
    ],
)
def test_what_cannot_be_built_is_refused_before_the_first_step(
    docker: ContainerWorkshop, line: str, problem: str
) -> None:
    job = docker.bash(
        f"cat > Dockerfile <<'DOCKER'\nFROM busy:1\nRUN echo ran\n{line}\nDOCKER\ndocker build .; echo $?"
    )
    assert job.said() == ["1"]
    assert problem in job.said("STDERR")[-1]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("RUN exit 3", "Dockerfile line 2: RUN 'exit 3' returned a non-zero code: 3"),
        ("COPY ../../etc/passwd /x", "Dockerfile line 2: COPY failed: no such file in the build context"),
        ("COPY link /x", "Dockerfile line 2: COPY failed: no such file in the build context"),
    ],
)
def test_a_step_that_fails_is_named(docker: ContainerWorkshop, line: str, problem: str) -> None:
    job = docker.bash(
        f"ln -s /etc/passwd link; printf 'FROM busy:1\\n{line}' | docker build -q -f - .; echo $?"
    )
    assert job.said() == ["1"]
    assert problem in job.said("STDERR")[-1]


class _Registry(http.server.BaseHTTPRequestHandler):
    """A registry with one image, for clients with a token that costs a password."""

    blobs: dict[str, bytes]
    manifests: dict[str, bytes]
    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if self.path.startswith("/token"):
            wanted = "Basic " + base64.b64encode(b"me:secret").decode()
            is_known = (
                self.headers.get("Authorization") == wanted
                and "scope=repository%3Atools%2Fx%3Apull" in self.path
            )
            self._answer(200, b'{"token": "t"}') if is_known else self._answer(401, b"")
        elif self.headers.get("Authorization") != "Bearer t":
            self._answer(401, b"", f'Bearer realm="http://{self.headers["Host"]}/token",service="here"')
        else:
            kind, _, name = self.path.removeprefix("/v2/tools/x/").partition("/")
            found = {"manifests": self.manifests, "blobs": self.blobs}.get(kind, {}).get(name)
            self._answer(404, b"") if found is None else self._answer(200, found)

    def _answer(self, status: int, content: bytes, challenge: str = "") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[tuple[str, list[str]]]:
    """The address of a registry with tools/x:1, and the list of its requests."""
    layers = [busybox_layer(), Layer().add("pulled", b"from afar\n").bytes()]
    packed = [gzip.compress(layer) for layer in layers]
    config = config_of(layers, Cmd=["cat", "/pulled"])

    def descriptor(data: bytes) -> dict[str, object]:
        return {"digest": f"sha256:{digest_of(data)}", "size": len(data)}

    manifest = json.dumps(
        {"config": descriptor(config), "layers": [descriptor(each) for each in packed]}
    ).encode()
    other = {"digest": f"sha256:{'0' * 64}", "platform": {"os": "linux", "architecture": "riscv64"}}
    index = json.dumps({"manifests": [other, descriptor(manifest)]}).encode()
    handler = type(
        "Handler",
        (_Registry,),
        {
            "blobs": {f"sha256:{digest_of(each)}": each for each in (*packed, config)},
            "manifests": {"1": index, f"sha256:{digest_of(manifest)}": manifest},
            "requests": [],
        },
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", handler.requests  # type: ignore[attr-defined]
        server.shutdown()


def test_images_are_pulled_from_registries(
    docker: ContainerWorkshop, registry: tuple[str, list[str]]
) -> None:
    address, requests = registry
    job = docker.bash(
        f"docker pull {address}/tools/x:1 2> e; echo $?; grep -c 'pull access denied' e;"
        f" echo secret | docker login -u me --password-stdin {address};"
        f" docker run --rm {address}/tools/x:1; docker pull {address}/tools/x:1;"
        f" docker pull {address}/tools/nosuch:1; echo $?"
    )
    assert (job.said(), job.code) == (
        [
            "1",
            "1",
            "Login Succeeded",
            "from afar",
            f"Status: Image is up to date for {address}/tools/x:1",
            f"{address}/tools/x:1",
            "1",
        ],
        0,
    )
    downloads = [path for path in requests if "/blobs/" in path]
    assert len(downloads) <= 2 * len(set(downloads))  # each once without permission, and once with it
