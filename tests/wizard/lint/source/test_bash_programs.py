"""The rule bash-program reports calls of programs that a worker does not have, and no others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.lint.source.program_packages import packages_of_programs, worker_programs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Missing = list[tuple[str, int | None]]


@pytest.fixture
def missing(tmp_path: Path) -> Callable[..., Missing]:
    """Return the programs that the rule reports in an app with this source, packages and resources."""

    def lint(source: str, *packages: str, resources: dict[str, str] | None = None, **more: Any) -> Missing:
        depends = [
            {"name": name.removeprefix("pip:"), **({"package_manager": "pip"} if "pip:" in name else {})}
            for name in packages
        ]
        run_spec = {"interpreter": "bash", "file": "code.sh", "execDepends": depends, **more}
        (tmp_path / "dxapp.json").write_text(json.dumps({"name": "a", "runSpec": run_spec}))
        (tmp_path / "code.sh").write_text(source)
        for name, text in (resources or {}).items():
            (tmp_path / "resources" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "resources" / name).write_text(text)
        found = [finding for finding in lint_app(tmp_path) if finding.rule == "bash-program"]
        return [(finding.message.split("'")[1], finding.line) for finding in found]

    return lint


def test_programs_that_nothing_provides(missing: Callable[..., Missing]) -> None:
    source = "main() {\n  samtools view x | bgzip > y\n  samtools index x\n  my-own-tool\n}\n"
    assert missing(source) == [("samtools", 2), ("bgzip", 2), ("my-own-tool", 4)]


PROVIDED = {
    "worker": "set -e; ls | sort | awk 1; jq . x; dx upload x; dx-new-helper; docker run x; python3 -c 1",
    "function": "helper() { true; }; helper",
    "path": "/opt/tool/samtools view; ./samtools; ~/bin/x",
    "computed": '"$TOOL" x; ${bin}tools y',
    "probed": "if command -v samtools; then samtools view; fi",
    "alias": "alias st=sort; st x",
    "apt-get": "sudo apt-get install -y samtools=1.10-3 && samtools view",
    "apt-get-computed": "apt-get install -y $PACKAGES; samtools view",
    "apt-get-unknown": "apt-get install -y unheard-of; samtools view",
    "pip": "pip install multiqc==1.9; multiqc .",
    "python-pip": "python3 -m pip install --upgrade multiqc; multiqc .",
    "conda": "conda install -y samtools; samtools view",
    "make": "make -C htslib install; samtools view",
    "PATH": "export PATH=$PATH:/opt/x; samtools view",
    "bin": "sudo cp tools/* /usr/local/bin/; samtools view",
    "link": "ln -s /opt/x/samtools /usr/bin/samtools; samtools view",
    "redirect": "dx cat x > /usr/bin/samtools; samtools view",
    "download": "dx download x -o /usr/bin/samtools; samtools view",
    "archive": "tar xzf x.tar.gz -C / --no-same-owner; samtools view",
    "deb": "sudo dpkg -i samtools.deb; samtools view",
    "script": "bash install_tools.sh; samtools view",
    "sourced": ". ~/unheard-of.sh; samtools view",
    "inside-docker": 'docker run -v $PWD:/x tools samtools view; docker exec x bash -c "samtools y"',
    "here-document": "cat > x.R <<'E'\nsamtools view\nE",
    "not-understood": "for x in; do samtools; done <<< (",
}


@pytest.mark.parametrize("source", PROVIDED.values(), ids=PROVIDED)
def test_what_may_be_provided_is_not_reported(missing: Callable[..., Missing], source: str) -> None:
    assert missing(source) == []


@pytest.mark.parametrize(
    ("source", "packages"),
    [
        ("samtools view; bgzip x; tabix y", ["samtools"]),
        ("bgzip x", ["tabix"]),
        ("java -jar x", ["openjdk-8-jre-headless"]),
        ("java -jar x", ["picard-tools"]),
        ("Rscript x", ["r-cran-ggplot2"]),
        ("aws s3 ls", ["pip:awscli"]),
        ("cutadapt x", ["pip:Cutadapt"]),
        ("samtools view", ["some-pipeline"]),
        ("my-own-tool", ["samtools"]),
    ],
)
def test_packages_provide_programs(missing: Callable[..., Missing], source: str, packages: list[str]) -> None:
    assert missing(source, *packages) == []


@pytest.mark.parametrize("package", ["pigz", "libgsl-dev", "python3-numpy", "pip:pandas", "jq"])
def test_packages_that_bring_other_things(missing: Callable[..., Missing], package: str) -> None:
    assert missing("samtools view", package) == [("samtools", 1)]


@pytest.mark.parametrize(
    "name", ["usr/bin/samtools", "usr/local/bin/samtools", "opt/x/samtools", "home/dnanexus/samtools"]
)
def test_resources_provide_programs(missing: Callable[..., Missing], name: str) -> None:
    assert missing("samtools view; bwa mem", resources={name: ""}) == [("bwa", 1)]


def test_sourced_resources_are_read(missing: Callable[..., Missing]) -> None:
    source = ". ~/environment; source /home/dnanexus/lib.sh; helper; bwa mem; samtools view"
    library = {"home/dnanexus/lib.sh": "helper() { apt-get install -y samtools; }"}
    assert missing(source, resources=library) == [("bwa", 1)]


@pytest.mark.parametrize("key", ["assetDepends", "bundledDepends"])
def test_assets_may_bring_anything(missing: Callable[..., Missing], key: str) -> None:
    assert missing("samtools view", **{key: [{"id": "record-x"}]}) == []


def test_the_hint_names_the_package(tmp_path: Path) -> None:
    run_spec = {"interpreter": "bash", "file": "code.sh"}
    (tmp_path / "dxapp.json").write_text(json.dumps({"runSpec": run_spec}))
    (tmp_path / "code.sh").write_text("bgzip x; multiqc .; own")
    hints = [finding.hint for finding in lint_app(tmp_path) if finding.rule == "bash-program"]
    assert hints == [
        'Declare it in runSpec.execDepends: {"name": "tabix"}.',
        'Declare it in runSpec.execDepends: {"name": "multiqc", "package_manager": "pip"}.',
        "Put it into resources/usr/bin/, or declare its package in runSpec.execDepends.",
    ]


def test_no_worker_has_a_program_that_packages_are_named_for() -> None:
    assert worker_programs().isdisjoint(packages_of_programs())
