"""The workshop with a remote executor, whose engine has threads, and with an API server for its nodes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.worker.conftest import Workshop

from dx_local.api.lazy_server import LazyServer
from dx_local.engine.environments.job_environments import Layers
from dx_local.engine.executors.job_folder import JobFolder
from dx_local.engine.executors.protocol import JobDescription
from dx_local.engine.executors.remote.executor import RemoteExecutor
from dx_local.engine.executors.remote.thread_engine import ThreadEngine
from dx_local.platform.core.context import Platform
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.engine.executors.protocol import Callbacks, Launch
    from dx_local.engine.settings import JobSettings


@dataclass
class Required:
    """The environment of a job without packages."""

    paths: Sequence[str] = ()
    release: str = "none"
    packages: tuple[str, ...] = ()

    async def layers(self) -> Layers:
        return Layers(tuple(map(Path, self.paths)))


class RemoteWorkshop(Workshop):
    """Starts jobs by assignments."""

    def make_executor(self, settings: JobSettings, callbacks: Callbacks) -> RemoteExecutor:
        self.platform = Platform.open(self.folder / "platform")
        self.server = LazyServer(self.platform)
        self.loop.run_until_complete(self.server.__aenter__())

        async def make() -> RemoteExecutor:
            return RemoteExecutor(settings, self.server, callbacks, ThreadEngine)

        return self.loop.run_until_complete(make())

    async def begin_launch(self, launch: Launch) -> None:
        folder = JobFolder(Path(launch.folder))
        home = {path.name: path.read_bytes().decode() for path in folder.home.iterdir()}
        remove_tree(folder.home)  # the executor delivers it
        job = JobDescription(
            launch.job_id,
            0,
            launch.function,
            launch.interpreter,
            folder,
            home,
            Required(launch.layers),  # type: ignore[arg-type]
            launch.variables,
            source=launch.source,
            settings=launch.settings or vars(self.executor._settings),
            memory_limit=launch.memory_limit,
            has_network=launch.has_network,
        )
        prepared = await self.executor.prepare(job)
        await prepared.start(is_killed=launch.is_killed)

    def close(self) -> None:
        super().close()
        self.loop.run_until_complete(asyncio.wait_for(self.server.__aexit__(None, None, None), 60))
        self.platform.store.close()
