"""`dxpy.download_dxfile` and `dxpy.upload_local_file` without reading a byte, where nothing asks for that.

The process opens its own end of the copy and passes it to the platform, which does the rest and answers
when it is done (engine/handover.py). For what is unusual, and for whatever the platform refuses, dxpy's own
functions run as ever, so that all errors and all that is printed come from them.

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

if TYPE_CHECKING:
    JSON = dict[str, Any]

_OFFICIAL_IF_SET = ("append", "show_progress")
_KNOWN = {*_OFFICIAL_IF_SET, "chunksize", "describe_output", "project", "symlink_max_tries"}

_official_download = dxfile_functions.download_dxfile
_official_upload = dxfile_functions.upload_local_file
_socket_path = ""


def find(log_sockets: str) -> None:
    """Take note of where the platform's socket is: beside those for log messages, as seen from here."""
    global _socket_path  # noqa: PLW0603  (it is that of the process, and of its forks)
    _socket_path = os.path.join(os.path.dirname(log_sockets), channel.HANDOVER)  # noqa: PTH118, PTH120


def install() -> None:
    """Have dxpy hand files over, in processes that find the socket."""
    for module in (dxpy, dxpy.bindings, dxfile_functions):
        module.download_dxfile = download_dxfile
        module.upload_local_file = upload_local_file


def install_in_dx() -> None:
    """Have `dx download` not ask for checksums before it is known that somebody will compare them."""
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
    """Do as dxpy's function of this name does."""
    is_usual = not arguments and options.keys() <= _KNOWN and not any(map(options.get, _OFFICIAL_IF_SET))
    if is_usual and _is_possible() and _fetch(dxid, filename, options.get("project")):
        return
    _official_download(dxid, filename, *arguments, **options)


def _fetch(dxid: Any, filename: str, project: Any) -> bool:
    """Have the platform fill a file; return whether it did."""
    file_id = dxid.get_id() if isinstance(dxid, DXFile) else dxid
    if dxpy.is_dxlink(file_id):
        file_id = dxpy.get_dxlink_ids(file_id)[0]
    if not isinstance(file_id, str) or not isinstance(filename, str):
        return False
    if _is_our_link(filename):
        os.unlink(filename)  # noqa: PTH108
    is_new = not os.path.lexists(filename)
    if not is_new and not os.path.isfile(filename):  # noqa: PTH113
        return False
    hint = None if project == DXFile.NO_PROJECT_HINT else project
    try:
        target = open(filename, "wb" if is_new else "rb+")  # noqa: SIM115, PTH123
    except OSError:
        return False
    request = {"fetch": file_id, "project": hint}
    with target:
        answer = _ask({**request, "linkable": is_new}, target.fileno())
        is_done = "size" in answer or ("link" in answer and _link(answer, filename))
        if "link" in answer and not is_done:
            is_done = "size" in _ask(request, target.fileno())
    if not is_done and is_new:
        with contextlib.suppress(OSError):
            os.unlink(filename)  # noqa: PTH108
    return is_done


def _link(answer: JSON, filename: str) -> bool:
    """Put a link to a file in the place of a new one; return whether it did.

    That is done only where this process can see the file, and cannot write to it: it may be the user's own.
    What is seen on another device than it is on is seen through an overlay, which keeps what is written.
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


def _is_our_link(filename: str) -> bool:
    """Tell whether an earlier download made this link, so that another one may take its place."""
    with contextlib.suppress(OSError):
        target = os.readlink(filename)  # noqa: PTH115
        return bool(re.fullmatch(r"file-[0-9A-Za-z]{24}", os.path.basename(target)))  # noqa: PTH119
    return False


@functools.wraps(_official_upload)
def upload_local_file(  # noqa: PLR0913, PLR0917  (they are dxpy's)
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
    """Do as dxpy's function of this name does."""
    is_usual = file is None and use_existing_dxfile is None and not (keep_open or show_progress)
    is_usual = is_usual and not DXDataObject._get_creation_params(kwargs)[1]  # noqa: SLF001
    source = _source(filename) if is_usual and _is_possible() else None
    if source is not None:
        with source:
            use_existing_dxfile = _new_handler(source, filename, media_type, write_buffer_size, kwargs)
            if _store(use_existing_dxfile, source):
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
    """Open a regular file that is not empty; return None for anything else."""
    with contextlib.suppress(OSError):
        if isinstance(filename, str) and os.path.isfile(filename) and os.path.getsize(filename):  # noqa: PTH113, PTH202
            return open(filename, "rb")  # noqa: PTH123
    return None


def _new_handler(source: BinaryIO, filename: str, media_type: Any, buffer_size: Any, kwargs: JSON) -> Any:
    """Make the file on the platform, and find the size of its parts, as dxpy does for an upload."""
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


def _store(handler: Any, source: BinaryIO) -> bool:
    """Have the platform take the bytes and close the file; return whether it did."""
    size, part_size = _size(source), handler._write_bufsize  # noqa: SLF001
    is_done = "size" in _ask(
        {"store": handler.get_id(), "size": size, "partSize": part_size}, source.fileno()
    )
    if is_done:
        count = -(-size // part_size)
        handler._cur_part += count  # noqa: SLF001
        handler._num_uploaded_parts = count  # noqa: SLF001
        handler._num_bytes_transmitted = 0  # noqa: SLF001
    return is_done


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _is_possible() -> bool:
    """Tell whether this is a job, whose requests nobody watches, and which may write as much as it likes."""
    is_limited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
    return bool("DX_JOB_ID" in os.environ and not dxpy._DEBUG and not is_limited)  # noqa: SLF001


def _ask(request: JSON, file: int) -> JSON:
    """Pass an open file to the platform with a request; return the answer, which is empty for a refusal."""
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
