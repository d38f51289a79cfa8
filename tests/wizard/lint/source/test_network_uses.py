"""Literal uses of the network in a source, and the rule that requires network access for them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.lint.source.network import in_bash, in_python

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeApp


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("curl -sO https://example.org/x", "curl"),
        ("set -e; wget ftp://ftp.example.org/x.gz", "wget"),
        ("if ! curl -f 'https://example.org'; then", "curl"),
        ("x=$(curl -s https://example.org)", "curl"),
        ("sudo wget -q \\\n  https://example.org/x", "wget"),
        ("cat x | curl -T - https://example.org", "curl"),
        ("git clone git@github.com:a/b.git", "git clone"),
        ("pip3 install --user 'pysam==0.22'", "pip3 install"),
        ("python3 -m pip install pandas", "pip install"),
    ],
)
def test_bash_that_uses_the_network(text: str, what: str) -> None:
    (use,) = in_bash(f"main() {{\n    true\n{text}\n}}\n")
    assert (use.name, use.line) == (what, 3)


@pytest.mark.parametrize(
    "text",
    [
        "# curl https://example.org",
        "true  # then wget https://example.org",
        "curl http://localhost:8080/ http://127.0.0.1/",
        'curl "http://$DX_APISERVER_HOST:$DX_APISERVER_PORT/x"',
        'wget "$(dx make_download_url "$file")"',
        "echo see https://example.org",
        "tool --with curl-like https://example.org",
        "pip install ./package",
        "pip install --no-index --find-links wheels pysam",
        "pip install /opt/x.whl",
        "git clone /opt/repository.git",
    ],
)
def test_bash_that_may_do_without(text: str) -> None:
    assert in_bash(f"{text}\n") == []


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("requests.get('https://example.org')", "requests.get"),
        ("urllib.request.urlopen(f'https://example.org/{name}')", "urllib.request.urlopen"),
        ("urlretrieve('http://example.org/x', 'x')", "urlretrieve"),
        ("subprocess.check_call(['wget', '-q', 'https://example.org/x'])", "wget"),
        ("subprocess.run(f'curl -O https://example.org/{name}', shell=True)", "curl"),
        ("os.system('pip install pysam')", "pip install"),
    ],
)
def test_python_that_uses_the_network(code: str, what: str) -> None:
    (use,) = in_python(ast.parse(f"import x\n{code}\n"))
    assert (use.name, use.line) == (what, 2)


@pytest.mark.parametrize(
    "code",
    [
        "requests.get(url)",
        "requests.get('http://localhost:8000')",
        "urlopen(f'http://{host}/')",
        "headers.get('https://example.org')",
        "print('curl https://example.org')",
        "subprocess.run(['echo', 'https://example.org'])",
        "f()().g[0].run(1, *a)",
    ],
)
def test_python_that_may_do_without(code: str) -> None:
    assert in_python(ast.parse(code)) == []


@given(st.text(alphabet="curl wget-pip install\\\n;|#'$(https://a.b)", max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert all(1 <= use.line <= text.count("\n") + 1 for use in in_bash(text))


def found_in(app: Path) -> list[tuple[str | None, int | None]]:
    return [(item.file, item.line) for item in lint_app(app) if item.rule == "network-use"]


@pytest.mark.parametrize(
    ("access", "found"),
    [({}, [("src/app.sh", 2)]), ({"network": []}, [("src/app.sh", 2)]), ({"network": ["example.org"]}, [])],
)
def test_an_app_that_uses_the_network_asks_for_it(
    make_app: MakeApp, access: dict[str, Any], found: list[tuple[str, int]]
) -> None:
    app = make_app("main() {\n    wget https://example.org/x\n}\n", interpreter="bash", access=access)
    assert found_in(app) == found
