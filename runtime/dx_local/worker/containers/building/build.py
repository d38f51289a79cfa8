"""Carry out the stages of a Dockerfile: all steps of one change the same files, which become one layer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tarfile
import time
from typing import TYPE_CHECKING, Any

from dx_local.worker.containers.building import words
from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images import places
from dx_local.worker.containers.images.job_images import Image, add_image
from dx_local.worker.containers.images.obtain import obtain_image
from dx_local.worker.containers.images.platforms import ARCHITECTURE
from dx_local.worker.containers.running import process
from dx_local.worker.containers.running.copies import copy_file, copy_tree
from dx_local.worker.containers.running.inside_paths import resolved, root_of
from dx_local.worker.containers.running.state import ContainerSpec, create_container
from dx_local.worker.containers.running.users import numbers_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dx_local.worker.containers.building.context import Context
    from dx_local.worker.containers.building.dockerfile import Dockerfile, Instruction, Stage

    JSON = dict[str, Any]

_SCRATCH = "scratch"
_SHELL = ("/bin/sh", "-c")


class Builder:
    """Builds images from one Dockerfile; `report` gets a line for each step."""

    def __init__(
        self,
        dockerfile: Dockerfile,
        context: Context,
        given: Mapping[str, str],
        report: Callable[[str], None],
    ) -> None:
        self._dockerfile = dockerfile
        self._context = context
        self._given = given
        self._report = report
        self._built: dict[str, Image] = {}
        self._global: dict[str, str] = {}
        self._steps = sum(1 + len(stage.instructions) for stage in dockerfile.stages)
        self._step = 0

    def build(self, target: str) -> Image:
        """Build the stages up to one, or all; return its image. Raises DockerError."""
        for each in self._dockerfile.arguments:
            self._global.update(argument(each, self._global, self._given))
        stages = self._dockerfile.stages
        names = [stage.name for stage in stages]
        if target and target not in names:
            raise DockerError(f"the Dockerfile has no stage {target!r}")
        last = names.index(target) if target else len(stages) - 1
        for number, stage in enumerate(stages[: last + 1]):
            self._built[stage.name] = self._built[str(number)] = self._build_stage(stage)
        return self._built[str(last)]

    def _build_stage(self, stage: Stage) -> Image:
        self._announce(stage.start)
        base = self._base_of(words.expanded(stage.base, self._global))
        work = StageBuild(base, self._context, self.image_of)
        try:
            for each in stage.instructions:
                self._announce(each)
                if each.name == "ARG":
                    work.arguments.update(
                        argument(each, {**self._global, **work.variables()}, {**self._global, **self._given})
                    )
                else:
                    work.carry_out(each)
            return work.commit()
        finally:
            work.container.remove()

    def _announce(self, each: Instruction) -> None:
        self._step += 1
        self._report(f"Step {self._step}/{self._steps} : {each.name} {each.text}")

    def _base_of(self, name: str) -> Image:
        if name == _SCRATCH:
            return Image("", {"architecture": ARCHITECTURE, "os": "linux"}, ())
        return self.image_of(name)

    def image_of(self, name: str) -> Image:
        """Return an earlier stage, or an image by its name."""
        return self._built.get(name) or obtain_image(name)


def argument(each: Instruction, variables: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an ARG: the given value, or else its default."""
    found = {}
    for word in words.split(each.text):
        name, equals, default = word.partition("=")
        if name in given:
            found[name] = given[name]
        elif equals:
            found[name] = words.expanded(default, variables)
    return found


