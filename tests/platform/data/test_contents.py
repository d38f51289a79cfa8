from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.examples import share_of

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core.context import DEFAULT_USER, Caller, Context, Platform
from dx_local.platform.core.errors import (
    ApiError,
    InvalidInput,
    InvalidState,
    PermissionDenied,
    ResourceNotFound,
)
from dx_local.platform.data import contents, file_bytes, files, objects, projects, records
from dx_local.platform.requests.folder_paths import normalize_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    JSON = dict[str, Any]


def new_record(context: Context, project: str, **more: Any) -> str:
    record: str = records.new(context, "record", {"project": project, "parents": True, **more})["id"]
    return record


def listed(context: Context, project: str, folder: str = "/", **more: Any) -> tuple[list[str], list[str]]:
    answer = contents.list_folder(context, project, {"folder": folder, **more})
    return [each["id"] for each in answer["objects"]], answer["folders"]


def exists(context: Context, object_id: str) -> bool:
    try:
        objects.describe(context, object_id, {})
    except ResourceNotFound:
        return False
    return True


@pytest.fixture
def other(context: Context) -> str:
    project: str = projects.new(context, "project", {"name": "other"})["id"]
    return project


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/a//b////c/", "/a/b/c"),
        ("/a b/ü", "/a b/ü"),
        ("/...", "/..."),
        (r"/a\/b//c", r"/a\/b/c"),
        (r"/a\\/b/", r"/a\\/b"),
    ],
)
def test_folder_paths_have_one_form(path: str, normal: str) -> None:
    assert normalize_folder(path) == normal


@pytest.mark.parametrize("path", ["", "a", "./a", "/a/../b", "/..", "/a/.", "/a\0b", "/a\\"])
def test_paths_that_lead_elsewhere_are_invalid(path: str) -> None:
    with pytest.raises(InvalidInput):
        normalize_folder(path)


@given(st.text())
def test_normalizing_again_changes_nothing(path: str) -> None:
    try:
        normal = normalize_folder(path)
    except InvalidInput:
        return
    assert normalize_folder(normal) == normal


def test_a_folder_needs_its_parent(context: Context, project: str) -> None:
    with pytest.raises(ResourceNotFound, match=r'specified folder could not be found in project-.*"/a"'):
        contents.new_folder(context, project, {"folder": "/a/b"})


def test_with_parents_a_folder_may_already_exist(context: Context, project: str) -> None:
    for _ in range(2):
        contents.new_folder(context, project, {"folder": "/a/b", "parents": True})
    assert listed(context, project, "/a") == ([], ["/a/b"])


def test_without_parents_an_existing_folder_is_an_error(context: Context, project: str) -> None:
    contents.new_folder(context, project, {"folder": "/a"})
    with pytest.raises(InvalidState):
        contents.new_folder(context, project, {"folder": "/a/"})


def test_only_direct_children_are_listed(context: Context, project: str) -> None:
    here = new_record(context, project, folder="/a")
    new_record(context, project, folder="/a/b/c")
    new_record(context, project, folder="/ab")
    assert listed(context, project, "/a") == ([here], ["/a/b"])


def test_names_with_characters_of_patterns_are_only_names(context: Context, project: str) -> None:
    new_record(context, project, folder="/a%/x")
    new_record(context, project, folder="/ab/y")
    assert listed(context, project, "/a%") == ([], ["/a%/x"])


ESCAPED = r"/a/b\/c"


def test_an_escaped_slash_is_part_of_a_name(context: Context, project: str) -> None:
    record = new_record(context, project, folder=rf"{ESCAPED}/d\/e")
    assert listed(context, project, "/a") == ([], [ESCAPED])
    assert listed(context, project, ESCAPED) == ([], [rf"{ESCAPED}/d\/e"])
    contents.move(context, project, {"folders": [ESCAPED], "destination": "/"})
    assert listed(context, project) == ([], ["/a", r"/b\/c"])
    assert objects.describe(context, record, {})["folder"] == r"/b\/c/d\/e"


def test_an_escaped_slash_is_kept_by_a_clone(context: Context, project: str, other: str) -> None:
    record = new_record(context, project, folder=ESCAPED, close=True)
    contents.clone(context, project, {"folders": [ESCAPED], "project": other})
    assert listed(context, other, r"/b\/c") == ([record], [])


def test_hidden_objects_are_listed_on_request(context: Context, project: str) -> None:
    hidden = new_record(context, project, hidden=True)
    assert listed(context, project) == ([], [])
    assert listed(context, project, includeHidden=True) == ([hidden], [])


def test_a_list_describes_its_objects(context: Context, project: str) -> None:
    record = new_record(context, project, name="r")
    answer = contents.list_folder(
        context, project, {"describe": {"fields": {"name": True}}, "only": "objects"}
    )
    assert answer == {"objects": [{"id": record, "describe": {"id": record, "name": "r"}}]}


