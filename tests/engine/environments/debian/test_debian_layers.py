"""Debian packages for jobs only: real apt and dpkg-deb, with a repository for tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.environments.debian.debian_repository import DebianRepository

from dx_local.engine.environments.debian.apt import Apt, AptError
from dx_local.engine.environments.debian.layers import debian_layer
from dx_local.engine.environments.debian.maintainer_scripts import alternatives, link_alternatives
from dx_local.engine.environments.debian.package_names import similar
from dx_local.engine.environments.exec_depends import Dependency

needs_apt = pytest.mark.skipif(not Apt.is_installed(), reason="this machine has no apt")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DebianRepository:
    """A repository that is the only one for apt, and an empty cache."""
    made = DebianRepository(tmp_path / "repository")
    made.open()
    monkeypatch.setenv("APT_CONFIG", str(made.configuration))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return made


@needs_apt
def test_packages_are_unpacked_with_what_they_need(repository: DebianRepository) -> None:
    repository.add("dxt-data", {"usr/share/dxt/word": "hello"})
    repository.add("dxt-say", {"usr/bin/dxt-say": "#!/bin/sh\necho said\n"}, depends="dxt-data, bash")
    said: list[str] = []
    layer = debian_layer([Dependency("dxt-say")], announce=said.append)
    assert layer.archives == ("dxt-data_1.0_all.deb", "dxt-say_1.0_all.deb")
    assert (layer.root / "usr/share/dxt/word").read_text() == "hello"
    assert subprocess.check_output([layer.root / "usr/bin/dxt-say"], text=True) == "said\n"
    assert said == ["Unpacking Debian packages for jobs (dxt-say); later runs reuse them."]
    assert not Path("/usr/bin/dxt-say").exists()


@needs_apt
def test_they_are_unpacked_once(repository: DebianRepository) -> None:
    repository.add("dxt-one", {"usr/bin/dxt-one": ""})
    first = debian_layer([Dependency("dxt-one")], announce=print)
    (repository.folder / "dxt-one_1.0_all.deb").unlink()
    assert debian_layer([Dependency("dxt-one")], announce=pytest.fail) == first
    assert sorted(path.name for path in first.root.parent.iterdir()) == ["layer.json", "root"]


@needs_apt
def test_what_a_killed_process_left_is_removed(repository: DebianRepository) -> None:
    left = repository.folder.parent / "cache/dx-local/debian/layers/.key-1234/root/usr"
    left.mkdir(parents=True)
    repository.add("dxt-one", {"usr/bin/dxt-one": ""})
    layer = debian_layer([Dependency("dxt-one")], announce=print)
    assert list(layer.root.parents[1].iterdir()) == [layer.root.parent]


@needs_apt
def test_unknown_packages_are_named_with_similar_ones(repository: DebianRepository) -> None:
    repository.add("dxt9-lib", {"usr/lib/x": ""})
    layer = debian_layer([Dependency("dxt7-lib"), Dependency("dxt9-lib")], announce=print)
    assert layer.unknown == {"dxt7-lib": ["dxt9-lib"]}
    assert layer.archives == ("dxt9-lib_1.0_all.deb",)


@needs_apt
def test_what_was_unknown_is_asked_for_again_after_a_day(repository: DebianRepository) -> None:
    wanted = [Dependency("dxt-late")]
    marker = debian_layer(wanted, announce=print).root.parent / "layer.json"
    repository.add("dxt-late", {"usr/bin/dxt-late": ""})
    assert debian_layer(wanted, announce=pytest.fail).unknown
    for file in (marker, marker.parents[2] / "lists" / "fetched"):
        os.utime(file, (0, 0))
    assert debian_layer(wanted, announce=print).unknown == {}


@needs_apt
def test_another_version_than_the_pinned_one_is_taken_and_named(repository: DebianRepository) -> None:
    repository.add("dxt-one", {"usr/bin/dxt-one": ""}, version="2.0")
    layer = debian_layer([Dependency("dxt-one", version="1.0")], announce=print)
    assert (layer.archives, layer.unpinned) == (("dxt-one_2.0_all.deb",), ("dxt-one",))


@needs_apt
@pytest.mark.parametrize("fault", ["changed", "cut", "unmet"])
def test_what_cannot_be_had_leaves_nothing(repository: DebianRepository, fault: str) -> None:
    needs = "dxt-nowhere" if fault == "unmet" else ""
    repository.add("dxt-one", {"usr/bin/dxt-one": "1234"}, depends=needs)
    archive = repository.folder / "dxt-one_1.0_all.deb"
    if fault == "changed":
        archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    elif fault == "cut":
        archive.unlink()
    with pytest.raises(AptError, match="dxt-"):
        debian_layer([Dependency("dxt-one")], announce=print)
    assert list((repository.folder.parent / "cache/dx-local/debian/layers").iterdir()) == []


@needs_apt
def test_a_name_is_never_an_option(repository: DebianRepository) -> None:
    layer = debian_layer([Dependency("-oDPkg::Path=/x"), Dependency(".*")], announce=print)
    assert layer.unknown == {"-oDPkg::Path=/x": [], ".*": []}


@needs_apt
def test_links_of_a_packages_script_are_made(repository: DebianRepository) -> None:
    script = "#!/bin/sh\nupdate-alternatives --install /usr/bin/dxt-awk dxt-awk /usr/bin/dxt-gawk 10\n"
    files = {
        "usr/bin/dxt-gawk": "#!/bin/sh\necho gawk\n",
        "usr/lib/jvm/java-1/bin/dxt-java": "",
        "usr/lib/R/etc/Renviron.ucf": "R=x\n",
    }
    repository.add("dxt-gawk", files, postinst=script)
    root = debian_layer([Dependency("dxt-gawk")], announce=print).root
    assert subprocess.check_output([root / "usr/bin/dxt-awk"], text=True) == "gawk\n"
    assert (root / "usr/bin/dxt-java").readlink() == Path("../lib/jvm/java-1/bin/dxt-java")
    assert (root / "etc/R/Renviron").read_text() == "R=x\n"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("update-alternatives --install /a n /b 10", [("/a", "/b")]),
        (
            "  update-alternatives --quiet --install /a n /b 10 \\\n    --slave /c m /d\n",
            [("/a", "/b"), ("/c", "/d")],
        ),
        ("update-alternatives --install /usr/bin/$x $x /b 10", []),
        ("update-alternatives --remove n /b", []),
        ("echo --install /a n /b", []),
    ],
)
def test_links_are_read_from_scripts(script: str, expected: list[tuple[str, str]]) -> None:
    assert alternatives(script) == expected


WORDS = ["update-alternatives", " ", "--install", "--slave", "/a", "/../b", "$x", "\\\n", "\n", '"']


@given(st.lists(st.sampled_from(WORDS), max_size=12).map("".join))
def test_links_read_from_any_script_are_whole_paths(script: str) -> None:
    assert all(path.startswith("/") and "$" not in path for link in alternatives(script) for path in link)


@pytest.mark.parametrize(("link", "target"), [("/../x", "/usr/t"), ("/usr/l", "/../../etc/passwd")])
def test_a_link_never_leads_out_of_the_layer(tmp_path: Path, link: str, target: str) -> None:
    root = tmp_path / "root"
    (root / "usr").mkdir(parents=True)
    (root / "usr/t").write_text("")
    link_alternatives(root, f"update-alternatives --install {link} n {target} 1")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["root", "t", "usr"]


@given(
    st.text(st.sampled_from("ab01.+-([*?"), max_size=8), st.lists(st.text("ab01.+-", max_size=6), max_size=6)
)
def test_similar_names_are_among_those_that_there_are(name: str, names: list[str]) -> None:
    assert set(similar(name, names)) <= set(names)


NAMES = ["openjdk-17-jre", "openjdk-8-jre", "openjdk-17-jdk", "libgsl27", "libgsl-dev", "samtools", "zlib1g"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openjdk-7-jre", ["openjdk-17-jre", "openjdk-8-jre"]),
        ("libgsl0ldbl", ["libgsl27", "libgsl-dev"]),
        ("samtool", ["samtools"]),
        ("nothing-like-it", []),
        ("7", []),
        ("((", []),
    ],
)
def test_similar_names_are_found(name: str, expected: list[str]) -> None:
    assert similar(name, NAMES) == expected
