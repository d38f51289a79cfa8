"""Generated apps, each with one violation seeded into it: the linter reports it by its rule."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.lint.shellcheck import shellcheck
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.rendering.render import render_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_app_wizard.answers.choices import Language, Pattern

Spec = dict[str, Any]
REMOVED = object()
REGION = ("regionalOptions", "aws:us-east-1")
REQUIREMENT = (*REGION, "systemRequirements", "*")


def render(folder: Path, language: Language, pattern: Pattern) -> Path:
    spec = {
        "name": "count",
        "title": "Count",
        "summary": "Counts lines",
        "version": "0.0.1",
        "inputSpec": [
            {"name": "reads", "class": "file"},
            {"name": "depth", "class": "int", "default": 3, "choices": [3, 4]},
            {"name": "label", "class": "string", "optional": True},
        ],
        "outputSpec": [{"name": "report", "class": "file"}, {"name": "n_lines", "class": "int"}],
        "runSpec": {
            "interpreter": {"python": "python3", "bash": "bash"}[language],
            "file": {"python": "src/count.py", "bash": "src/count.sh"}[language],
            "distribution": "Ubuntu",
            "release": "24.04",
            "version": "0",
            "timeoutPolicy": {"*": {"hours": 1}},
        },
        "regionalOptions": {
            "aws:us-east-1": {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x4"}}}
        },
    }
    render_app(Plan(AppSpec.from_dict(spec), language, pattern), folder / "count")
    return folder / "count"


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One generated app per language, of the pattern with subjobs, to seed violations into."""
    return {
        language: render(tmp_path_factory.mktemp(language), language, "parallelized")
        for language in LANGUAGES
    }


