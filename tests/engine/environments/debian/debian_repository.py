"""A Debian repository in a folder, with packages for tests, and the apt configuration for it alone."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class DebianRepository:
    """A repository to which tests add packages; `configuration` is for the variable APT_CONFIG."""

    folder: Path
    seen_at: str = ""
    """The path of the folder for its users, if that differs."""
    _index: list[str] = field(default_factory=list)

    @property
    def configuration(self) -> Path:
        return self.folder / "apt.conf"

    def open(self) -> None:
        """Create the empty repository."""
        place = self.seen_at or self.folder
        self.folder.mkdir(parents=True)
        (self.folder / "sources.list").write_text(f"deb [trusted=yes] copy:{place} ./\n")
        self.configuration.write_text(
            f'Dir::Etc::sourcelist "{place}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
        )
        self.write_index()

    def add(
        self,
        name: str,
        files: dict[str, str],
        *,
        version: str = "1.0",
        depends: str = "",
        postinst: str | None = None,
    ) -> None:
        """Build a package from these files, all of them programs, and list it."""
        tree = self.folder / f"{name}.tree"
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@example.org>\n"
        control += (f"Depends: {depends}\n" if depends else "") + "Description: a package of a test\n"
        scripts = {"DEBIAN/control": control} | ({"DEBIAN/postinst": postinst} if postinst else {})
        for path, content in {**files, **scripts}.items():
            file = tree / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(0o644 if path == "DEBIAN/control" else 0o755)
        archive = self.folder / f"{name}_{version}_all.deb"
        build = ["dpkg-deb", "--build", "--root-owner-group", str(tree), str(archive)]
        subprocess.run(build, check=True, capture_output=True)
        built = archive.read_bytes()
        sums = f"Size: {len(built)}\nSHA256: {hashlib.sha256(built).hexdigest()}\n"
        self._index.append(f"{control}Filename: ./{archive.name}\n{sums}")
        self.write_index()

    def write_index(self) -> None:
        (self.folder / "Packages").write_text("\n".join(self._index))
