"""Templates of content, filled: `{name}`, `{name.attr}` and `[optional parts]`, as `hooks/README.md` defines them.

Knows nothing of rules or patients: `say(name, attribute)` gives the words, already made safe for where they will stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cds_service.cards.escaping import entities

SUMMARY_MOST = 139
NOTHING = "not known"  # where a text that may not be left out has nothing to say
COUNTS = frozenset({"count", "more", "pending-count"})  # an optional part that counts none is left out
Say = Callable[[str, str], str]

_SLOT = re.compile(r"\{([a-z0-9-]+)(?:\.([a-z_]+))?\}")
# An optional part holds a placeholder; "[words](address)" is a link and stays as it is.
_OPTIONAL = re.compile(r"\[([^\[\]]*\{[a-z0-9-]+(?:\.[a-z_]+)?\}[^\[\]]*)\](?!\()")


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a word: `{ferritin}` or `{ferritin.date}`."""

    name: str
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a template: plain text and slots; `optional` if it may be left out."""

    parts: tuple[str | Slot, ...]
    optional: bool = False


@lru_cache(maxsize=4096)
def parse(template: str, markdown: bool = False) -> tuple[Piece, ...]:
    """The template in pieces. In markdown the brackets of signed text that would open a tag become entities."""
    pieces: list[Piece] = []
    position = 0
    for match in _OPTIONAL.finditer(template):
        if match.start() > position:
            pieces.append(Piece(_parts(template[position : match.start()], markdown)))
        pieces.append(Piece(_parts(match[1], markdown), optional=True))
        position = match.end()
    if position < len(template):
        pieces.append(Piece(_parts(template[position:], markdown)))
    return tuple(pieces)


def _parts(text: str, markdown: bool) -> tuple[str | Slot, ...]:
    found: list[str | Slot] = []
    position = 0
    for match in _SLOT.finditer(text):
        found.append(text[position : match.start()])
        found.append(Slot(match[1], match[2] or ""))
        position = match.end()
    found.append(text[position:])
    return tuple(entities(part) if markdown and isinstance(part, str) else part for part in found if part)


def slots(template: str) -> tuple[Slot, ...]:
    """Every place for a word, in reading order."""
    return tuple(part for piece in parse(template) for part in piece.parts if isinstance(part, Slot))


def fill(template: str, say: Say, markdown: bool = False) -> str:
    """The whole text; an optional part is left out when a name in it has nothing to say."""
    return "".join(text for text, _ in _filled(template, say, markdown)).strip()


def fit(template: str, say: Say, most: int = SUMMARY_MOST) -> str:
    """The text as a summary: one line of at most `most` signs. Optional parts go first, from the end; then a cut."""
    pieces = _filled(template, say, markdown=False)
    while True:
        text = " ".join("".join(text for text, _ in pieces).split())
        if size(text) <= most:
            return text
        optional = [position for position, (_, may_go) in enumerate(pieces) if may_go]
        if not optional:
            return cut(text, most)
        del pieces[optional[-1]]


def _filled(template: str, say: Say, markdown: bool) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for piece in parse(template, markdown):
        words = [part if isinstance(part, str) else say(part.name, part.attribute) for part in piece.parts]
        if piece.optional:
            if all(words) and not _counts_nothing(piece, words):
                found.append(("".join(words), True))
        else:
            found.append(("".join(word or NOTHING for word in words), False))
    return found


def _counts_nothing(piece: Piece, words: list[str]) -> bool:
    """Does the piece speak of a number of lines that is nought?"""
    return any(
        isinstance(part, Slot) and part.name in COUNTS and word == "0"
        for part, word in zip(piece.parts, words, strict=True)
    )


def size(text: str) -> int:
    """How long a client may count it: signs beyond the basic plane count as two in many of them."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "replace")) // 2


def cut(text: str, most: int) -> str:
    """The text up to a word's end and `…`, `most` signs in all."""
    if size(text) <= most:
        return text
    kept = text[: most - 1]
    while size(kept) > most - 1:
        kept = kept[:-1]
    space = kept.rfind(" ")
    whole = text[len(kept) : len(kept) + 1] == " "
    if not whole and space > most // 2:
        kept = kept[:space]
    return kept.rstrip(" ,;:-(") + "…"


def joined(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
