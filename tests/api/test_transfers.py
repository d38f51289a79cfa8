from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest

from dx_local.platform.core import local_bytes
from dx_local.platform.data import files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import ServedPlatform

JSON = dict[str, Any]
LEAST = files.MINIMUM_PART_SIZE


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def new_file(served: ServedPlatform, name: str = "f") -> str:
    file: str = served.post("/file/new", {"project": served.project, "name": name})["id"]
    return file


def put(served: ServedPlatform, file: str, data: bytes, **announced: Any) -> int:
    """Upload one part, announced with its own or another size and MD5, and return the status."""
    request = {"index": 1, "size": len(data), "md5": md5(data), **announced}
    target = served.post(f"/{file}/upload", request)
    return served.request("PUT", target["url"], data).status


def stored(served: ServedPlatform, *parts: bytes, name: str = "f") -> str:
    """Upload a file in parts, close it, and return its ID."""
    file = new_file(served, name)
    for index, part in enumerate(parts, start=1):
        assert put(served, file, part, index=index) == 200
    served.post(f"/{file}/close")
    return file


def url_of(served: ServedPlatform, file: str, **request: Any) -> str:
    """Return a URL that requires no token, unless the request says otherwise."""
    url: str = served.post(f"/{file}/download", {"preauthenticated": True, **request})["url"]
    return url


def test_bytes_come_back(served: ServedPlatform) -> None:
    url = url_of(served, stored(served, b"hello"))
    assert served.request("GET", url).body == b"hello"


def test_upload_headers_are_those_of_the_storage(served: ServedPlatform) -> None:
    target = served.post(f"/{new_file(served)}/upload", {"size": 5, "md5": md5(b"hello")})
    assert target["headers"] == {
        "host": f"127.0.0.1:{served.port}",
        "content-length": "5",
        "content-type": "binary/octet-stream",
        "content-md5": base64.b64encode(bytes.fromhex(md5(b"hello"))).decode(),
        "x-amz-server-side-encryption": "AES256",
    }


@pytest.mark.parametrize("data", [b"hell", b"hello!", b"hallo", b""])
def test_a_part_that_is_not_as_announced_is_rejected(served: ServedPlatform, data: bytes) -> None:
    file = new_file(served)
    assert put(served, file, data, size=5, md5=md5(b"hello")) == 400
    assert served.error(f"/{file}/close") == (422, "InvalidState")


def test_a_rejected_part_leaves_no_bytes(served: ServedPlatform) -> None:
    file = new_file(served)
    put(served, file, b"hallo", md5=md5(b"hello"))
    assert not [path for path in (served.folder / "platform" / "files").rglob("*") if path.is_file()]


def test_the_last_upload_of_a_part_counts(served: ServedPlatform) -> None:
    file = new_file(served)
    put(served, file, b"first")
    put(served, file, b"second")
    served.post(f"/{file}/close")
    assert served.request("GET", url_of(served, file)).body == b"second"


def test_a_part_may_come_without_md5(served: ServedPlatform) -> None:
    file = new_file(served)
    target = served.post(f"/{file}/upload", {"size": 2})
    assert served.request("PUT", target["url"], b"ab").status == 200
    parts = served.post(f"/{file}/describe", {"fields": {"parts": True}})["parts"]
    assert parts == {"1": {"state": "complete", "size": 2, "md5": md5(b"ab")}}


def test_an_announced_part_is_pending(served: ServedPlatform) -> None:
    file = new_file(served)
    served.post(f"/{file}/upload", {"size": 2, "index": 7})
    parts = served.post(f"/{file}/describe", {"fields": {"parts": True}})["parts"]
    assert parts["7"]["state"] == "pending"


def test_parts_are_joined_in_the_order_of_their_indices(served: ServedPlatform) -> None:
    file = new_file(served)
    put(served, file, b"end", index=9)
    put(served, file, b"m" * LEAST, index=5)
    put(served, file, b"s" * LEAST, index=2)
    served.post(f"/{file}/close")
    body = served.request("GET", url_of(served, file)).body
    assert body == b"s" * LEAST + b"m" * LEAST + b"end"


