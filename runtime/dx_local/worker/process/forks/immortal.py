"""Make the objects of a process immortal before it forks, so that forks copy no memory to count references.

CPython counts the references to an object in the object itself. A fork that only uses an object of its
parent therefore writes to it, and the kernel copies that page. Since 3.12, CPython leaves the count alone if
it has a certain value, for just this purpose (PEP 683), but offers no way to set it. So this module and
immortal.c rely on the layout of objects. They know that of CPython 3.12 and 3.13, for 64 bits and with the
global interpreter lock, and try it on an object of their own. With any other Python they do nothing.

An immortal object is never removed. The zygote and the tool server need all their objects as long as they
run, and their forks end without removing any.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

from dx_local.worker.process.forks.object_pools import fill_gaps

_KNOWN_VERSIONS = ((3, 12), (3, 13))
_IMMORTAL = 0xFFFFFFFF


class _Python(ctypes.Structure):
    """The functions of Python that immortal.c calls."""

    _fields_ = (("get_slot", ctypes.c_void_p), ("is_container", ctypes.c_void_p))


def freeze(library: ctypes.PyDLL | None) -> None:
    """Exempt all objects from garbage collection and, if possible, from reference counting.

    Objects that are made later, in this process or a fork, are kept apart from them.

    `library` contains immortal.c; without it, references are counted.
    """
    gc.collect()
    fill_gaps()
    if library is not None and is_supported():
        with contextlib.suppress(AttributeError):  # a Python that does not export its functions
            _immortalize(library)
    gc.freeze()


def _immortalize(library: ctypes.PyDLL) -> None:
    functions = (ctypes.pythonapi.PyType_GetSlot, ctypes.pythonapi.PyObject_IS_GC)
    python = _Python(*(ctypes.cast(function, ctypes.c_void_p) for function in functions))
    # The list itself is not among the objects, and is removed as any other.
    library.dx_immortalize(ctypes.py_object(gc.get_objects()), ctypes.byref(python))


def is_supported() -> bool:
    """Return whether this Python has the known layout, and leaves the count of an immortal object alone."""
    return (
        sys.implementation.name == "cpython"
        and sys.version_info[:2] in _KNOWN_VERSIONS
        and sys.abiflags == ""  # no debugging, no free threads
        and ctypes.sizeof(ctypes.c_void_p) == 8
        and _leaves_count_alone()
    )


def _leaves_count_alone() -> bool:
    probe = object()
    count = ctypes.c_uint64.from_address(id(probe))
    if count.value != sys.getrefcount(probe) - 1:  # one is that of the argument
        return False
    count.value = _IMMORTAL
    references = [probe] * 2
    is_unchanged = count.value == _IMMORTAL
    references.clear()
    return is_unchanged and count.value == _IMMORTAL
