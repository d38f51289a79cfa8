"""Generate invalid and unusual requests for every route, from good requests, odd values and noise.

The field names of a route are taken from the source of its module, so that new fields are covered without
being listed here. All randomness comes from one seed.
"""

from __future__ import annotations

import copy
import inspect
import json
import re
import sys
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.api.good_requests import GOOD

from dx_local.api.routes import ROUTES
from dx_local.platform.core.ids import class_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.api.methods import Method

JSON = dict[str, Any]

MARK = "fuzzed-name"  # part of every path that tries to leave the folder
ESCAPES = (
    f"../{MARK}", f"../../../../../../../../{MARK}", f"/tmp/{MARK}", f"/../{MARK}", f"a/../../{MARK}",
    f"..\\{MARK}", f"%2e%2e%2f{MARK}", f"{MARK}\0", f"\0../{MARK}", "..", ".", "/", "//", "", "/..", "~",
    f"{MARK}/{'x' * 300}", "-rf", "$(touch x)", "a\nb", "a" * 40 + "!", "\x7f\x1b[2J",
)  # fmt: skip
TEXTS = (
    *ESCAPES, "x" * 5000, "\ud800", "\U0001f9ec" * 99, "é\u0301", "\u202e", "\ufeff", "'; DROP TABLE job; --",
    "%", "_", "*", "[", "(?", "(a|aa)+$", "$.a", "null", "true", "0", "-1", "1e400", "PUBLIC", "VIEW",
    "ADMINISTER", "main", "file", "gtable", "array:file", "closed", "open", "done", "visible", "int",
    "string", "aws:us-east-1", "1.0.0", "default",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 100, 1000, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e308, 1e-320)
KINDS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [{}], {"": ""}, [None], {"a": None})

DESTROYING = {"destroy", "delete", "terminate"}
OF_JOBS = {route for route in ROUTES if route[0] == "container"} | {("job", "new")}
_MOST_KNOWN = 20


@dataclass
class World:
    """The targets of requests: entities by class, and tokens by validity."""

    project: str
    entities: dict[str, list[str]]
    tokens: dict[str, str]
    doomed: dict[str, str] = field(default_factory=dict)  # by class: an entity that may be destroyed
    urls: list[str] = field(default_factory=list)

    def learn(self, entity_id: str) -> None:
        """Add an entity, which replaces an older one if there are many."""
        known = self.entities.setdefault(class_of(entity_id), [])
        known.append(entity_id)
        if len(known) > _MOST_KNOWN:
            del known[0]

    def every_id(self) -> list[str]:
        return [each for ids in self.entities.values() for each in ids]


