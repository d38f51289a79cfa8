"""Policy files: search, precedence, and errors in them."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.policy.keys import KEYS
from dx_app_wizard.policy.load import load_policy
from dx_app_wizard.policy.model import PolicyFileError
from dx_app_wizard.policy.places import PROJECT_FILE
from dx_app_wizard.policy.readers import SettingError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder below tmp_path."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def prefix_in(folder: Path) -> object:
    return load_policy(folder).value("policy", "name-prefix")


def test_without_files_there_is_no_policy(home: Path) -> None:
    assert load_policy(home / "work").settings == {}


def test_the_nearest_file_holds(home: Path) -> None:
    write(home / PROJECT_FILE, '[policy]\nname-prefix = "far_"')
    assert prefix_in(home / "lab" / "app") == "far_"
    write(home / "lab" / PROJECT_FILE, '[policy]\nname-prefix = "near_"')
    assert prefix_in(home / "lab" / "app") == "near_"


@pytest.mark.parametrize("boundary", [Path(), Path("lab", ".git")])
def test_nothing_above_a_home_or_a_repository_holds(home: Path, boundary: Path) -> None:
    above = home.parent if boundary == Path() else home
    write(above / PROJECT_FILE, '[policy]\nname-prefix = "far_"')
    (home / boundary).mkdir(parents=True, exist_ok=True)
    assert prefix_in(home / "lab" / "app") is None


def test_the_file_of_the_user_holds_where_the_project_says_nothing(home: Path) -> None:
    write(
        home / ".config/dx-app-wizard/config.toml",
        '[policy]\nname-prefix = "my_"\nrelease = "24.04"\n[template]\nsource = "t"\ncheckout = "v1"',
    )
    project = write(home / "lab" / PROJECT_FILE, '[policy]\nname-prefix = "lab_"\n[template]\nsource = "u"')
    policy = load_policy(home / "lab")
    assert policy.files[0] == project
    assert (policy.value("policy", "name-prefix"), policy.value("policy", "release")) == ("lab_", "24.04")
    assert {key: setting.value for key, setting in policy.table("template").items()} == {"source": "u"}


def test_each_table_comes_from_the_nearest_file_that_has_it(home: Path) -> None:
    far = write(home / PROJECT_FILE, '[policy]\nname-prefix = "far_"\n[lint]\nignore = ["app-category"]')
    near = write(home / "lab" / PROJECT_FILE, '[policy]\nrelease = "24.04"')
    policy = load_policy(home / "lab")
    assert {key: setting.place.file for key, setting in policy.settings.items()} == {
        ("policy", "release"): str(near),
        ("lint", "ignore"): str(far),
    }
    assert policy.files == (near, far)


def test_an_empty_table_replaces_one_of_a_file_above(home: Path) -> None:
    write(home / PROJECT_FILE, '[policy]\nname-prefix = "far_"')
    write(home / "lab" / PROJECT_FILE, "[policy]")
    assert prefix_in(home / "lab") is None


def test_a_file_with_run_tables_alone_leaves_the_policy_above_in_force(home: Path) -> None:
    policy_file = write(home / PROJECT_FILE, '[policy]\nname-prefix = "far_"')
    write(home / "lab" / PROJECT_FILE, '[run]\nnetwork = "allow"\nany-key = 3')
    policy = load_policy(home / "lab")
    assert (policy.table("run"), policy.value("policy", "name-prefix")) == ({}, "far_")
    assert policy.files == (policy_file,)


def test_mistakes_in_a_table_that_a_nearer_file_replaces_do_not_matter(home: Path) -> None:
    write(home / PROJECT_FILE, "[policy]\nname-prefix = 3")
    write(home / "lab" / PROJECT_FILE, '[policy]\nname-prefix = "near_"')
    assert prefix_in(home / "lab") == "near_"


def test_xdg_config_home_moves_the_file_of_the_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    write(home / "xdg/dx-app-wizard/config.toml", '[policy]\nname-prefix = "my_"')
    assert prefix_in(home) == "my_"


BAD = {
    "[polcy]": "1: polcy: no such table; did you mean 'policy'?",
    "policy = 3": "1: policy: must be a table: [policy]",
    "[[policy]]": "1: policy: must be a table: [policy]",
    '[policy]\nname_prefix = "x"': "2: policy.name_prefix: no such key; did you mean 'name-prefix'?",
    "[policy]\nname-prefix = 3": "2: policy.name-prefix: must be a string of one line",
    "[policy]\ndevelopers = []": "2: policy.developers: must be an array of at least one string",
    '[policy]\ndevelopers = ["al"]': "2: policy.developers: 'al' is not user-NAME or org-NAME",
    '[policy]\nauthorized-users = ["ALL"]': "2: policy.authorized-users: 'ALL' is not user-NAME or",
    '[policy]\nopen-source = "yes"': "2: policy.open-source: must be true or false",
    "[policy]\nrelease = 24.04": "2: policy.release: must be one of '20.04', '24.04'",
    '[policy]\nexec-depends = "never"': "2: policy.exec-depends: must be one of 'allow', 'pinned', 'forbid'",
    '[policy]\nnetwork = ["https://x.org"]': "2: policy.network: 'https://x.org' is not a host",
    '[policy]\nmaximum-timeout = "31d"': "2: policy.maximum-timeout: must be a string such as '48h'",
    '[policy]\nregions = ["eu"]': "2: policy.regions: ",
    '[policy]\ninstance-types = ["mem1_ssd1_v2_x5"]': "2: policy.instance-types: ",
    '[lint]\nignore = ["app-categry"]': "lint.ignore: no rule is called 'app-categry'; did you mean 'app-cat",
    '[lint]\nignore = ["schema"]': "2: lint.ignore: the rule 'schema' cannot be changed",
    '[lint.levels]\napp-texts = "fatal"': "1: lint.levels: must be one of 'error', 'warning', not 'fatal'",
    "[lint]\nlevels = []": "2: lint.levels: must be a table",
    "[template]\nhooks = 1": "2: template.hooks: must be true or false",
    "[trust]\ntemplates = []": "1: trust: is allowed only in your own file",
    "[policy\n": "1:8: is not TOML: ",
    "[policy]\n[policy]\n": "2:8: is not TOML: ",
    "policy.release = '24.04'\npolicy.nam-prefix = 'x'": "2: policy.nam-prefix: no such key",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_file_is_refused_with_place_and_key(home: Path, text: str) -> None:
    path = write(home / PROJECT_FILE, text)
    with pytest.raises(PolicyFileError, match=re.escape(f"{path}:{BAD[text]}".split(":", 1)[1])):
        load_policy(home)


def test_all_problems_of_both_files_are_named(home: Path) -> None:
    write(home / ".config/dx-app-wizard/config.toml", "[policy]\nopen-source = 1\nnetwork = 2")
    write(home / PROJECT_FILE, "[lint]\nignore = 3")
    with pytest.raises(PolicyFileError) as raised:
        load_policy(home)
    keys = {problem.key for problem in raised.value.problems}
    assert keys == {"policy.open-source", "policy.network", "lint.ignore"}


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_bytes(b"\xff"), os.mkfifo])
def test_a_file_that_is_none_is_refused(home: Path, make: object) -> None:
    assert callable(make)
    make(home / PROJECT_FILE)
    with pytest.raises(PolicyFileError, match=r"is not a file|is not UTF-8"):
        load_policy(home)


def test_a_user_without_a_home_can_have_a_project(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    write(home / "lab" / PROJECT_FILE, '[policy]\nname-prefix = "lab_"')
    assert prefix_in(home / "lab") == "lab_"


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("policy")
    write(folder / PROJECT_FILE, text)
    with suppress(PolicyFileError):
        load_policy(folder)


VALUES = st.recursive(
    st.booleans() | st.integers() | st.text() | st.datetimes() | st.sampled_from(["24.04", "48h", "org-a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(("table", "key"), [(table, key) for table, keys in KEYS.items() for key in keys])
@given(value=VALUES)
def test_any_value_is_read_or_refused(table: str, key: str, value: object) -> None:
    with suppress(SettingError):
        KEYS[table][key](value)


def test_a_byte_order_mark_is_skipped_and_told_only_beside_errors(home: Path) -> None:
    path = home / "work" / ".dx-app-wizard.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'\xef\xbb\xbf[policy]\r\nname-prefix = "x_"\r\n')
    assert load_policy(path.parent).value("policy", "name-prefix") == "x_"
    path.write_bytes(b"\xef\xbb\xbfunknown = 1\n")
    with pytest.raises(PolicyFileError, match="byte order mark"):
        load_policy(path.parent)