def test_a_folder_moves_with_all_that_is_in_it(context: Context, project: str) -> None:
    deep = new_record(context, project, folder="/a/b/c")
    contents.new_folder(context, project, {"folder": "/t"})
    contents.move(context, project, {"folders": ["/a/b"], "destination": "/t"})
    assert listed(context, project, "/t/b/c") == ([deep], [])
    assert listed(context, project, "/a") == ([], [])


@pytest.mark.parametrize(
    ("folder", "newpath", "error"),
    [
        ("/a", "/a/b/c", InvalidState),
        ("/a", "/taken", InvalidState),
        ("/a", "/missing/a", ResourceNotFound),
        ("/missing", "/b", ResourceNotFound),
        ("/", "/b", InvalidInput),
    ],
)
def test_a_folder_cannot_go_everywhere(
    context: Context, project: str, folder: str, newpath: str, error: type[ApiError]
) -> None:
    for path in ("/a/b", "/taken"):
        contents.new_folder(context, project, {"folder": path, "parents": True})
    with pytest.raises(error):
        contents.rename_folder(context, project, {"folder": folder, "newpath": newpath})


def test_a_full_folder_is_removed_only_with_recurse(context: Context, project: str) -> None:
    record = new_record(context, project, folder="/a/b")
    with pytest.raises(InvalidState):
        contents.remove_folder(context, project, {"folder": "/a"})
    assert contents.remove_folder(context, project, {"folder": "/a", "recurse": True})["completed"] is True
    assert not exists(context, record)


def test_a_folder_is_removed_in_parts(
    context: Context, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "OBJECTS_PER_CALL", 2)
    records_ = [new_record(context, project, folder=folder) for folder in ("/a", "/a/b", "/a/c")]
    request = {"folder": "/a", "recurse": True, "force": True, "partial": True}
    first, second = (contents.remove_folder(context, project, request) for _ in range(2))
    assert (first["completed"], second["completed"]) == (False, True)
    assert not any(exists(context, record) for record in records_)
    assert listed(context, project) == ([], [])


def test_only_administrators_remove_from_a_protected_project(
    context: Context, project: str, new_job: Callable[..., Context]
) -> None:
    projects.update(context, project, {"protected": True})
    record = new_record(context, project)
    contributor = new_job(project="CONTRIBUTE")
    with pytest.raises(PermissionDenied):
        contents.remove_objects(contributor, project, {"objects": [record]})
    contents.remove_objects(context, project, {"objects": [record]})


def test_a_missing_folder_is_removed_with_force(context: Context, project: str) -> None:
    with pytest.raises(ResourceNotFound):
        contents.remove_folder(context, project, {"folder": "/a"})
    assert contents.remove_folder(context, project, {"folder": "/a", "force": True})["completed"]


def test_unknown_objects_are_removed_with_force(context: Context, project: str) -> None:
    request = {"objects": [f"record-{'0' * 24}"]}
    with pytest.raises(ResourceNotFound):
        contents.remove_objects(context, project, request)
    assert contents.remove_objects(context, project, {**request, "force": True}) == {"id": project}


def test_hidden_objects_go_with_the_last_that_links_to_them(context: Context, project: str) -> None:
    deepest = new_record(context, project, hidden=True)
    hidden = new_record(context, project, hidden=True, details={"to": link(deepest)})
    first, second = (new_record(context, project, details=[link(hidden)]) for _ in range(2))
    contents.remove_objects(context, project, {"objects": [first]})
    assert exists(context, deepest)
    contents.remove_objects(context, project, {"objects": [second]})
    assert not exists(context, hidden)
    assert not exists(context, deepest)


def test_visible_objects_remain_when_objects_that_link_to_them_are_removed(
    context: Context, project: str
) -> None:
    visible = new_record(context, project)
    record = new_record(context, project, details=[link(visible)])
    contents.remove_objects(context, project, {"objects": [record]})
    assert exists(context, visible)


def test_bytes_go_with_the_last_copy_of_a_file(
    context: Context, project: str, other: str, tmp_path: Path
) -> None:
    (tmp_path / "f").write_text("x")
    file = files.link_local(context, tmp_path / "f", project=project, folder="/", name="f")
    contents.clone(context, project, {"objects": [file], "project": other})
    contents.remove_objects(context, project, {"objects": [file]})
    assert file_bytes.pieces(context.platform, file)
    contents.remove_objects(context, other, {"objects": [file]})
    assert not list((context.platform.folder / "files").iterdir())
    assert (tmp_path / "f").read_text() == "x"


def test_a_clone_brings_hidden_objects_along(context: Context, project: str, other: str) -> None:
    hidden = new_record(context, project, hidden=True, close=True)
    record = new_record(context, project, details=[link(hidden)], close=True)
    answer = contents.clone(context, project, {"objects": [record], "project": other})
    assert answer == {"id": project, "project": other, "exists": []}
    assert set(objects.list_projects(context, hidden, {})) == {project, other}