def test_a_small_part_before_the_last_is_an_error(served: ServedPlatform) -> None:
    file = new_file(served)
    put(served, file, b"small", index=1)
    put(served, file, b"end", index=2)
    assert served.error(f"/{file}/close") == (422, "InvalidState")


def test_a_file_without_parts_cannot_be_closed(served: ServedPlatform) -> None:
    assert served.error(f"/{new_file(served)}/close") == (422, "InvalidState")


def test_closing_again_is_harmless(served: ServedPlatform) -> None:
    file = stored(served, b"x")
    assert served.post(f"/{file}/close") == {"id": file}


def test_a_closed_file_takes_no_more_parts(served: ServedPlatform) -> None:
    reply = served.request("POST", f"/{stored(served, b'x')}/upload", '{"size": 1}')
    assert (reply.status, reply.json["error"]["type"]) == (422, "InvalidState")
    assert "is not in the open state" in reply.json["error"]["message"]


def test_a_part_that_arrives_after_the_close_is_rejected(served: ServedPlatform) -> None:
    file = new_file(served)
    late = served.post(f"/{file}/upload", {"size": 4, "index": 1})["url"]
    put(served, file, b"kept")
    served.post(f"/{file}/close")
    assert served.request("PUT", late, b"late").status == 422
    assert served.request("GET", url_of(served, file)).body == b"kept"


def test_an_open_file_cannot_be_downloaded(served: ServedPlatform) -> None:
    assert served.error(f"/{new_file(served)}/download") == (422, "InvalidState")


@pytest.mark.parametrize(
    "request_", [{"index": 0}, {"index": 10_001}, {"size": -1}, {"size": True}, {"md5": "x"}]
)
def test_an_upload_that_cannot_be_is_invalid_input(served: ServedPlatform, request_: JSON) -> None:
    assert served.error(f"/{new_file(served)}/upload", {"size": 1, **request_}) == (422, "InvalidInput")


@pytest.mark.parametrize(
    ("header", "status", "body", "content_range"),
    [
        ("bytes=0-2", 206, b"012", "bytes 0-2/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-30", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-500", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=0-1", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        (f"bytes=0-{'9' * 5000}", 200, b"0123456789", None),
    ],
)
def test_ranges(
    served: ServedPlatform, header: str, status: int, body: bytes, content_range: str | None
) -> None:
    url = url_of(served, stored(served, b"0123456789"))
    reply = served.request("GET", url, headers={"Range": header})
    assert (reply.status, reply.body, reply.headers.get("content-range")) == (status, body, content_range)
    assert reply.headers["content-length"] == str(len(body))


def test_a_range_may_cross_parts(served: ServedPlatform) -> None:
    url = url_of(served, stored(served, b"a" * LEAST, b"b" * LEAST, b"c"))
    reply = served.request("GET", url, headers={"Range": f"bytes={LEAST - 1}-{2 * LEAST}"})
    assert reply.body == b"a" + b"b" * LEAST + b"c"


def test_head_tells_the_size(served: ServedPlatform) -> None:
    reply = served.request("HEAD", url_of(served, stored(served, b"hello")))
    assert (reply.status, reply.headers["content-length"], reply.body) == (200, "5", b"")


def test_an_empty_file_comes_back_empty(served: ServedPlatform) -> None:
    reply = served.request("GET", url_of(served, stored(served, b"")))
    assert (reply.status, reply.body) == (200, b"")


def test_urls_that_need_a_token_are_the_same_and_others_differ(served: ServedPlatform) -> None:
    file = stored(served, b"x")
    target = served.post(f"/{file}/download")
    assert target == served.post(f"/{file}/download", {"project": served.project})
    assert target == {
        "url": f"{served.url}/F/D2PRJ/{file}/{served.project}",
        "headers": {"X-Authorization": served.token},
    }
    assert url_of(served, file) != url_of(served, file)


def test_a_url_that_needs_a_token_is_worthless_without(served: ServedPlatform) -> None:
    target = served.post(f"/{stored(served, b'hello')}/download")
    assert served.request("GET", target["url"], headers=target["headers"]).body == b"hello"
    bearer = {"X-Authorization": f"Bearer {served.token}", "Range": "bytes=1-2"}
    assert served.request("GET", target["url"], headers=bearer).body == b"el"
    for headers in ({}, {"X-Authorization": "wrong"}, {"X-Authorization": ""}):
        assert served.request("GET", target["url"], headers=headers).status == 401


def test_a_job_cannot_download_files_beyond_its_permissions(served: ServedPlatform) -> None:
    project = served.post("/project/new", {"name": "other"})["id"]
    file = stored(served, b"x")
    served.post(f"/{served.project}/clone", {"objects": [file], "project": project})
    headers = {"X-Authorization": served.token_of(served.job())}
    url = f"/F/D2PRJ/{file}/"
    assert served.request("GET", url + served.project, headers=headers).status == 200
    assert served.request("GET", url + project, headers=headers).status == 404


def test_a_download_url_names_the_file_and_no_project(served: ServedPlatform) -> None:
    file = stored(served, b"x", name="a b.txt")
    url = url_of(served, file)
    assert file in url
    assert "project-" not in url
    assert unquote(url).endswith("/a b.txt")


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..", ".", "a/b", "ü \U0001f9ec", "%2e%2e", "a?b#c", "-x", "two\nlines", "\r\n"],
)
def test_any_name_can_be_uploaded_and_downloaded(served: ServedPlatform, name: str) -> None:
    file = stored(served, b"x", name=name)
    reply = served.request("GET", url_of(served, file))
    assert reply.body == b"x"
    assert quote(name, safe="") in reply.headers["content-disposition"] or name in {".", ".."}