@dataclass(frozen=True)
class Shot:
    """One HTTP request."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]

    def __str__(self) -> str:
        return (
            f"{self.method} {self.path[:300]}\n{self.headers}\n{self.body[:2000]!r} ({len(self.body)} bytes)"
        )


class Fuzzer:
    """Generates requests, which are the same for the same seed and the same world."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = Random(seed)
        self._routes = sorted(ROUTES)

    def shot(self) -> Shot:
        """Return the next request."""
        draw = self._random.random()
        if draw < 0.06:
            return self._transfer()
        if draw < 0.12:
            return self._noise()
        return self._call(self._random.choice(self._routes))

    def _call(self, route: Method) -> Shot:
        body = json.dumps(self._request(route)).replace("1e+308", self._random.choice(("1e+308", "1e999")))
        headers = self._headers()
        if route in OF_JOBS and self._random.random() < 0.6:
            headers["Authorization"] = f"Bearer {self._world.tokens['job']}"
        return Shot("POST", self._path(route), body.encode(), headers)

    def _path(self, route: Method) -> str:
        class_name, method = route
        if ROUTES[route].of_class and self._random.random() < 0.95:
            return f"/{class_name}/{method}"
        return f"/{self._entity(class_name, method)}/{method}"

    def _entity(self, class_name: str, method: str) -> str:
        known = self._world.entities.get(class_name)
        if method in DESTROYING and class_name in self._world.doomed:
            return self._world.doomed[class_name]
        draw = self._random.random()
        if known and draw < 0.85:
            return self._random.choice(known)
        if draw < 0.9:
            return f"{class_name}-{''.join(self._random.choices('0123456789BFGJ', k=24))}"
        return quote(f"{class_name}-{self._text()}"[:2000].encode("utf-8", "replace"), safe="./~")

    def _headers(self) -> dict[str, str]:
        draw = self._random.random()
        kind = "user" if draw < 0.75 else self._random.choice(sorted(self._world.tokens))
        headers = {
            "Authorization": f"Bearer {self._world.tokens[kind]}",
            "Content-Type": "application/json",
        }
        if draw > 0.99:
            headers.pop(self._random.choice(sorted(headers)))
        if draw > 0.985:
            name = self._random.choice(("Host", "Origin", "Content-Type", "Authorization"))
            headers[name] = self._random.choice(
                ("[", "]:1", "a:b:c", "//", "x" * 3000, "\xff", "http://[", ":")
            )
        return headers

    def _request(self, route: Method) -> Any:
        good = GOOD.get(route) or GOOD.get(("", route[1])) or (lambda _: {})
        request: Any = copy.deepcopy(good(self))
        for _ in range(self._random.choice((0, 1, 1, 2, 3))):
            request = self._spoiled(request, words_of(route))
        if self._random.random() < 0.01:
            return self._value(words_of(route), 0)
        return request

    def _spoiled(self, value: Any, words: tuple[str, ...]) -> Any:
        """Return value with one change, addition or removal at any depth."""
        if isinstance(value, dict) and (not value or self._random.random() < 0.75):
            key = (
                self._random.choice(sorted(value))
                if value and self._random.random() < 0.6
                else self._word(words)
            )
            draw = self._random.random()
            if key in value and draw < 0.1:
                return {each: value[each] for each in value if each != key}
            if key in value and draw < 0.5:
                return {**value, key: self._spoiled(value[key], words)}
            return {**value, key: self._value(words, 0)}
        if isinstance(value, list) and value and self._random.random() < 0.75:
            place = self._random.randrange(len(value))
            return [*value[:place], self._spoiled(value[place], words), *value[place + 1 :]]
        return self._value(words, 0)

    def _value(self, words: tuple[str, ...], depth: int) -> Any:
        """Return any value: usually a simple one, otherwise nested hashes and arrays."""
        makers: tuple[Callable[[], Any], ...] = (
            lambda: self._random.choice(self._world.every_id()),
            self._text,
            lambda: self._random.choice(NUMBERS),
            lambda: copy.deepcopy(self._random.choice(KINDS)),
            lambda: self._link(words),
            lambda: self._word(words),
            lambda: [self._value(words, depth + 1) for _ in range(self._random.randrange(4))],
            lambda: {
                self._word(words): self._value(words, depth + 1) for _ in range(self._random.randrange(4))
            },
            lambda: nested(self._random.choice((50, 190, 400)), self._random.choice(("a", None))),
            lambda: [self._text()] * 3000,
        )
        weights = (20, 15, 15, 10, 8, 8, 10, 16, 0.5, 0.5) if depth < 3 else (1,) * 6 + (0,) * 4
        return self._random.choices(makers, weights)[0]()

    def _link(self, words: tuple[str, ...]) -> JSON:
        object_id = self._random.choice(self._world.every_id())
        target: Any = self._random.choice(
            (
                object_id,
                {"id": object_id, "project": self._world.project},
                {"job": object_id, "field": self._word(words)},
                {"stage": "a", "outputField": "n"},
                {"analysis": object_id, "stage": "a", "field": "n", "index": -1},
                {"workflowInputField": "n"},
                {"job": object_id, "field": "n", "metadata": "name"},
                self._text(),
            )
        )
        return {"$dnanexus_link": target}

    def _text(self) -> str:
        return self._random.choice(TEXTS)

    def _word(self, words: tuple[str, ...]) -> str:
        return self._random.choice(words) if self._random.random() < 0.9 else self._text()

    def _noise(self) -> Shot:
        """Return a request that is invalid at the level of HTTP."""
        route = self._random.choice(self._routes)
        body = json.dumps(self._request(route)).encode()
        cut = self._random.randrange(len(body) + 1)
        deep = self._random.choice((1000, 100_000))
        bodies = (
            body[:cut], body[:cut] + b"\xff" + body[cut:], b"\xfe\xff" + body, b"\xef\xbb\xbf" + body,
            b"", b"\0",
            b"[" * deep, b'{"a":' * deep + b"1" + b"}" * deep, b'{"a": NaN}', b'{"limit": 1e999}',
            b'{"a": -1e999}',
            b'{"limit": ' + b"9" * 5000 + b"}", b'{"name": "\\ud800"}',
            b'{"name": "' + b"x" * 2_000_000 + b'"}',
            b'{"a": 1, "a": 2}', b"1" * 10_000, body + body,
        )  # fmt: skip
        paths = (
            self._path(route), f"/{MARK}", f"/../../{MARK}", f"/%2e%2e/{MARK}", "//", "/%00", "/%ff/describe",
            f"/{'a' * 9000}/describe", "/file-/describe", "/app-x/../describe", "/app-%2f/1.0.0/get",
            "/-/-", "/?a=%",
            "/system/whoami?x[]=1", "/job-x/getLog/websocket", "/F/U/x", "/F/D/x", "/app-a/b/c/d/describe",
        )  # fmt: skip
        method = self._random.choice(("POST",) * 6 + ("GET", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"))
        if self._random.random() < 0.7:
            return Shot("POST", self._path(route), self._random.choice(bodies), self._headers())
        return Shot(method, self._random.choice(paths), body, self._headers())

    def _transfer(self) -> Shot:
        """Return a request for a transfer URL, usually one that was never issued."""
        url = self._random.choice(self._world.urls)
        parts = url.split("/")
        if self._random.random() < 0.5:
            place = self._random.randrange(2, len(parts))
            odd = (*TEXTS, "9" * 5000, "-1", str(2**63), *self._world.every_id())
            parts[place] = quote(self._random.choice(odd)[:6000].encode("utf-8", "replace"), safe="")
        ranges = ("bytes=0-", "bytes=-1", f"bytes={'9' * 5000}-", "bytes=5-2", "bytes=-", f"bytes=0-{'9' * 30}", "x", "bytes=0-0,1-1")  # fmt: skip  # noqa: E501
        method = self._random.choice(("GET", "GET", "PUT", "PUT", "HEAD", "POST"))
        body = self._random.choice((b"", b"hello", b"x" * 100_000)) if method in {"PUT", "POST"} else b""
        return Shot(method, "/".join(parts), body, {"Range": self._random.choice(ranges)})

    def known(self, class_name: str) -> str:
        """Return an entity of a class."""
        return self._random.choice(self._world.entities[class_name])

    @property
    def project(self) -> str:
        return self._world.project


def nested(depth: int, key: str | None) -> Any:
    """Return nested arrays, or nested hashes with one key."""
    value: Any = 1
    for _ in range(depth):
        value = [value] if key is None else {key: value}
    return value


@cache
def words_of(route: Method) -> tuple[str, ...]:
    """Return the names in the source of the module that implements a route."""
    module = sys.modules[ROUTES[route].function.__module__]
    found = set(re.findall(r'"(\$?[A-Za-z][A-Za-z0-9]{1,30})"', inspect.getsource(module)))
    return tuple(
        sorted(found | {"project", "describe", "fields", "folder", "name", "id", "limit", "starting"})
    )
