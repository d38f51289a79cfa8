"""Tests of the real dxpy with the real server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dx_local.platform.data import files

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform

MIB = 1 << 20


@pytest.mark.parametrize("size", [0, 1, 5 * MIB, 5 * MIB + 1])
def test_an_uploaded_file_comes_back(served: ServedPlatform, size: int) -> None:
    data = os.urandom(size)
    (served.folder / "out.bin").write_bytes(data)
    served.dxpy(
        "f = dxpy.upload_local_file('out.bin', write_buffer_size=5242880, wait_on_close=True)\n"
        "dxpy.download_dxfile(f.get_id(), 'back.bin')"
    )
    assert (served.folder / "back.bin").read_bytes() == data


def test_a_file_of_many_parts_comes_back_in_a_job(served: ServedPlatform) -> None:
    data = os.urandom(12 * MIB + 345)
    (served.folder / "out.bin").write_bytes(data)
    served.dxpy(
        "f = dxpy.upload_local_file('out.bin', write_buffer_size=5242880, wait_on_close=True)\n"
        "dxpy.download_dxfile(f.get_id(), 'back.bin', chunksize=1000000)\n"
        "assert len(f.describe(fields={'parts'})['parts']) == 3",
        job=served.job(),
    )
    assert (served.folder / "back.bin").read_bytes() == data


def test_a_string_is_uploaded_and_read(served: ServedPlatform) -> None:
    code = "result = dxpy.upload_string('héllo', wait_on_close=True, name='s').read()"
    assert served.dxpy(code) == "héllo"


def test_a_file_is_written_and_read_like_a_file(served: ServedPlatform) -> None:
    code = """
with dxpy.new_dxfile(name='lines') as f:
    for i in range(3): f.write(f'line {i}\\n')
f.wait_on_close()
with dxpy.open_dxfile(f.get_id()) as back:
    back.seek(7)
    result = [back.read(7), [line for line in dxpy.DXFile(f.get_id())], back.tell()]
"""
    assert served.dxpy(code) == ["line 1\n", ["line 0", "line 1", "line 2"], 14]


def test_an_interrupted_download_is_resumed(served: ServedPlatform) -> None:
    data = os.urandom(11 * MIB)
    (served.folder / "out.bin").write_bytes(data)
    (served.folder / "back.bin").write_bytes(data[: 6 * MIB])
    served.dxpy(
        "f = dxpy.upload_local_file('out.bin', write_buffer_size=5242880, wait_on_close=True)\n"
        "dxpy.download_dxfile(f.get_id(), 'back.bin')"
    )
    assert (served.folder / "back.bin").read_bytes() == data


def test_a_local_input_is_downloaded_with_its_checksum_verified(served: ServedPlatform) -> None:
    source = served.folder / "local.bin"
    source.write_bytes(os.urandom(3 * MIB))
    place = {"project": served.project, "folder": "/", "name": "local.bin"}
    file = served.inside(lambda context: files.link_local(context, source, **place))
    served.dxpy("import warnings; warnings.simplefilter('error'); dxpy.download_dxfile(v[0], 'b')", file)
    assert (served.folder / "b").read_bytes() == source.read_bytes()


def test_a_preauthenticated_url_works_for_anyone(served: ServedPlatform) -> None:
    code = """
import urllib.request
f = dxpy.upload_string('shared', wait_on_close=True, name='s.txt')
url, headers = f.get_download_url(preauthenticated=True, duration=60, filename='given.txt')
result = [urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read().decode(), url[-10:]]
"""
    assert served.dxpy(code) == ["shared", "/given.txt"]


def test_a_download_from_a_project_without_the_file_is_rejected(served: ServedPlatform) -> None:
    code = """
f = dxpy.upload_string('x', wait_on_close=True)
other = dxpy.DXProject(dxpy.api.project_new({'name': 'other'})['id'])
try:
    f.get_download_url(project=other.get_id())
except dxpy.exceptions.ResourceNotFound:
    result = 'not found'
"""
    assert served.dxpy(code) == "not found"


def test_describe_counts_calls_for_a_download(served: ServedPlatform) -> None:
    code = """