def test_names_never_lead_out_of_the_platform(served: ServedPlatform) -> None:
    before = {path for path in served.folder.parent.rglob("*") if "platform" not in path.parts}
    stored(served, b"x", name="../../../escaped")
    after = {path for path in served.folder.parent.rglob("*") if "platform" not in path.parts}
    assert after == before


@pytest.mark.parametrize("change", ["signature", "file", "expires"])
def test_a_forged_download_url_is_rejected(served: ServedPlatform, change: str) -> None:
    file, other = stored(served, b"mine"), stored(served, b"other")
    url = url_of(served, file)
    parts = url.split("/")
    position = {"signature": 5, "expires": 6, "file": 8}[change]
    parts[position] = {"signature": "0" * 40, "file": other, "expires": str(10**15)}[change]
    assert served.request("GET", "/".join(parts)).status == 401


def test_a_forged_upload_url_is_rejected(served: ServedPlatform) -> None:
    file = new_file(served)
    url = served.post(f"/{file}/upload", {"size": 1})["url"]
    assert served.request("PUT", url.replace("/1/1/", "/2/1/"), b"x").status == 401


def test_urls_expire(served: ServedPlatform) -> None:
    reply = served.request("GET", url_of(served, stored(served, b"x"), duration=0))
    assert (reply.status, reply.json["error"]["type"]) == (401, "InvalidAuthentication")
    assert "The supplied authentication token has expired" in reply.json["error"]["message"]


@pytest.mark.parametrize("number", ["x", "-1", "9" * 5000, "1.5", "\u0661"])
def test_a_url_with_an_invalid_number_is_not_found(served: ServedPlatform, number: str) -> None:
    for path in (f"/F/D/s/{number}/-/f/f", f"/F/U/s/f/1/{number}/-/1"):
        method = "GET" if "/D/" in path else "PUT"
        assert served.request(method, quote(path)).status == 404


@pytest.mark.parametrize("duration", [-1, 10**12, "long"])
def test_a_url_is_good_for_a_time_that_makes_sense(served: ServedPlatform, duration: Any) -> None:
    request = {"preauthenticated": True, "duration": duration}
    assert served.error(f"/{stored(served, b'x')}/download", request) == (422, "InvalidInput")


