"""Lint rules that hold a Python app's source against its dxapp.json."""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

import os
import re
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.lint.findings import CodeFault, Rules
from dx_app_wizard.lint.source.python import all_parameters, has_plain_signature, required_parameters

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from dx_app_wizard.lint.app_folder import AppFolder
    from dx_app_wizard.lint.source.python import Function, PythonSource

PYTHON_RULES: Rules[AppFolder, CodeFault] = Rules()
"""Rules over the folder of an app; they are silent where its source is not Python, or does not parse."""

MODULES_OF_PACKAGES = {
    "beautifulsoup4": "bs4",
    "biopython": "Bio",
    "opencv-python": "cv2",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pyvcf": "vcf",
    "pyvcf3": "vcf",
    "pyyaml": "yaml",
    "python-dateutil": "dateutil",
    "scikit-bio": "skbio",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "umap-learn": "umap",
    "websocket-client": "websocket",
}
"""Packages whose module is not called as they are."""

_NUMPY = frozenset({"numpy"})
BROUGHT_ALONG = {
    "anndata": frozenset({"numpy", "pandas", "scipy", "h5py"}),
    "biopython": _NUMPY,
    "matplotlib": frozenset({"numpy", "PIL"}),
    "pandas": frozenset({"numpy", "pytz", "six"}),
    "requests": frozenset({"idna", "chardet", "charset_normalizer"}),
    "scanpy": frozenset({"anndata", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "h5py"}),
    "scikit-learn": frozenset({"joblib", "numpy", "scipy"}),
    "scipy": _NUMPY,
    "seaborn": frozenset({"matplotlib", "numpy", "pandas"}),
}
"""Modules of the packages that common packages depend on."""

WORKER_MODULES = frozenset({"dxpy", "argcomplete", "certifi", "dateutil", "psutil", "urllib3", "websocket"})
"""What every worker has: dxpy and the packages that it depends on."""


def _main(app: AppFolder) -> tuple[PythonSource, Function] | None:
    """Return the source and its main, if main has the parameters that it shows."""
    function = app.python.entry_points.get("main") if app.python else None
    if app.python is None or function is None or not has_plain_signature(function):
        return None
    return app.python, function


def _fault(app: AppFolder, node: ast.AST, message: str, hint: str | None = None) -> CodeFault:
    line, column = getattr(node, "lineno", None), getattr(node, "col_offset", None)
    return CodeFault(app.source_name or "", message, hint, line, None if column is None else column + 1)


def _near(name: str, names: set[str] | dict[str, Any] | list[str]) -> str | None:
    near = get_close_matches(name, list(names), n=1)
    return f"Did you mean {near[0]!r}?" if near else None


@PYTHON_RULES.rule("warning")
def python_main(app: AppFolder) -> Iterator[CodeFault]:
    """The source has the entry point `main`: a function decorated with `@dxpy.entry_point("main")`."""
    source = app.python
    if source and "main" not in source.entry_points and source.entry_points_are_known:
        hint = 'Decorate the function that starts the app with @dxpy.entry_point("main").'
        yield CodeFault(app.source_name or "", "there is no entry point main", hint)


@PYTHON_RULES.rule("error")
def python_main_lacks_input(app: AppFolder) -> Iterator[CodeFault]:
    """`main` has a parameter for every input that a run always gives; otherwise it fails with a TypeError.

    Always given are inputs that are required, and those with a default in dxapp.json.
    """
    yield from _inputs_without_parameter(app, always_given=True)


@PYTHON_RULES.rule("warning")
def python_main_lacks_optional_input(app: AppFolder) -> Iterator[CodeFault]:
    """`main` has a parameter for every optional input; otherwise a run that gives it fails."""
    yield from _inputs_without_parameter(app, always_given=False)


def _inputs_without_parameter(app: AppFolder, *, always_given: bool) -> Iterator[CodeFault]:
    found = _main(app)
    if not found or found[1].args.kwarg:
        return
    function = found[1]
    for field in app.fields("inputSpec"):
        name = field.get("name")
        given = field.get("optional") is not True or "default" in field
        if isinstance(name, str) and given == always_given and name not in all_parameters(function):
            hint = _near(name, required_parameters(function) - set(app.parameter_names("inputSpec") or []))
            yield _fault(app, function, f"main() has no parameter for the input {name!r}", hint or "Add it.")


@PYTHON_RULES.rule("error")
def python_main_extra_parameter(app: AppFolder) -> Iterator[CodeFault]:
    """`main` requires no parameter that is not an input."""
    found = _main(app)
    names = app.parameter_names("inputSpec")
    if not found or names is None:
        return
    for name in sorted(required_parameters(found[1]) - set(names)):
        hint = _near(name, names) or "Declare it in inputSpec, or give it a default."
        yield _fault(app, found[1], f"main() requires {name!r}, which is no input", hint)


@PYTHON_RULES.rule("warning")
def python_main_optional_input(app: AppFolder) -> Iterator[CodeFault]:
    """Inputs that may be absent (optional, no default in dxapp.json) have a default in `main`."""
    found = _main(app)
    if not found:
        return
    fields = app.fields("inputSpec")
    absent = {
        field.get("name") for field in fields if field.get("optional") is True and "default" not in field
    }
    for name in sorted(required_parameters(found[1]) & absent):
        hint = f"Write {name}=None."
        yield _fault(app, found[1], f"main() requires {name!r}, which is an optional input", hint)


