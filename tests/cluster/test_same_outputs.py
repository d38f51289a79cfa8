"""Apps give the same outputs on nodes as on this machine: on Parsl's local nodes, and on a real Slurm."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.rendering.render import render_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.testing import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

E2E = Path(__file__).parents[1] / "e2e"
READS = E2E.parent / "data" / "reads.fastq"
EXAMPLES = sorted(path.parent.name for path in (E2E / "example_apps").glob("*/dxapp.json"))
TUTORIAL: dict[str, dict[str, Any]] = {
    "count_reads": {"reads": READS, "num_subjobs": 10},
    "count_reads_bash": {"reads": READS, "num_subjobs": 3},
    "gtable_count": {"input_gtable": READS, "num_subjobs": 3},
    "gtable_collect_bash": {},
}
TEMPLATES = [f"{pattern}/{language}" for pattern in PATTERNS for language in LANGUAGES]


def content(value: Any) -> Any:
    """Return an output with the contents of its files instead of their paths."""
    if isinstance(value, list):
        return [content(item) for item in value]
    return comparable(value.read_bytes()) if isinstance(value, Path) else value


def comparable(data: bytes) -> Any:
    """Return the content of a file without compression, and without dates."""
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    if data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            files = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
            return {name: comparable(file.read()) for name, file in files if file}
    return [
        line for line in data.splitlines() if not line.startswith((b"##bcftools", b"@PG", b"# This file"))
    ]


def outputs(run: Run) -> dict[str, Any]:
    return {name: content(value) for name, value in run.output.items()}


def compare(
    dx_run: Callable[..., Run],
    app: Path,
    inputs: dict[str, Any] | None,
    nodes: dict[str, Any],
    **options: Any,
) -> None:
    here = dx_run(app, inputs, **options)
    there = dx_run(app, inputs, **options, **nodes)
    assert outputs(there) == outputs(here)


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates(dx_run: Callable[..., Run], tmp_path: Path, nodes: dict[str, Any], template: str) -> None:
    pattern, language = template.split("/")
    raw = {
        "name": "typical",
        "inputSpec": [{"name": "reads", "class": "file"}],
        "outputSpec": [{"name": "report", "class": "file"}, {"name": "n_lines", "class": "int"}],
        "runSpec": {
            "interpreter": "python3" if language == "python" else "bash",
            "file": f"src/typical.{'py' if language == 'python' else 'sh'}",
            "distribution": "Ubuntu",
            "release": "24.04",
        },
    }
    render_app(Plan(AppSpec.from_dict(raw), language, pattern), tmp_path / "typical")  # type: ignore[arg-type]
    compare(dx_run, tmp_path / "typical", None, nodes)


@pytest.mark.parametrize("name", TUTORIAL)
def test_tutorial_apps(dx_run: Callable[..., Run], nodes: dict[str, Any], name: str) -> None:
    compare(dx_run, E2E / "tutorial" / name, TUTORIAL[name], nodes)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_apps(dx_run: Callable[..., Run], nodes: dict[str, Any], name: str) -> None:
    compare(dx_run, E2E / "example_apps" / name, None, nodes, install_depends=True)


def test_subjobs_of_subjobs_that_are_awaited(
    dx_run: Callable[..., Run], make_app: Callable[..., Path], nodes: dict[str, Any]
) -> None:
    """A main and three middle jobs wait while their leaves run, in fewer slots than there are jobs."""
    code = """
        main() {
            for i in 1 2 3; do jobs+=("$(dx-jobutil-new-job middle -inumber=$i)"); done
            dx wait "${jobs[@]}"
            dx-jobutil-add-output total "${jobs[0]}:total" --class=jobref
            cat /shared/note
        }
        middle() {
            leaf=$(dx-jobutil-new-job leaf -inumber="$number")
            dx wait "$leaf"
            dx-jobutil-add-output total "$leaf:total" --class=jobref
        }
        leaf() { dx-jobutil-add-output total "$((number * 7))" --class=int; }
    """
    app = make_app(code, interpreter="bash", outputs={"total": "int"})
    (app / "resources" / "shared").mkdir(parents=True)
    (app / "resources" / "shared" / "note").write_text("from the resources\n")
    run = dx_run(app, {}, **nodes)
    assert run.output == {"total": 7}
    assert "from the resources" in run.log


def test_python_packages_of_exec_depends(
    dx_run: Callable[..., Run], make_app: Callable[..., Path], nodes: dict[str, Any]
) -> None:
    code = """
        import dxpy, iniconfig

        @dxpy.entry_point("main")
        def main():
            return {"name": iniconfig.__name__}

        dxpy.run()
    """
    depends = [{"name": "iniconfig", "package_manager": "pip", "version": "2.0.0"}]
    app = make_app(
        code,
        outputs={"name": "string"},
        runSpec={"execDepends": depends},
        access={"network": ["*"]},
    )
    assert dx_run(app, {}, **nodes).output == {"name": "iniconfig"}
