"""`pip install` in a job is for that job alone, with a world of its own and without."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.worker.conftest import Workshop

WHEEL = "colours-1.0-py3-none-any.whl"
INSTALL = f"pip install --quiet --no-index --disable-pip-version-check --root-user-action=ignore ./{WHEEL}"


def wheel() -> str:
    """Return a package with one module, in base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("colours.py", "RED = 'ff0000'\n")
        archive.writestr(
            "colours-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: colours\nVersion: 1.0\n"
        )
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr("colours-1.0.dist-info/WHEEL", tags)
        archive.writestr("colours-1.0.dist-info/RECORD", "")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize("kind", ["workshop", "bare_workshop"])
def test_what_a_job_installs_is_there_for_that_job_alone(request: pytest.FixtureRequest, kind: str) -> None:
    workshop: Workshop = request.getfixturevalue(kind)
    imports = 'python3 -c "import colours; print(colours.RED)"'
    job = workshop.run(f"base64 -d <<< {wheel()} > {WHEEL}\n{INSTALL}\n{imports}", "bash")
    assert (job.said(), job.code) == (["ff0000"], 0), job.said("STDERR")
    assert "No module named 'colours'" in workshop.run(imports, "bash").said("STDERR")[-1]


def test_a_python_job_imports_what_it_has_installed(bare_workshop: Workshop) -> None:
    job = bare_workshop.run(f"""
import base64, subprocess
open("{WHEEL}", "wb").write(base64.b64decode("{wheel()}"))
subprocess.check_call("{INSTALL}".split())
import colours
print(colours.RED)
""")
    assert job.said() == ["ff0000"], job.said("STDERR")