f = dxpy.upload_string('x' * 100, wait_on_close=True)
calls, original = [], dxpy.DXHTTPRequest
def counted(*args, **kwargs):
    calls.append(args[0]); return original(*args, **kwargs)
dxpy.DXHTTPRequest = counted
dxpy.download_dxfile(f.get_id(), 'x')
result = len(calls)
"""
    assert served.dxpy(code) <= 4


def test_errors_have_the_class_that_their_type_names(served: ServedPlatform) -> None:
    code = """
def error(call, *args):
    try:
        call(*args)
    except dxpy.exceptions.DXAPIError as error:
        return [type(error).__name__, error.code]
result = [
    error(dxpy.api.record_describe, 'record-' + '0' * 24),
    error(dxpy.api.record_new, {}),
    error(dxpy.DXHTTPRequest, '/nothing/new', {}),
]
dxpy.set_security_context({'auth_token_type': 'Bearer', 'auth_token': 'wrong'})
result.append(error(dxpy.api.system_whoami))
"""
    assert served.dxpy(code) == [
        ["ResourceNotFound", 404],
        ["InvalidInput", 422],
        ["ResourceNotFound", 404],
        ["InvalidAuthentication", 401],
    ]


def test_a_record_lives_as_documented(served: ServedPlatform) -> None:
    code = """
r = dxpy.new_dxrecord(name='r', types=['T'], details={'n': 1}, tags=['a'], properties={'k': 'v'})
r.add_types(['U']); r.remove_types(['T']); r.set_details([1, {'b': 2}]); r.hide(); r.unhide()
r.close()
try:
    r.set_details({})
except dxpy.exceptions.InvalidState:
    pass
r.add_tags(['b']); r.remove_tags(['a']); r.set_properties({'k': None, 'l': 'w'}); r.rename('renamed')
d = r.describe(fields={'state', 'types', 'tags', 'properties', 'name', 'details', 'hidden'})
del d['id']
result = d
"""
    assert served.dxpy(code) == {
        "name": "renamed",
        "types": ["U"],
        "state": "closed",
        "hidden": False,
        "tags": ["b"],
        "properties": {"l": "w"},
        "details": [1, {"b": 2}],
    }


def test_a_record_is_made_from_another_one(served: ServedPlatform) -> None:
    code = """
first = dxpy.new_dxrecord(name='first', types=['T'], details={'n': 1}, properties={'k': 'v'}, close=True)
second = dxpy.new_dxrecord(init_from=first, name='second')
d = second.describe(incl_properties=True, incl_details=True)
result = [d['name'], d['types'], d['details'], d['properties'], d['state']]
"""
    assert served.dxpy(code) == ["second", ["T"], {"n": 1}, {"k": "v"}, "open"]


def test_describe_returns_the_requested_fields(served: ServedPlatform) -> None:
    code = """
r = dxpy.new_dxrecord(name='r', properties={'k': 'v'})
some = r.describe(fields={'name', 'properties'})
more = r.describe(fields={'properties'}, default_fields=True)
result = [sorted(some), 'properties' in more and 'state' in more, 'properties' in r.describe()]
"""
    assert served.dxpy(code) == [["id", "name", "properties"], True, False]


def test_many_descriptions_come_in_one_call(served: ServedPlatform) -> None:
    code = """
ids = [dxpy.new_dxrecord(name=str(i)).get_id() for i in range(3)]
result = [d['name'] for d in dxpy.describe(ids)]
"""
    assert served.dxpy(code) == ["0", "1", "2"]


def test_objects_are_found(served: ServedPlatform) -> None:
    code = """
a = dxpy.new_dxrecord(name='apple', tags=['fruit'], properties={'colour': 'red'}, folder='/x/y', parents=True)
b = dxpy.new_dxrecord(name='banana', tags=['fruit'], types=['T'], folder='/x')
c = dxpy.new_dxrecord(name='carrot', hidden=True)
p = dxpy.PROJECT_CONTEXT_ID
def names(**how):
    return [r['describe']['name'] for r in dxpy.find_data_objects(describe=True, **how)]
