"""Where content stands: the packaged `hooks/`, or the folder `CDS_CONTENT` names. Gives files as strict tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from cds_service.errors import ContentError
from cds_service.knowledge.reader import Table, read


@dataclass(frozen=True, slots=True)
class Content:
    """A content folder. `root` may lie in a wheel."""

    root: Traversable

    @classmethod
    def at(cls, folder: Path | None = None) -> Content:
        """The folder given, else the packaged one. Raises ContentError if there is none."""
        root: Traversable = folder if folder is not None else files("cds_service.hooks")
        if not root.is_dir():
            raise ContentError("no such content folder", str(root))
        return cls(root)

    def table(self, *parts: str, required: bool = True) -> Table:
        """One file as a table; an empty one when it may be missing and is."""
        entry = self.root.joinpath(*parts)
        name = "/".join(parts)
        if not entry.is_file():
            if required:
                raise ContentError("this file is missing", f"hooks/{name}")
            return Table(f"hooks/{name}", 1)
        return read(entry.read_text(encoding="utf-8"), f"hooks/{name}")

    def tables(self, folder: str) -> Iterator[tuple[str, Table]]:
        """Every YAML file of a folder, by name: (stem, table)."""
        place = self.root.joinpath(folder)
        if not place.is_dir():
            return
        for entry in sorted(place.iterdir(), key=lambda item: item.name):
            if entry.name.endswith(".yaml"):
                yield entry.name[:-5], read(entry.read_text(encoding="utf-8"), f"hooks/{folder}/{entry.name}")

    def rule_folders(self) -> list[str]:
        place = self.root.joinpath("rules")
        return sorted(
            entry.name for entry in place.iterdir() if entry.is_dir() and entry.joinpath("rule.yaml").is_file()
        )
