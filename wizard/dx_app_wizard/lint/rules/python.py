"""Lint rules that compare the source of a Python app with its dxapp.json."""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

import os
import re
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.lint.rules.rule import CodeViolation, Rules
from dx_app_wizard.lint.source.python import all_parameters, has_plain_signature, required_parameters

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from dx_app_wizard.lint.source.app_folder import AppFolder
    from dx_app_wizard.lint.source.python import Function, PythonSource

PYTHON_RULES: Rules[AppFolder, CodeViolation] = Rules()
"""Rules for the folder of an app; they find nothing if its source is not valid Python."""

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
"""The modules of packages that have another name than the package."""

_NUMPY = frozenset({"numpy"})
MODULES_OF_DEPENDENCIES = {
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
"""Modules that the dependencies of common packages provide."""

WORKER_MODULES = frozenset({"dxpy", "argcomplete", "certifi", "dateutil", "psutil", "urllib3", "websocket"})
"""The modules of every worker: dxpy and its dependencies."""


def _main(app: AppFolder) -> tuple[PythonSource, Function] | None:
    """Return the source and its main function, if no unknown decorator may change its parameters."""
    function = app.python.entry_points.get("main") if app.python else None
    if app.python is None or function is None or not has_plain_signature(function):
        return None
    return app.python, function


def _violation(app: AppFolder, node: ast.AST, message: str, hint: str | None = None) -> CodeViolation:
    line, column = getattr(node, "lineno", None), getattr(node, "col_offset", None)
    return CodeViolation(app.source_name or "", message, hint, line, None if column is None else column + 1)


def _near(name: str, names: set[str] | dict[str, Any] | list[str]) -> str | None:
    near = get_close_matches(name, list(names), n=1)
    return f"Did you mean {near[0]!r}?" if near else None


@PYTHON_RULES.rule("warning")
def python_main(app: AppFolder) -> Iterator[CodeViolation]:
    """The source has the entry point `main`: a function decorated with `@dxpy.entry_point("main")`."""
    source = app.python
    if source and "main" not in source.entry_points and source.entry_points_are_known:
        hint = 'Decorate the function that starts the app with @dxpy.entry_point("main").'
        yield CodeViolation(app.source_name or "", "the entry point main is missing", hint)


@PYTHON_RULES.rule("error")
def python_main_lacks_input(app: AppFolder) -> Iterator[CodeViolation]:
    """`main` has a parameter for every input that is always passed; otherwise it fails with a TypeError.

    Required inputs, and inputs with a default in dxapp.json, are always passed.
    """
    yield from _inputs_without_parameter(app, always_passed=True)


@PYTHON_RULES.rule("warning")
def python_main_lacks_optional_input(app: AppFolder) -> Iterator[CodeViolation]:
    """`main` has a parameter for every optional input; otherwise runs with that input fail."""
    yield from _inputs_without_parameter(app, always_passed=False)


def _inputs_without_parameter(app: AppFolder, *, always_passed: bool) -> Iterator[CodeViolation]:
    found = _main(app)
    if not found or found[1].args.kwarg:
        return
    function = found[1]
    for field in app.fields("inputSpec"):
        name = field.get("name")
        passed = field.get("optional") is not True or "default" in field
        if isinstance(name, str) and passed == always_passed and name not in all_parameters(function):
            hint = _near(name, required_parameters(function) - set(app.parameter_names("inputSpec") or []))
            yield _violation(
                app, function, f"main() has no parameter for the input {name!r}", hint or "Add it."
            )


@PYTHON_RULES.rule("error")
def python_main_extra_parameter(app: AppFolder) -> Iterator[CodeViolation]:
    """Every required parameter of `main` is an input."""
    found = _main(app)
    names = app.parameter_names("inputSpec")
    if not found or names is None:
        return
    for name in sorted(required_parameters(found[1]) - set(names)):
        hint = _near(name, names) or "Declare it in inputSpec, or give it a default."
        yield _violation(app, found[1], f"main() requires {name!r}, which is not an input", hint)


@PYTHON_RULES.rule("warning")
def python_main_optional_input(app: AppFolder) -> Iterator[CodeViolation]:
    """Optional inputs without a default in dxapp.json have a default in `main`."""
    found = _main(app)
    if not found:
        return
    fields = app.fields("inputSpec")
    absent = {
        field.get("name") for field in fields if field.get("optional") is True and "default" not in field
    }
    for name in sorted(required_parameters(found[1]) & absent):
        hint = f"Write {name}=None."
        yield _violation(app, found[1], f"main() requires {name!r}, which is an optional input", hint)


@PYTHON_RULES.rule("warning")
def python_output_unknown(app: AppFolder) -> Iterator[CodeViolation]:
    """Every output that `main` returns is declared in outputSpec."""
    found = _main(app)
    names = app.parameter_names("outputSpec")
    if not found or names is None:
        return
    for returned in found[0].returns(found[1]):
        for key in sorted((returned.keys or frozenset()) - set(names)):
            hint = _near(key, names) or "Declare it in outputSpec."
            yield _violation(app, returned.node, f"main() returns {key!r}, which is not an output", hint)


@PYTHON_RULES.rule("warning")
def python_output_missing(app: AppFolder) -> Iterator[CodeViolation]:
    """`main` returns every output that is not optional.

    A conditional return without any output is accepted, since it may be for tests.
    """
    found = _main(app)
    if not found or _writes_output_otherwise(app):
        return
    for returned in found[0].returns(found[1]):
        for field in app.required_outputs:
            if returned.is_certain and returned.keys is not None and field["name"] not in returned.keys:
                message = f"main() ends here without output {field['name']!r}"
                yield _violation(app, returned.node, message, "Return it, or declare it optional.")


def _writes_output_otherwise(app: AppFolder) -> bool:
    ways = ("job_output.json", "dx-jobutil-add-output", "dx-upload-all-outputs", "upload_all_outputs")
    return any(way in (app.source or "") for way in ways)


@PYTHON_RULES.rule("warning")
def python_job_target(app: AppFolder) -> Iterator[CodeViolation]:
    """Jobs are started at existing entry points."""
    source = app.python
    if source is None or not source.entry_points_are_known:
        return
    for start in source.job_starts:
        if start.target is not None and start.target not in source.entry_points:
            hint = _near(start.target, source.entry_points) or "Decorate a function with this name."
            yield _violation(app, start.node, f"the entry point {start.target!r} does not exist", hint)


@PYTHON_RULES.rule("warning")
def python_job_input(app: AppFolder) -> Iterator[CodeViolation]:
    """Jobs are started with the parameters of their entry point as input."""
    source = app.python
    for start in source.job_starts if source else []:
        function = source.entry_points.get(start.target or "") if source else None
        if function is None or start.input_keys is None or not has_plain_signature(function):
            continue
        for name in sorted(required_parameters(function) - start.input_keys):
            yield _violation(
                app, start.node, f"the job is started without input {name!r} of {start.target}()"
            )
        if not function.args.kwarg:
            for name in sorted(start.input_keys - all_parameters(function)):
                hint = _near(name, all_parameters(function))
                yield _violation(app, start.node, f"{start.target}() has no parameter {name!r}", hint)


@PYTHON_RULES.rule("warning")
def python_job_output(app: AppFolder) -> Iterator[CodeViolation]:
    """References are to outputs that the job's entry point returns."""
    source = app.python
    for call in source.output_calls if source else []:
        function = source.entry_points.get(call.target) if source else None
        returned = [way.keys for way in source.returns(function)] if source and function else [None]
        if None in returned:
            continue
        keys = {key for way in returned if way is not None for key in way}
        if call.field not in keys:
            hint = _near(call.field, keys)
            message = f"{call.target}() does not return {call.field!r}"
            yield _violation(app, call.node, message, hint)


@PYTHON_RULES.rule("warning")
def python_import(app: AppFolder) -> Iterator[CodeViolation]:
    """Every module is provided: by the standard library, dxpy, resources/, execDepends or an asset."""
    source = app.python
    if source is None or _may_install_anything(app):
        return
    known = sys.stdlib_module_names | WORKER_MODULES | _resource_modules(app) | _installed_modules(app)
    lowered = {name.lower() for name in known}
    for module in source.needed_modules:
        if module.relative:
            hint = "Import the module by its full name."
            yield _violation(
                app, module.node, "relative imports fail because the source is not a package", hint
            )
        elif module.name.lower() not in lowered:
            message = f"module {module.name!r} is not available on workers"
            yield _violation(app, module.node, message, _import_hint(app, module.name))


def _import_hint(app: AppFolder, module: str) -> str:
    if (app.path / "src" / f"{module}.py").is_file() or (app.path / "src" / module).is_dir():
        return "Only runSpec.file is uploaded from src/: move it to resources/home/dnanexus/."
    package = next((package for package, name in MODULES_OF_PACKAGES.items() if name == module), module)
    return f'Add {{"name": "{package}", "package_manager": "pip"}} to runSpec.execDepends.'


def _may_install_anything(app: AppFolder) -> bool:
    """Return whether unknown modules may be installed: by assets, packages from git, or pip in the code."""
    return app.installs_bundles or bool(re.search(r"\bpip3?\b", app.source or ""))


def _resource_modules(app: AppFolder) -> set[str]:
    found = set()
    for folder, _folders, files in os.walk(app.path / "resources"):
        for name in files:
            if name.endswith((".py", ".so")):
                found |= {name.partition(".")[0], os.path.basename(folder)}  # noqa: PTH119 - os.walk gives text
    return found


def _installed_modules(app: AppFolder) -> set[str]:
    """Return the modules of the packages in execDepends, derived from their names."""
    found = set()
    for package in app.packages:
        name = package.get("name")
        if isinstance(name, str):
            plain = re.split(r"[\[<>=!~@; ]", name)[0].removeprefix("python3-").lower()
            found.add(MODULES_OF_PACKAGES.get(plain, plain.replace("-", "_")))
            found.add(plain.removeprefix("python-").replace("-", "_"))
            found |= MODULES_OF_DEPENDENCIES.get(plain, frozenset())
    return found
