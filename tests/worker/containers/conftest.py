"""A workshop whose jobs have a cache of images, with one image in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.worker.conftest import Workshop
from tests.worker.containers.image_files import BUSYBOX, busybox_layer, docker_archive

from dx_local.engine.executors.local import LocalExecutor
from dx_local.engine.executors.protocol import Callbacks
from dx_local.engine.images import image_folder
from dx_local.engine.images.cache import ImageCache
from dx_local.engine.images.layer_service import LayerService
from dx_local.engine.settings import Isolation, JobSettings
from dx_local.worker.containers.images import archives

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.worker.conftest import Ended

    from dx_local.engine.environments.python_environments import WorkerEnvironment


class ContainerWorkshop(Workshop):
    """Runs bash jobs that can use docker."""

    def __init__(self, folder: Path, environment: WorkerEnvironment, cache: ImageCache) -> None:
        super().__init__(folder, environment, isolation=Isolation.AUTO)
        self.cache = cache
        self.service = LayerService(cache.folder)
        self.executor = LocalExecutor(
            JobSettings(),
            None,
            Callbacks(
                self._on_log,
                self._on_exit,
                self.announced.append,
                on_folder=self.service.listen,
                images=cache.folder,
            ),
        )

    def bash(self, script: str, *visible_paths: Path) -> Ended:
        """Run a script as a job that goes on after failures."""
        return self.wait(self.begin(script, *visible_paths))

    def begin(self, script: str, *visible_paths: Path) -> str:
        """Start such a job, and return its ID."""
        code = f"main() {{ set +e\n{script}\n}}"
        variables = {"DX_SECURITY_CONTEXT": "{}", "DX_JOB_ID": f"job-{next(self._numbers):024d}"}
        return self.start(code, "bash", variables=variables, visible_paths=visible_paths)

    def close(self) -> None:
        super().close()
        self.loop.run_until_complete(self.service.close())


def add_to(cache: ImageCache, archive: Path, name: str) -> None:
    """Add the image in an archive to a cache."""
    file = os.open(archive, os.O_RDONLY)
    with archives.open_archive(file, str(archive.parent)) as images:
        cache.add_image(name, images[0])
    os.close(file)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of an image with busybox, called busy:1."""
    if not BUSYBOX.exists():
        pytest.skip("images for tests are made from /bin/busybox: install busybox-static")
    path = tmp_path_factory.mktemp("archive") / "busy.tar"
    defaults: dict[str, Any] = {"Cmd": ["echo", "default"], "WorkingDir": "/tmp", "Labels": {"of": "image"}}
    path.write_bytes(docker_archive([busybox_layer()], "busy:1", **defaults))
    return path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    folder = tmp_path_factory.mktemp("cache") / "images"
    image_folder.prepare(folder)
    return ImageCache(folder)


@pytest.fixture(scope="session")
def docker(
    tmp_path_factory: pytest.TempPathFactory,
    worker_environment: WorkerEnvironment,
    cache: ImageCache,
    archive: Path,
) -> Iterator[ContainerWorkshop]:
    """A workshop whose jobs find the image busy:1 by its name."""
    add_to(cache, archive, "busy:1")
    shop = ContainerWorkshop(tmp_path_factory.mktemp("jobs"), worker_environment, cache)
    shop.run("main() { :; }", "bash")
    if not shop.is_isolated:
        pytest.skip(shop.no_sandbox_reason)
    yield shop
    shop.close()
    shop.loop.close()