result = [
    names(project=p),
    names(project=p, folder='/x', recurse=False),
    names(project=p, folder='/x'),
    names(name='*an*', name_mode='glob'),
    names(name='^[ac]', name_mode='regexp'),
    names(properties={'colour': 'red'}),
    names(properties={'colour': True}),
    names(tags=['fruit'], typename='T'),
    names(visibility='hidden'),
    dxpy.find_one_data_object(name='banana', return_handler=True).get_id() == b.get_id(),
]
"""
    everything = ["carrot", "banana", "apple"]
    assert served.dxpy(code) == [
        everything,
        ["banana"],
        ["banana", "apple"],
        ["banana"],
        ["carrot", "apple"],
        ["apple"],
        ["apple"],
        ["banana"],
        ["carrot"],
        True,
    ]


def test_a_search_goes_through_all_pages(served: ServedPlatform) -> None:
    code = """
made = [dxpy.new_dxrecord(name=str(i)).get_id() for i in range(250)]
found = [r['id'] for r in dxpy.find_data_objects(project=dxpy.PROJECT_CONTEXT_ID)]
result = found == made[::-1]
"""
    assert served.dxpy(code)


def test_folders_are_made_listed_moved_and_removed(served: ServedPlatform) -> None:
    code = """
p = dxpy.DXProject(dxpy.PROJECT_CONTEXT_ID)
p.new_folder('/a//b///c/', parents=True)
r = dxpy.new_dxrecord(folder='/a/b')
p.new_folder('/target')
p.move_folder('/a/b', '/target')
dxpy.api.project_rename_folder(p.get_id(), {'folder': '/a', 'newpath': '/z'})
listed = p.list_folder('/target/b')
listed['objects'] = [o['id'] == r.get_id() for o in listed['objects']]
p.remove_folder('/target', recurse=True)
result = [listed, p.list_folder('/')['folders'], list(dxpy.find_data_objects(project=p.get_id()))]
"""
    assert served.dxpy(code) == [
        {"objects": [True], "folders": ["/target/b/c"]},
        ["/z"],
        [],
    ]


def test_clones_share_the_object_but_not_its_name(served: ServedPlatform) -> None:
    code = """
r = dxpy.new_dxrecord(name='first', close=True)
other = dxpy.api.project_new({'name': 'other'})['id']
copy = r.clone(other, '/')
copy.rename('second')
names = [r.describe()['name'], copy.describe()['name']]
result = [copy.get_id() == r.get_id(), names, list(r.list_projects().values())]
"""
    assert served.dxpy(code) == [True, ["first", "second"], ["ADMINISTER", "ADMINISTER"]]


def test_links_in_details_are_listed(served: ServedPlatform) -> None:
    code = """
a = dxpy.new_dxrecord(); b = dxpy.new_dxrecord()
c = dxpy.new_dxrecord(details={'x': [dxpy.dxlink(a), {'y': dxpy.dxlink(b)}, dxpy.dxlink(a)]})
result = c.describe()['links'] == [a.get_id(), b.get_id()]
"""
    assert served.dxpy(code)


def test_a_job_writes_into_its_workspace(served: ServedPlatform) -> None:
    job = served.job()
    place = served.dxpy(
        "f = dxpy.upload_string('x', wait_on_close=True)\n"
        "result = [f.describe()['project'] == dxpy.WORKSPACE_ID, f.describe()['createdBy']['job']]",
        job=job,
    )
    assert place == [True, job]


def test_a_job_may_not_write_into_its_project_by_default(served: ServedPlatform) -> None:
    code = """
try:
    dxpy.new_dxrecord(project=dxpy.PROJECT_CONTEXT_ID)
except dxpy.exceptions.PermissionDenied as error:
    result = [error.code, 'access' in str(error)]
"""
    assert served.dxpy(code, job=served.job()) == [401, True]


def test_a_job_with_access_may_write_into_its_project(served: ServedPlatform) -> None:
    code = "result = dxpy.new_dxrecord(project=dxpy.PROJECT_CONTEXT_ID).describe()['project']"
    assert served.dxpy(code, job=served.job(project="CONTRIBUTE")) == served.project