@pytest.fixture
def seed(apps: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Copies of the generated apps."""
    return lambda language: shutil.copytree(apps[language], tmp_path / "count")


def rules_found(folder: Path) -> set[str]:
    return {finding.rule for finding in lint_app(folder)}


def change(folder: Path, path: tuple[str | int, ...], value: Any) -> None:
    file = folder / "dxapp.json"
    spec = json.loads(file.read_text(encoding="utf-8"))
    place = spec
    for step in path[:-1]:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    if value is REMOVED:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    file.write_text(json.dumps(spec, indent=2), encoding="utf-8")


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_generated_apps_have_no_findings(tmp_path: Path, language: Language, pattern: Pattern) -> None:
    folder = render(tmp_path, language, pattern)
    assert lint_app(folder) + shellcheck(folder, "style") == []


SPEC_VIOLATIONS: list[tuple[str, tuple[str | int, ...], Any]] = [
    ("app-name", ("name",), "count\nreads"),
    ("app-name-style", ("name",), "count reads"),
    ("app-name-style", ("name",), "Count"),
    ("app-folder-name", ("name",), "counter"),
    ("app-version", ("version",), "1.0"),
    ("app-texts", ("summary",), "Counts lines."),
    ("app-texts", ("title",), "Count\nlines"),
    ("app-category", ("categories",), ["Read Maping"]),
    ("authorized-users", ("authorizedUsers",), ["alice"]),
    ("pricing-policy", ("pricingPolicy",), {}),
    ("io-declared", ("outputSpec",), REMOVED),
    ("misspelt-key", ("inputSpec", 0, "optinal"), True),
    ("misplaced-key", ("execDepends",), []),
    ("description-twice", ("description",), "Counts lines."),
    ("io-class", ("inputSpec", 0, "class"), "files"),
    ("io-name", ("inputSpec", 0, "name"), "my reads"),
    ("io-name-unique", ("inputSpec", 2, "name"), "depth"),
    ("io-default", ("inputSpec", 1, "default"), "3"),
    ("io-choices", ("inputSpec", 1, "choices"), [3, "many"]),
    ("io-default-choice", ("inputSpec", 1, "default"), 5),
    ("io-suggestions", ("inputSpec", 1, "suggestions"), ["many"]),
    ("io-data-object-keys", ("inputSpec", 1, "patterns"), ["*.txt"]),
    ("output-keys", ("outputSpec", 1, "default"), 0),
    ("reserved-name", ("inputSpec", 2, "name"), "lambda"),
    ("schema", ("runSpec", "timeoutPolicy", "*", "hours"), "48"),
    ("run-spec", ("runSpec", "interpreter"), REMOVED),
    ("run-release", ("runSpec", "release"), REMOVED),
    ("run-source", ("runSpec", "code"), "pass"),
    ("interpreter", ("runSpec", "interpreter"), "python"),
    ("release", ("runSpec", "version"), "1.0.0"),
    ("old-worker", ("runSpec", "release"), "16.04"),
    ("interpreter-release", ("runSpec", "release"), "14.04"),
    ("timeout-policy", ("runSpec", "timeoutPolicy", "*"), {"days": 31}),
    ("execution-policy", ("runSpec", "executionPolicy"), {"maxRestarts": 10}),
    ("entry-point-unknown", ("runSpec", "timeoutPolicy", "proces"), {"hours": 1}),
    ("exec-depends", ("runSpec", "execDepends"), [{"name": "x", "package_manager": "conda"}]),
    ("exec-depends-network", ("runSpec", "execDepends"), [{"name": "x", "package_manager": "pip"}]),
    ("asset-depends", ("runSpec", "assetDepends"), [{"name": "samtools"}]),
    ("access-level", ("access", "project"), "contribute"),
    ("access-network", ("access", "network"), ["https://github.com"]),
    ("regional-options", ("regionalOptions", "azure:westus"), {}),
    ("region-known", ("regionalOptions", "us-east-1"), {"systemRequirements": {}}),
    ("region-known", ("regionalOptions", "aws:moon"), {"systemRequirements": {}}),
    ("instance-type", (*REQUIREMENT, "instanceType"), "mem1_ssd1_v2_x3"),
    ("instance-type-known", (*REQUIREMENT, "instanceType"), "mem9_new_x4"),
    ("instance-type-legacy", (*REQUIREMENT, "instanceType"), "mem1_ssd1_x4"),
    ("instance-selector", (*REQUIREMENT, "instanceTypeSelector"), {"allowedInstanceTypes": []}),
    ("cluster-spec", ("runSpec", "systemRequirements", "*", "clusterSpec"), {}),
    ("bootstrap-script", (*REQUIREMENT, "clusterSpec"), {"bootstrapScript": "src/start.sh"}),
    ("deprecated-field", ("runSpec", "systemRequirements"), {}),
    ("resources-region", ("resources",), "project-123"),
]


@pytest.mark.parametrize(
    ("rule", "path", "value"), SPEC_VIOLATIONS, ids=[seeded[0] for seeded in SPEC_VIOLATIONS]
)
def test_a_violation_in_dxapp_json(
    seed: Callable[[str], Path], rule: str, path: tuple[str | int, ...], value: Any
) -> None:
    folder = seed("python")
    change(folder, path, value)
    assert rule in rules_found(folder)


START = "def main(\n    reads: JSON,\n"
MAIN_END = '        "n_lines": postprocess_job.get_output_ref("n_lines"),\n'

SOURCE_VIOLATIONS = [
    ("python", "source-syntax", "def gather(", "def gather(("),
    ("python", "python-main", '@dxpy.entry_point("main")', '@dxpy.entry_point("start")'),
    ("python", "python-main-lacks-input", "    reads: JSON,\n", "    read: JSON = None,\n"),
    ("python", "python-main-extra-parameter", START, START + "    threads: int,\n"),
    (
        "python",
        "python-main-optional-input",
        "    label: str | None = None,\n",
        "    *,\n    label: str | None,\n",
    ),
    ("python", "python-main-lacks-optional-input", "    label: str | None = None,\n", ""),
    ("python", "python-output-missing", MAIN_END, ""),
    ("python", "python-output-unknown", MAIN_END, MAIN_END + '        "total": 1,\n'),
    ("python", "python-job-target", '"postprocess",\n    )', '"postproces",\n    )'),
    ("python", "python-job-input", '{"results": results', '{"resluts": results'),
    ("python", "python-job-output", 'get_output_ref("result")', 'get_output_ref("reslut")'),
    ("python", "python-import", "import dxpy\n", "import dxpy\nimport pysam\n"),
    ("bash", "source-syntax", "\nmain() {", "\nmain() {{"),
    ("bash", "bash-line-ends", "\n", "\r\n"),
    ("bash", "bash-job-target", "dx-jobutil-new-job postprocess", "dx-jobutil-new-job postproces"),
    ("bash", "bash-output-unknown", 'output n_lines "$job', 'output lines "$job'),
    ("python", "network-use", "import dxpy\n", "import dxpy\nrequests.get('https://example.org')\n"),
    ("bash", "network-use", "\nmain() {\n", "\nmain() {\n    curl -O https://example.org/x\n"),
    ("bash", "bash-job-output", "dx-jobutil-add-output result ", "dx-jobutil-add-output reslut "),
    ("bash", "bash-output-missing", "dx-jobutil-add-output n_lines", "true"),
]


@pytest.mark.parametrize(
    ("language", "rule", "text", "faulty"),
    SOURCE_VIOLATIONS,
    ids=[f"{seeded[0]}-{seeded[1]}" for seeded in SOURCE_VIOLATIONS],
)
def test_a_violation_in_the_source(
    seed: Callable[[str], Path], language: str, rule: str, text: str, faulty: str
) -> None:
    folder = seed(language)
    source = next((folder / "src").iterdir())
    before = source.read_bytes().decode()
    assert text in before
    source.write_bytes(before.replace(text, faulty).encode())
    assert rule in rules_found(folder)


def test_a_duplicate_key(seed: Callable[[str], Path]) -> None:
    folder = seed("bash")
    file = folder / "dxapp.json"
    file.write_text(file.read_text().replace('"name"', '"title": "Twice",\n  "name"', 1))
    assert rules_found(folder) == {"dxapp-json"}


def test_a_missing_source(seed: Callable[[str], Path]) -> None:
    folder = seed("bash")
    (folder / "src" / "count.sh").unlink()
    assert "source-file" in rules_found(folder)


def test_a_missing_readme(seed: Callable[[str], Path]) -> None:
    folder = seed("bash")
    (folder / "Readme.md").unlink()
    assert rules_found(folder) == {"app-described"}


def test_a_broken_link_among_the_resources(seed: Callable[[str], Path]) -> None:
    folder = seed("bash")
    (folder / "resources").mkdir()
    (folder / "resources" / "link").symlink_to("nowhere")
    assert rules_found(folder) == {"resource-links"}


def test_a_faulty_script_among_the_resources(seed: Callable[[str], Path]) -> None:
    folder = seed("bash")
    (folder / "resources").mkdir()
    (folder / "resources" / "tool.py").write_text("def f(:\n")
    assert rules_found(folder) == {"resource-syntax"}


def test_faulty_code_within_dxapp_json(seed: Callable[[str], Path]) -> None:
    folder = seed("bash")
    change(folder, ("runSpec", "file"), REMOVED)
    change(folder, ("runSpec", "code"), "main() {")
    assert rules_found(folder) == {"code-syntax"}


def test_an_unquoted_variable(seed: Callable[[str], Path]) -> None:
    folder = seed("bash")
    source = folder / "src" / "count.sh"
    source.write_text(source.read_text() + "\nremove() { rm $1; }\n")
    assert [finding.rule for finding in shellcheck(folder, "info")] == ["SC2086"]
    assert shellcheck(folder) == []


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        (". ~/environment", []),
        ('source "$HOME/environment" # of the worker', []),
        ("source /home/dnanexus/environment", []),
        (". environment", []),
        ('. "$HELPERS"', ["SC1090"]),
        (". ./helpers.sh", ["SC1091"]),
    ],
)
def test_files_that_shellcheck_cannot_follow(
    seed: Callable[[str], Path], line: str, rules: list[str]
) -> None:
    folder = seed("bash")
    (folder / "src" / "count.sh").write_text(f"export HELPERS=$1\n{line}\n")
    assert [finding.rule for finding in shellcheck(folder, "info")] == rules


def test_shellcheck_reports_a_syntax_error_once(seed: Callable[[str], Path]) -> None:
    folder = seed("bash")
    (folder / "src" / "count.sh").write_text("main() {\n  for read in *; do\n    echo $read\n}\n")
    assert [finding.rule for finding in shellcheck(folder)] == ["SC1073"]


def test_inputs_of_subjobs_are_variables(seed: Callable[[str], Path]) -> None:
    folder = seed("bash")
    part = 'part() { echo "$kmers_path" "$k" "$unknown"; }'
    main = 'main() { dx-jobutil-new-job part -ikmers="$reads" -i "k:int=31"; }'
    (folder / "src" / "count.sh").write_text(f"{part}\n{main}\n")
    assert [finding.message.split()[0] for finding in shellcheck(folder)] == ["unknown"]


def test_a_folder_without_dxapp_json_is_no_app(tmp_path: Path) -> None:
    (finding,) = lint_app(tmp_path)
    assert (finding.message, finding.hint) == (
        f"{tmp_path} contains no dxapp.json",
        "Pass the folder of an app, or create an app with dx-app-wizard.",
    )
