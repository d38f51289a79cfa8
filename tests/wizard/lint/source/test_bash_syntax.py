"""parse_bash: the commands that a bash source runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.lint.source.bash_syntax import BashSyntax, parse_bash


def parsed(text: str) -> BashSyntax:
    found = parse_bash(text)
    assert found is not None
    return found


def programs(text: str) -> list[str | None]:
    return [command.program for command in parsed(text).commands]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a | b && c || d; e & f", ["a", "b", "c", "d", "e", "f"]),
        ("if ! a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
        ("while read -r x; do a; done < <(b)", ["read", "a", "b"]),
        ('x=$(a "$(b)") y=`c`', ["a", "b", "c"]),
        ("case $x in a) b;; *) c;; esac", ["b", "c"]),
        ("a > >(b) 2>&1", ["a", "b"]),
        ("A=1 B=$x a b", ["a"]),
        ("a=(b c); [[ -f d ]] && (( e++ ))", []),
        ("cat <<'E' > x.sh\na b\nE\nc", ["cat", "c"]),
        ("a 'b | c' \"d; e\"", ["a"]),
        ("# a\nb # c", ["b"]),
        (r"\a; 'b'; \"c\"; d\ e".replace('\\"', '"'), ["a", "b", "c", "d e"]),
        ('"$a" b; $c; ${d}e', [None, None, None]),
        ("a() { b; }; function c { d; }", ["b", "d"]),
        ("trap 'a' EXIT", ["trap"]),
    ],
)  # fmt: skip
def test_commands(text: str, expected: list[str | None]) -> None:
    assert programs(text) == expected


@pytest.mark.parametrize(
    ("text", "wrapped"),
    [
        ("sudo -E -u root a b", "a"),
        ("nohup sudo nice -n 5 a", "a"),
        ("env -u X A=1 B=2 a", "a"),
        ("timeout -k 5 10m a", "a"),
        ("/usr/bin/time -v -o x a", "a"),
        ("time a", "a"),
        ("exec -a name a", "a"),
        ("flock /tmp/lock a", "a"),
        ("stdbuf -oL a", "a"),
        ("xargs -0 -n 1 -P 4 a -b", "a"),
        ("xargs -I {} a {}", "a"),
        ("xargs --max-procs=4 -I{} a {}", "a"),
        ('parallel --gnu -j 4 "a -x {} $y" ::: b c', "a"),
        ("parallel a {} ::: b", "a"),
        ("find . -name '*.x' -exec a {} +", "a"),
    ],
)
def test_programs_behind_others(text: str, wrapped: str) -> None:
    assert programs(text)[-1] == wrapped


@pytest.mark.parametrize("text", ["command -v a", "parallel ::: 'b c'", "sudo", "xargs", "exec > log", "env"])
def test_wrappers_without_a_command(text: str) -> None:
    assert len(programs(text)) <= 1


def test_a_long_chain_of_wrappers_is_followed() -> None:
    assert programs(f"{'sudo ' * 2000}a")[-1] == "a"


def test_find_may_run_several_programs() -> None:
    assert programs(r"find . -exec a {} \; -exec sudo b {} +") == ["find", "sudo", "b", "a"]


def test_places_count_from_one() -> None:
    (command,) = parsed("\n  a b\n").commands
    assert (command.line, command.column) == (2, 3)


def test_functions_variables_and_redirects() -> None:
    found = parsed("f() { local a=1; export B=2; c=3; }\nx > /usr/bin/y\n")
    assert found.functions == {"f": range(1, 2)}
    assert found.variables == {"a", "B", "c"}
    assert [word.text for word in found.redirects] == ["/usr/bin/y"]


@pytest.mark.parametrize("text", ["if a; then", "a() {", "$(", "for x in; do"])
def test_what_is_no_bash_is_none(text: str) -> None:
    assert parse_bash(text) is None


def test_characters_beyond_ascii_are_read_as_underscores() -> None:
    assert programs("caf\xe9 x; a 'é'") == ["caf_", "a"]
    assert parse_bash("{\U00044e24") is None  # which crashed the grammar's scanner


@given(st.text() | st.text(alphabet="ab$(){}<>|&;'\"`\\ \n#=[]-!*/"))
def test_any_text_is_parsed_without_a_crash(text: str) -> None:
    found = parse_bash(text)
    assert found is None or all(command.words for command in found.commands)
