"""Read inputs from pipes, such as `-ireads=<(zcat reads.fastq.gz)`, into files."""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from dx_local.engine.runs.inputs import class_of_option, user_path

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.dxapp.model import AppSpec
    from dx_local.engine.runs.inputs import GivenInputs

_BLOCK = 1 << 20


async def with_pipes_read(given: GivenInputs, spec: AppSpec, function: str, folder: Path) -> GivenInputs:
    """Read all pipes among `-i` options into files below a folder; return the input with these files.

    Waits until the writing programs have closed the pipes. Raises OSError.
    """
    texts = []
    for number, (name, class_name, text) in enumerate(given.texts):
        path = user_path(text)
        io_class = class_of_option(spec, function, name, class_name)
        if io_class and io_class.item in ("file", "gtable") and _is_pipe(path):
            copy = folder / "pipes" / str(number) / path.name
            copy.parent.mkdir(parents=True)
            await _copy(path, copy)
            texts.append((name, class_name, str(copy)))
        else:
            texts.append((name, class_name, text))
    return replace(given, texts=tuple(texts))


def _is_pipe(path: Path) -> bool:
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


async def _copy(pipe: Path, file: Path) -> None:
    """Copy the content of a pipe without blocking the event loop, which handles signals meanwhile."""
    loop = asyncio.get_running_loop()
    source = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    is_ready = asyncio.Event()
    loop.add_reader(source, is_ready.set)
    try:
        with file.open("xb") as copy:
            while True:
                await is_ready.wait()
                is_ready.clear()
                try:
                    data = os.read(source, _BLOCK)
                except BlockingIOError:
                    continue
                if not data:
                    return
                copy.write(data)
    finally:
        loop.remove_reader(source)
        os.close(source)
