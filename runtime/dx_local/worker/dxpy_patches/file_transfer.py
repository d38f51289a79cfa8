"""`dxpy.download_dxfile` and `dxpy.upload_local_file` without HTTP, in the usual cases.

This process opens the local file and passes it to the platform, which copies the bytes and answers when it is
done (executors/file_transfer.py). For unusual arguments, and whenever the platform refuses, dxpy's own
functions run instead, so that all errors and all output come from them.

Source: the behaviour of dxpy.bindings.dxfile_functions.
"""

from __future__ import annotations

import array
import contextlib
import functools
import os
import re
import resource
import socket
from typing import TYPE_CHECKING, Any, BinaryIO

import dxpy
from dxpy.bindings import DXDataObject, DXFile, dxfile, dxfile_functions

from dx_local.worker import channel
from dx_local.worker.dxpy_patches import streamed_transfer

if TYPE_CHECKING:
    JSON = dict[str, Any]

_UNSUPPORTED = ("append", "show_progress")
_SUPPORTED_IF_UNSET = {*_UNSUPPORTED, "chunksize", "describe_output", "project", "symlink_max_tries"}

_official_download = dxfile_functions.download_dxfile
_official_upload = dxfile_functions.upload_local_file
_socket_path = ""


def set_socket(log_sockets: str) -> None:
    """Set the path of the platform's socket, which is beside the job's sockets for log messages."""
    global _socket_path  # noqa: PLW0603  (one per process, inherited by forks)
    folder = os.path.dirname(log_sockets)  # noqa: PTH120
    _socket_path = f"{folder}/{channel.FILE_TRANSFER_SOCKET}"


def install() -> None:
    """Replace dxpy's two functions, in processes that can reach the socket."""
    for module in (dxpy, dxpy.bindings, dxfile_functions):
        module.download_dxfile = download_dxfile
        module.upload_local_file = upload_local_file


def install_in_dx() -> None:
    """Keep `dx download` from requesting checksums that it may never compare."""
    from dxpy.cli import download

    official = download.resolve_existing_path

    @functools.wraps(official)
    def resolve_existing_path(*arguments: Any, describe: Any = None, **options: Any) -> Any:
        if isinstance(describe, dict):
            describe = {name: wanted for name, wanted in describe.items() if name != "parts"}
        return official(*arguments, describe=describe, **options)

    download.resolve_existing_path = resolve_existing_path


@functools.wraps(_official_download)
def download_dxfile(dxid: Any, filename: Any, *arguments: Any, **options: Any) -> None:
    """Behave like dxpy's function of this name."""
    is_usual = (
        not arguments and options.keys() <= _SUPPORTED_IF_UNSET and not any(map(options.get, _UNSUPPORTED))
    )
    if is_usual and _is_possible() and _download(dxid, filename, options.get("project")):
        return
    _official_download(dxid, filename, *arguments, **options)


def _download(dxid: Any, filename: str, project: Any) -> bool:
    """Have the platform write to a file; return whether it did."""
    file_id = dxid.get_id() if isinstance(dxid, DXFile) else dxid
    if dxpy.is_dxlink(file_id):
        file_id = dxpy.get_dxlink_ids(file_id)[0]
    if not isinstance(file_id, str) or not isinstance(filename, str):
        return False
    if _is_download_link(filename):
        os.unlink(filename)  # noqa: PTH108
    is_new = not os.path.lexists(filename)
    if not is_new and not os.path.isfile(filename):  # noqa: PTH113
        return False
    hint = None if project == DXFile.NO_PROJECT_HINT else project
    try:
        target = open(filename, "wb+" if is_new else "rb+")  # noqa: SIM115, PTH123
    except OSError:
        return False
    with target:
        if _has_socket():
            is_done = _fetch(file_id, hint, target, filename, is_new)
        else:
            is_done = streamed_transfer.download(file_id, hint, target)
    if not is_done and is_new:
        with contextlib.suppress(OSError):
            os.unlink(filename)  # noqa: PTH108
    return is_done


def _fetch(file_id: str, project: str | None, target: BinaryIO, filename: str, is_new: bool) -> bool:
    """Have the platform write to an open file, or replace it by a link if it is new."""
    request = {"fetch": file_id, "project": project}
    answer = _request({**request, "linkable": is_new}, target.fileno())
    is_done = "size" in answer or ("link" in answer and _link(answer, filename))
    # If the link cannot be used here, request a copy.
    if "link" in answer and not is_done:
        is_done = "size" in _request(request, target.fileno())
    return is_done