class StageBuild:
    """A stage in progress: a container whose files its steps change, and the configuration of its image."""

    def __init__(self, base: Image, context: Context, image_of: Callable[[str], Image]) -> None:
        self._base = base
        self._context = context
        self._image_of = image_of
        self.arguments: dict[str, str] = {}
        self._defaults: JSON = json.loads(json.dumps(base.defaults))
        self._defaults.pop("OnBuild", None)
        self.container = create_container(
            ContainerSpec(
                image="build",
                image_id=base.image_id,
                layers=base.layers,
                command=("build",),
                variables={},
                working_folder="/",
                user="",
                hostname="buildkitsandbox",
                mounts=(),
                labels={},
                has_input=False,
                has_terminal=False,
                is_removed=False,
            )
        )

    def variables(self) -> dict[str, str]:
        """Return the variables that instructions can use: ENV takes precedence over ARG."""
        return {**self.arguments, **Image("", {"config": self._defaults}, ()).variables}

    def carry_out(self, each: Instruction) -> None:
        """Carry out one instruction. Raises DockerError that names its line."""
        actions: dict[str, Callable[[Instruction], None]] = {
            "RUN": self._run,
            "COPY": self._copy,
            "ADD": self._copy,
            "ENV": self._set_variables,
            "LABEL": self._set_labels,
            "WORKDIR": self._set_folder,
            "USER": self._set_user,
            "CMD": self._set_command,
            "ENTRYPOINT": self._set_command,
        }
        try:
            actions[each.name](each)
        except OSError as error:
            raise each.error(f"failed: {error}") from error
        except DockerError as error:
            raise (
                error if str(error).startswith("Dockerfile line") else each.error(f"failed: {error}")
            ) from error

    def _run(self, each: Instruction) -> None:
        command = each.json_words() or [*_SHELL, each.text]
        spec = self.container.spec._replace(
            command=tuple(command),
            variables={"HOSTNAME": self.container.spec.hostname, **self.variables()},
            working_folder=self._folder(),
            user=self._defaults.get("User") or "",
        )
        self.container.spec = spec
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            code = process.watch(process.start(self.container, (nothing, 1, 2), is_attached=True))
        finally:
            os.close(nothing)
        if code:
            raise each.error(f"{each.text!r} returned a non-zero code: {code}")

    def _copy(self, each: Instruction) -> None:
        variables = self.variables()
        given = each.json_words() or words.split(each.text)
        *sources, target = [words.expanded(word, variables) for word in given]
        target = os.path.join(self._folder(), target)
        with root_of(self.container) as root:
            inside = resolved(root, target)
            is_folder = target.endswith(("/", "/.")) or os.path.isdir(inside)
            owner = numbers_of(root, words.expanded(each.flags.get("chown", ""), variables))
            mode = int(each.flags["chmod"], 8) if each.flags.get("chmod", "").isdigit() else None
            if "from" not in each.flags:
                found = [path for source in sources for path in self._matches(each, source)]
                self._copy_all(each, found, (inside, is_folder), owner, mode)
                return
            other = create_container(
                self.container.spec._replace(layers=self._image_of(each.flags["from"]).layers)
            )
            try:
                other.root_folders.mount()
                found = [resolved(other.root_folders.root, source) for source in sources]
                self._copy_all(each, found, (inside, is_folder), owner, mode)
            finally:
                other.root_folders.unmount()
                other.remove()

    def _matches(self, each: Instruction, source: str) -> list[str]:
        found = self._context.matches(source)
        if not found:
            raise each.error(f"failed: no such file in the build context: {source}")
        return found

    def _copy_all(
        self,
        each: Instruction,
        sources: list[str],
        target: tuple[str, bool],
        owner: tuple[int, int],
        mode: int | None,
    ) -> None:
        inside, is_folder = target
        if len(sources) > 1 and not is_folder:
            raise each.error("of several files needs a folder as its destination, which ends in /")
        for source in sources:
            if not os.path.lexists(source):
                raise each.error(f"failed: no such file: {source}")
            if each.name == "ADD" and os.path.isfile(source) and tarfile.is_tarfile(source):
                os.makedirs(inside, exist_ok=True)
                _unpack(source, inside)
                continue
            if os.path.isdir(source):
                os.makedirs(inside, exist_ok=True)
                copy_tree(source, inside, leaves_out=self._context.is_ignored)
                _set_attributes([os.path.join(inside, name) for name in os.listdir(source)], owner, mode)
                continue
            place = os.path.join(inside, os.path.basename(source)) if is_folder else inside
            os.makedirs(os.path.dirname(place), exist_ok=True)
            copy_file(source, place, follows=True)
            _set_attributes([place], owner, mode)

    def _set_variables(self, each: Instruction) -> None:
        known = dict(text.partition("=")[::2] for text in self._defaults.get("Env") or ())
        known.update(words.pairs(each.text, self.variables()))
        self._defaults["Env"] = [f"{name}={value}" for name, value in known.items()]

    def _set_labels(self, each: Instruction) -> None:
        labels = self._defaults.get("Labels") or {}
        self._defaults["Labels"] = {**labels, **words.pairs(each.text, self.variables())}

    def _folder(self) -> str:
        return str(self._defaults.get("WorkingDir") or "/")

    def _set_folder(self, each: Instruction) -> None:
        path = words.expanded(each.text, self.variables())
        folder = os.path.normpath(os.path.join(self._folder(), path))
        self._defaults["WorkingDir"] = folder
        with root_of(self.container) as root:
            os.makedirs(resolved(root, folder), exist_ok=True)

    def _set_user(self, each: Instruction) -> None:
        self._defaults["User"] = words.expanded(each.text, self.variables())

    def _set_command(self, each: Instruction) -> None:
        given = each.json_words()
        self._defaults["Cmd" if each.name == "CMD" else "Entrypoint"] = (
            [*_SHELL, each.text] if given is None else given
        )
        if each.name == "ENTRYPOINT":
            self._defaults.pop("Cmd", None)

    def commit(self) -> Image:
        """Return the image of this stage; its changed files become the topmost layer."""
        config = {
            "architecture": ARCHITECTURE,
            "os": "linux",
            **self._base.config,
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "config": self._defaults,
        }
        layers = list(self._base.layers)
        digests = list((self._base.config.get("rootfs") or {}).get("diff_ids") or ())
        changes = self.container.root_folders.changes
        if os.listdir(changes):
            layer = f"{places.LAYERS}/{self.container.container_id}"
            os.rename(changes, layer)
            layers.append(layer)
            # `docker save` replaces it by the digest of the archive.
            digests.append(f"sha256:{self.container.container_id}")
        config["rootfs"] = {"type": "layers", "diff_ids": digests}
        text = json.dumps(config)
        return add_image(hashlib.sha256(text.encode()).hexdigest(), text, layers, ())


def _set_attributes(paths: list[str], owner: tuple[int, int], mode: int | None) -> None:
    """Set owner and mode of copied files; a user who owns nothing else cannot give files away."""
    for path in paths:
        inner = [
            os.path.join(folder, name)
            for folder, folders, files in os.walk(path)
            for name in (*folders, *files)
        ]
        for each in (path, *inner):
            with contextlib.suppress(OSError):
                os.chown(each, *owner, follow_symlinks=False)
            if mode is not None and not os.path.islink(each):
                os.chmod(each, mode)


def _unpack(archive: str, folder: str) -> None:
    """Unpack an archive in a child that is locked in the folder, so that no name leads outside."""
    with tarfile.open(archive) as opened:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.chroot(folder)
                os.chdir("/")
                opened.extractall(".")  # noqa: S202  (the process is locked in the folder)
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1]:
            raise DockerError(f"{archive} cannot be unpacked")