def test_transfers_need_no_token_but_this_machine(served: ServedPlatform) -> None:
    url = url_of(served, stored(served, b"x"))
    assert served.request("GET", url, headers={"Authorization": ""}).body == b"x"
    assert served.request("GET", url, headers={"Host": "evil.example"}).status == 401


@pytest.mark.parametrize("media", ["text/plain\r\nX: y", "", "té"])
def test_a_media_type_that_is_not_a_valid_header_is_rejected(served: ServedPlatform, media: str) -> None:
    assert served.error("/file/new", {"project": served.project, "media": media}) == (422, "InvalidInput")


def test_bytes_that_changed_on_disk_are_not_served(served: ServedPlatform) -> None:
    file = stored(served, b"hello")
    (served.folder / "platform" / "files" / file).write_bytes(b"hello, world")
    assert served.request("GET", url_of(served, file)).json["error"]["type"] == "InvalidState"


def link_sparse(served: ServedPlatform, path: Path, size: int) -> str:
    """Create a large sparse file, and link it."""
    with path.open("wb") as file:
        file.truncate(size)
    place = {"project": served.project, "folder": "/", "name": path.name}
    return served.inside(lambda context: files.link_local(context, path, **place))


def test_the_parts_of_a_large_local_file_are_found(served: ServedPlatform, tmp_path: Path) -> None:
    file = link_sparse(served, tmp_path / "large.bin", (64 << 20) + 5)
    parts = served.post(f"/{file}/describe", {"fields": {"parts": True}})["parts"]
    assert parts == {
        "1": {"state": "complete", "size": 64 << 20, "md5": md5(bytes(64 << 20))},
        "2": {"state": "complete", "size": 5, "md5": md5(bytes(5))},
    }


def test_a_large_file_is_read_once_for_all_who_ask(
    served: ServedPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    hash_parts = local_bytes.hash_parts

    def counted(path: Path, part_size: int) -> list[local_bytes.Part]:
        reads.append(path)
        return hash_parts(path, part_size)

    monkeypatch.setattr(local_bytes, "hash_parts", counted)
    file = link_sparse(served, tmp_path / "large.bin", 100 << 20)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(served.post, f"/{file}/describe", {"parts": True}) for _ in range(4)]
        assert len({str(each.result()["parts"]) for each in asked}) == 1
    assert len(reads) == 1


def test_the_parts_of_several_large_files_are_found_in_one_call(
    served: ServedPlatform, tmp_path: Path
) -> None:
    linked = [link_sparse(served, tmp_path / name, 20 << 20) for name in ("a", "b", "c")]
    request = {"objects": [{"id": file, "describe": {"fields": {"parts": True}}} for file in linked]}
    answer = served.post("/system/describeDataObjects", request)
    assert [len(each["describe"]["parts"]) for each in answer["results"]] == [1, 1, 1]


def test_others_are_answered_while_a_large_file_is_read(served: ServedPlatform, tmp_path: Path) -> None:
    file = link_sparse(served, tmp_path / "large.bin", 512 << 20)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(served.post, f"/{file}/describe", {"parts": True})
        served.post("/system/whoami")
        assert not asked.done()
        assert len(asked.result()["parts"]) == 8


def test_the_error_for_a_missing_local_file_names_it(served: ServedPlatform, tmp_path: Path) -> None:
    file = link_sparse(served, tmp_path / "small.bin", 10)
    (served.folder / "platform" / "files" / file).unlink()
    assert served.error(f"/{file}/describe", {"parts": True}) == (404, "ResourceNotFound")


def test_a_local_file_is_served_without_a_copy(served: ServedPlatform, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4096
    (tmp_path / "local.bin").write_bytes(data)
    file = served.inside(
        lambda context: files.link_local(
            context, tmp_path / "local.bin", project=served.project, folder="/in", name="local.bin"
        )
    )
    assert served.request("GET", url_of(served, file)).body == data
