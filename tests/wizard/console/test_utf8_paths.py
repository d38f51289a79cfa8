from __future__ import annotations

import os
import subprocess
import sys

import pytest

# Prints the bytes of the first argument as a path, and the encodings of paths and output.
CODE = """
import os, sys
from dx_app_wizard.console import streams, utf8_paths
utf8_paths.start_again_if_needed()
streams.guard()
print(os.fsencode(sys.argv[1]), sys.getfilesystemencoding(), sys.stdout.encoding, sys.stdin.encoding)
print("\\u00e9\\u65e5")
"""
OTHER_LOCALE = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
PATHS = {"UTF-8": "日/é".encode(), "Latin-1": b"\xe9/x", "ASCII": b"x"}


def printed(variables: dict[str, str], path: bytes = b"x", *options: str) -> list[bytes]:
    done = subprocess.run(
        [sys.executable, *options, "-c", CODE, path],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_path_keeps_its_bytes_under_any_locale(path: bytes) -> None:
    for variables in (OTHER_LOCALE, {"LC_ALL": "C.UTF-8"}):
        found, encoding = printed(variables, path)[0].rsplit(b" ", 3)[:2]
        assert (eval(found), encoding) == (path, b"utf-8")


def test_output_and_input_keep_the_encoding_of_the_locale() -> None:
    first, second = printed(OTHER_LOCALE)
    assert first.split()[-2:] in ([b"ascii", b"ascii"], [b"iso8859-1", b"iso8859-1"])
    assert second in (b"\\u00e9\\u65e5", b"\xe9\\u65e5")
    assert printed({**OTHER_LOCALE, "PYTHONIOENCODING": "latin-1"})[1] == b"\xe9\\u65e5"


def test_a_program_whose_user_rules_out_the_mode_starts_all_the_same() -> None:
    assert len(printed(OTHER_LOCALE, b"x", "-X", "utf8=0")) == 2
