"""Files made from the content and committed: which of them are not as it says, and writing those anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def stale(wanted: Mapping[str, str], folder: Path, ending: str) -> list[str]:
    """Names of files that are missing, differ, or are not wanted. wanted: file name to text."""
    held = {file.name: file.read_text(encoding="utf-8") for file in folder.glob(f"*{ending}")}
    return sorted(name for name in {*wanted, *held} if wanted.get(name) != held.get(name))


def write(wanted: Mapping[str, str], folder: Path, ending: str) -> list[Path]:
    """Writes what differs into the folder and takes away what is not wanted; gives what was touched."""
    folder.mkdir(parents=True, exist_ok=True)
    touched = []
    for name in stale(wanted, folder, ending):
        file = folder / name
        if name in wanted:
            file.write_text(wanted[name], encoding="utf-8")
        else:
            file.unlink()
        touched.append(file)
    return touched