def test_existing_objects_are_listed_and_unchanged(context: Context, project: str, other: str) -> None:
    record = new_record(context, project, close=True, name="first")
    contents.clone(context, project, {"objects": [record], "project": other})
    objects.rename(context, record, {"project": other, "name": "second"})
    request = {"objects": [record], "project": other, "destination": "/d", "parents": True}
    assert contents.clone(context, project, request)["exists"] == [record]
    assert objects.describe(context, record, {"project": other})["name"] == "second"


def test_an_open_object_cannot_be_cloned(context: Context, project: str, other: str) -> None:
    with pytest.raises(InvalidState, match="only closed objects"):
        contents.clone(context, project, {"objects": [new_record(context, project)], "project": other})


def test_a_folder_is_cloned_with_its_tree(context: Context, project: str, other: str) -> None:
    deep = new_record(context, project, folder="/a/b/c", close=True)
    contents.clone(context, project, {"folders": ["/a/b"], "project": other})
    assert listed(context, other, "/b/c") == ([deep], [])


def test_a_cloned_folder_must_not_meet_one_of_its_name(context: Context, project: str, other: str) -> None:
    for each in (project, other):
        contents.new_folder(context, each, {"folder": "/a"})
    with pytest.raises(InvalidState, match="If cloned, a folder would conflict"):
        contents.clone(context, project, {"folders": ["/a"], "project": other})


def test_a_job_may_look_at_its_project_but_not_change_it(job_context: Context, project: str) -> None:
    assert contents.list_folder(job_context, project, {})
    with pytest.raises(PermissionDenied):
        contents.new_folder(job_context, project, {"folder": "/a"})


NAMES = st.sampled_from("abc")
PATHS = st.lists(NAMES, max_size=3).map(lambda names: "/" + "/".join(names))


class FolderMachine(RuleBasedStateMachine):
    """Compares folders with a model: a set of paths, and the folder of each object."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.platform = Platform.open(Path(self.temporary.name))
        self.context = Context(self.platform, Caller(DEFAULT_USER))
        self.project: str = projects.new(self.context, "project", {"name": "P"})["id"]
        self.folders = {"/"}
        self.objects: dict[str, str] = {}

    def teardown(self) -> None:
        self.platform.store.close()
        self.temporary.cleanup()

    @rule(path=PATHS)
    def make(self, path: str) -> None:
        contents.new_folder(self.context, self.project, {"folder": path, "parents": True})
        self.folders |= set(ancestors(path))

    @rule(path=PATHS)
    def create(self, path: str) -> None:
        self.objects[new_record(self.context, self.project, folder=path)] = path
        self.folders |= set(ancestors(path))

    @rule(path=PATHS)
    def remove(self, path: str) -> None:
        contents.remove_folder(self.context, self.project, {"folder": path, "recurse": True, "force": True})
        self.folders = {each for each in self.folders if not is_in(each, path)} | {"/"}
        self.objects = {each: folder for each, folder in self.objects.items() if not is_in(folder, path)}

    @rule(old=PATHS, new=PATHS)
    def rename(self, old: str, new: str) -> None:
        parent = new.rpartition("/")[0] or "/"
        possible = old in self.folders - {"/"} and parent in self.folders and new not in self.folders
        request = {"folder": old, "newpath": new}
        if not possible or is_in(new, old):
            if old != new:
                with pytest.raises(ApiError):
                    contents.rename_folder(self.context, self.project, request)
            return
        contents.rename_folder(self.context, self.project, request)
        self.folders = {renamed(each, old, new) for each in self.folders}
        self.objects = {each: renamed(folder, old, new) for each, folder in self.objects.items()}

    @invariant()
    def folders_are_those_of_the_model(self) -> None:
        described = projects.describe(self.context, self.project, {"fields": {"folders": True}})
        assert set(described["folders"]) == self.folders

    @invariant()
    def objects_lie_where_the_model_says(self) -> None:
        for folder in self.folders:
            expected = {each for each, place in self.objects.items() if place == folder}
            assert set(listed(self.context, self.project, folder)[0]) == expected


def ancestors(path: str) -> list[str]:
    names = path.strip("/").split("/")
    return ["/", *("/" + "/".join(names[:depth]) for depth in range(1, len(names) + 1) if path != "/")]


def is_in(path: str, folder: str) -> bool:
    return folder in ancestors(path)


def renamed(path: str, old: str, new: str) -> str:
    return new + path[len(old) :] if is_in(path, old) else path


TestFolders = FolderMachine.TestCase
TestFolders.settings = settings(max_examples=share_of(30), stateful_step_count=20, deadline=None)
