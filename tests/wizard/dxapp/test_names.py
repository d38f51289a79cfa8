from __future__ import annotations

import keyword

import pytest

from dx_app_wizard.dxapp.names import app_name_problem, parameter_name_problem

OBEYED = (
    "http_proxy", "HTTPS_PROXY", "no_proxy", "GZIP", "PYTHONUTF8", "PYTHONPATH", "TAR_OPTIONS", "XZ_OPT",
    "LD_PRELOAD", "SSL_CERT_FILE", "GIT_DIR", "JAVA_TOOL_OPTIONS", "_ARGCOMPLETE", "R_LIBS", "PERL5OPT",
    "PYTHON_GIL",
)  # fmt: skip
NOT_OBEYED = (
    "gzip",
    "python",
    "PYTHON_VERSION",
    "LD_threshold",
    "proxy",
    "GIT_COMMIT",
    "tar",
    "OMP_NUM_THREADS",
    "R_script",
)


@pytest.mark.parametrize("name", ["a", "count-reads", "my-app.v2", "_x", "0", "Upper.Case"])
def test_good_app_names_pass(name: str) -> None:
    assert app_name_problem(name) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".git", "-x", "a/b", "../a", "a b", "é", "a\n", "a\\b", "a" * 201, "a\0b"]
)
def test_app_names_that_are_no_safe_folder_are_refused(name: str) -> None:
    assert app_name_problem(name)


@pytest.mark.parametrize("language", ["python", "bash", None])
@pytest.mark.parametrize(
    "name", ["reads", "_", "list", "output", "main", "x_path", "match", "os", "if_", "I", *NOT_OBEYED]
)
def test_ordinary_parameter_names_pass(name: str, language: str | None) -> None:
    assert parameter_name_problem(name, language) is None or (name, language) == ("_", "bash")


@pytest.mark.parametrize("language", ["python", "bash", None])
@pytest.mark.parametrize("name", ["", "9 bad", "a-b", "a.b", "é", "a\n"])
def test_parameter_names_against_the_platforms_pattern_are_refused(name: str, language: str | None) -> None:
    assert "must match" in str(parameter_name_problem(name, language))


@pytest.mark.parametrize("name", [*keyword.kwlist, "__debug__", "dxpy"])
def test_names_that_break_python_are_refused_there_only(name: str) -> None:
    assert parameter_name_problem(name, "python")
    assert parameter_name_problem(name, "bash") is None


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "IFS", "UID", "DX_JOB_ID", "LC_ALL", "RANDOM", "_", *OBEYED]
)
def test_names_that_break_bash_are_refused_there_only(name: str) -> None:
    assert parameter_name_problem(name, "bash")
    assert parameter_name_problem(name, "python") is None