@PYTHON_RULES.rule("warning")
def python_output_unknown(app: AppFolder) -> Iterator[CodeFault]:
    """`main` returns no output that outputSpec does not declare."""
    found = _main(app)
    names = app.parameter_names("outputSpec")
    if not found or names is None:
        return
    for returned in found[0].returns(found[1]):
        for key in sorted((returned.keys or frozenset()) - set(names)):
            hint = _near(key, names) or "Declare it in outputSpec."
            yield _fault(app, returned.node, f"main() returns {key!r}, which is no output", hint)


@PYTHON_RULES.rule("warning")
def python_output_missing(app: AppFolder) -> Iterator[CodeFault]:
    """`main` returns every output that is not optional.

    Ways out without any output count only if no condition leads to them: others may be for tests.
    """
    found = _main(app)
    if not found or _writes_output_otherwise(app):
        return
    for returned in found[0].returns(found[1]):
        for field in app.required_outputs:
            if returned.is_certain and returned.keys is not None and field["name"] not in returned.keys:
                message = f"main() ends here without the output {field['name']!r}"
                yield _fault(app, returned.node, message, "Return it, or declare it optional.")


def _writes_output_otherwise(app: AppFolder) -> bool:
    ways = ("job_output.json", "dx-jobutil-add-output", "dx-upload-all-outputs", "upload_all_outputs")
    return any(way in (app.source or "") for way in ways)


@PYTHON_RULES.rule("warning")
def python_job_target(app: AppFolder) -> Iterator[CodeFault]:
    """Jobs are started at entry points that exist."""
    source = app.python
    if source is None or not source.entry_points_are_known:
        return
    for start in source.job_starts:
        if start.target is not None and start.target not in source.entry_points:
            hint = _near(start.target, source.entry_points) or "Decorate a function with this name."
            yield _fault(app, start.node, f"there is no entry point {start.target!r}", hint)


@PYTHON_RULES.rule("warning")
def python_job_input(app: AppFolder) -> Iterator[CodeFault]:
    """Jobs are started with the input that their entry point takes."""
    source = app.python
    for start in source.job_starts if source else []:
        function = source.entry_points.get(start.target or "") if source else None
        if function is None or start.input_keys is None or not has_plain_signature(function):
            continue
        for name in sorted(required_parameters(function) - start.input_keys):
            yield _fault(app, start.node, f"the job lacks the input {name!r} of {start.target}()")
        if not function.args.kwarg:
            for name in sorted(start.input_keys - all_parameters(function)):
                hint = _near(name, all_parameters(function))
                yield _fault(app, start.node, f"{start.target}() takes no input {name!r}", hint)


@PYTHON_RULES.rule("warning")
def python_job_output(app: AppFolder) -> Iterator[CodeFault]:
    """References name outputs that the job's entry point returns."""
    source = app.python
    for reference in source.output_references if source else []:
        function = source.entry_points.get(reference.target) if source else None
        returned = [way.keys for way in source.returns(function)] if source and function else [None]
        if None in returned:
            continue
        keys = {key for way in returned if way is not None for key in way}
        if reference.field not in keys:
            hint = _near(reference.field, keys)
            message = f"{reference.target}() returns no {reference.field!r}"
            yield _fault(app, reference.node, message, hint)


@PYTHON_RULES.rule("warning")
def python_import(app: AppFolder) -> Iterator[CodeFault]:
    """Modules come from somewhere: the standard library, dxpy, resources/, execDepends, or an asset."""
    source = app.python
    if source is None or _may_bring_anything(app):
        return
    known = sys.stdlib_module_names | WORKER_MODULES | _resource_modules(app) | _installed_modules(app)
    lowered = {name.lower() for name in known}
    for module in source.needed_modules:
        if module.relative:
            hint = "Import it by its name."
            yield _fault(app, module.node, "a relative import fails, as the source is no package", hint)
        elif module.name.lower() not in lowered:
            message = f"module {module.name!r} is not on a worker, and nothing provides it"
            yield _fault(app, module.node, message, _import_hint(app, module.name))


def _import_hint(app: AppFolder, module: str) -> str:
    if (app.path / "src" / f"{module}.py").is_file() or (app.path / "src" / module).is_dir():
        return "Only runSpec.file is uploaded from src/: move it to resources/home/dnanexus/."
    package = next((package for package, name in MODULES_OF_PACKAGES.items() if name == module), module)
    return f'Add {{"name": "{package}", "package_manager": "pip"}} to runSpec.execDepends.'


def _may_bring_anything(app: AppFolder) -> bool:
    """Tell whether something brings modules that nobody can know from here: bundles, git, pip in the code."""
    return app.brings_bundles or bool(re.search(r"\bpip3?\b", app.source or ""))


def _resource_modules(app: AppFolder) -> set[str]:
    found = set()
    for folder, _folders, files in os.walk(app.path / "resources"):
        for name in files:
            if name.endswith((".py", ".so")):
                found |= {name.partition(".")[0], os.path.basename(folder)}  # noqa: PTH119 - os.walk gives text
    return found


def _installed_modules(app: AppFolder) -> set[str]:
    """Return the modules of the packages in execDepends, as far as their names tell."""
    found = set()
    for package in app.packages:
        name = package.get("name")
        if isinstance(name, str):
            plain = re.split(r"[\[<>=!~@; ]", name)[0].removeprefix("python3-").lower()
            found.add(MODULES_OF_PACKAGES.get(plain, plain.replace("-", "_")))
            found.add(plain.removeprefix("python-").replace("-", "_"))
            found |= BROUGHT_ALONG.get(plain, frozenset())
    return found
