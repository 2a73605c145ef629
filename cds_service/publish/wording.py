"""Two texts side by side, as one reader tells another: word by word where a line changed, whole where it is new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

ALIKE = 0.5  # lines less alike than this are one that went and one that came


def compared(old: Sequence[str], new: Sequence[str]) -> list[str]:
    """One line per difference; empty when there is none."""
    if list(old) == list(new):
        return []
    found: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            found += _changed(old[a:b], new[c:d])
    return found


def _changed(gone: Sequence[str], come: Sequence[str]) -> Iterator[str]:
    """Lines that went, each with the most alike of those that came."""
    left = list(come)
    for line in gone:
        match = max(left, key=lambda other: _alike(line, other), default=None)
        if match is not None and _alike(line, match) >= ALIKE:
            left.remove(match)
            yield words(line, match)
        else:
            yield f"gone: {line}"
    yield from (f"new: {line}" for line in left)


def _alike(a: str, b: str) -> float:
    return SequenceMatcher(None, a.split(), b.split(), autojunk=False).ratio()


def words(old: str, new: str) -> str:
    """The new line, with what changed in it: `below [30 → 45] ug/L`."""
    was, now = old.split(), new.split()
    found: list[str] = []
    for tag, a, b, c, d in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if tag == "equal":
            found += now[c:d]
        elif tag == "insert":
            found.append(f"[new: {' '.join(now[c:d])}]")
        elif tag == "delete":
            found.append(f"[gone: {' '.join(was[a:b])}]")
        else:
            found.append(f"[{' '.join(was[a:b])} → {' '.join(now[c:d])}]")
    return " ".join(found)