def _link(answer: JSON, filename: str) -> bool:
    """Replace a new file by a link to the platform's file; return whether that was possible.

    The link must lead to a file that this process can see but not write to, because it may be the user's own.
    A file that appears on another device than its own is seen through an overlay, which intercepts writes.
    """
    path, link = answer["link"], f"{filename}.{os.getpid()}.link"
    try:
        if os.stat(path).st_dev == answer["device"] and os.access(path, os.W_OK):  # noqa: PTH116
            return False
        os.symlink(path, link)  # noqa: PTH211
        os.replace(link, filename)  # noqa: PTH105
    except OSError:
        return False
    return True


def _is_download_link(filename: str) -> bool:
    """Return whether an earlier download made this link, so that another download may replace it."""
    with contextlib.suppress(OSError):
        target = os.readlink(filename)  # noqa: PTH115
        return bool(re.fullmatch(r"file-[0-9A-Za-z]{24}", os.path.basename(target)))  # noqa: PTH119
    return False


@functools.wraps(_official_upload)
def upload_local_file(  # noqa: PLR0913, PLR0917  (dxpy's parameters)
    filename: Any = None,
    file: Any = None,
    media_type: Any = None,
    keep_open: bool = False,
    wait_on_close: bool = False,
    use_existing_dxfile: Any = None,
    show_progress: bool = False,
    write_buffer_size: Any = None,
    multithread: bool = True,
    **kwargs: Any,
) -> Any:
    """Behave like dxpy's function of this name."""
    is_usual = file is None and use_existing_dxfile is None and not (keep_open or show_progress)
    is_usual = is_usual and not DXDataObject._get_creation_params(kwargs)[1]  # noqa: SLF001
    source = _source(filename) if is_usual and _is_possible() else None
    if source is not None:
        with source:
            use_existing_dxfile = _new_handler(source, filename, media_type, write_buffer_size, kwargs)
            if _upload(use_existing_dxfile, source):
                if wait_on_close:
                    use_existing_dxfile.wait_on_close()
                return use_existing_dxfile
    return _official_upload(
        filename,
        file,
        media_type,
        keep_open,
        wait_on_close,
        use_existing_dxfile,
        show_progress,
        write_buffer_size,
        multithread,
        **kwargs,
    )


def _source(filename: Any) -> BinaryIO | None:
    """Open a regular, non-empty file; return None for anything else."""
    with contextlib.suppress(OSError):
        if isinstance(filename, str) and os.path.isfile(filename) and os.path.getsize(filename):  # noqa: PTH113, PTH202
            return open(filename, "rb")  # noqa: PTH123
    return None


def _new_handler(source: BinaryIO, filename: str, media_type: Any, buffer_size: Any, kwargs: JSON) -> Any:
    """Create the file on the platform and determine the size of its parts, as dxpy does for an upload."""
    handler = dxpy.new_dxfile(
        mode="a",
        media_type=media_type,
        write_buffer_size=dxfile.DEFAULT_BUFFER_SIZE if buffer_size is None else buffer_size,
        expected_file_size=_size(source),
        file_is_mmapd=True,
        **{"name": os.path.basename(filename), **kwargs},  # noqa: PTH119
    )
    handler._ensure_write_bufsize()  # noqa: SLF001
    return handler


def _upload(handler: Any, source: BinaryIO) -> bool:
    """Have the platform read the bytes and close the file; return whether it did."""
    size, part_size = _size(source), handler._write_bufsize  # noqa: SLF001
    if _has_socket():
        request = {"store": handler.get_id(), "size": size, "partSize": part_size}
        is_done = "size" in _request(request, source.fileno())
    else:
        is_done = streamed_transfer.upload(handler, source)
    if is_done:
        count = -(-size // part_size)
        handler._cur_part += count  # noqa: SLF001
        handler._num_uploaded_parts = count  # noqa: SLF001
        handler._num_bytes_transmitted = 0  # noqa: SLF001
    return is_done


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _is_possible() -> bool:
    """Return whether transfers by open files are equivalent to HTTP.

    They are only in a job, if dxpy does not log its requests, and if the size of files is not limited: the
    limit would not apply to the platform's process.
    """
    is_limited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
    return bool("DX_JOB_ID" in os.environ and not dxpy._DEBUG and not is_limited)  # noqa: SLF001


def _has_socket() -> bool:
    """Return whether the platform can be reached by its socket; on nodes, it cannot."""
    return os.path.exists(_socket_path)  # noqa: PTH110


def _request(request: JSON, file: int) -> JSON:
    """Send a request and an open file to the platform; return the answer, which is empty for a refusal."""
    try:
        message = channel.pack({**request, "token": dxpy.SECURITY_CONTEXT["auth_token"]})
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(_socket_path)
            files = array.array("i", [file])
            connection.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)])
            received = channel.receive(connection)
    except (OSError, KeyError, TypeError):
        return {}
    return received[0] if received else {}
