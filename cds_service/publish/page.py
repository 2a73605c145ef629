"""A page as blocks, written as markdown for the repository and as HTML for the service: one text, two dresses.

Text is plain; what is to stand out is wrapped by `strong`. Everything is escaped here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

_STRONG = re.compile("\x02([^\x02\x03]*)\x03")
_TERM = re.compile("\x07([^\x07\x08]*)\x08")
_LINK = re.compile("\x04([^\x05]*)\x05([^\x06]*)\x06")
_SAFE_LINK = re.compile(r"(https?://[^\s<>\"()]+|/?[a-z0-9#][a-z0-9./#_-]*)\Z")


def strong(text: str) -> str:
    """Text that stands out: a term, a name."""
    return f"\x02{text}\x03"


def term(name: str) -> str:
    """A name whose meaning stands further down on the same page: stands out, and leads there."""
    return f"\x07{name}\x08"


def link(text: str, target: str) -> str:
    """A link; only http, https and pages of our own are linked, anything else stays text."""
    return f"\x04{text}\x05{target}\x06" if _SAFE_LINK.match(target) else text


def plain(text: str) -> str:
    """The text alone, without what stands out and without links."""
    return _TERM.sub(r"\1", _LINK.sub(r"\1", text)).replace("\x02", "").replace("\x03", "")


@dataclass(frozen=True, slots=True)
class Heading:
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One bullet; `depth` 0 is the outermost. `meaning`: the name whose meaning stands here, for links to it."""

    text: str
    depth: int = 0
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Bullets:
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; every row has as many cells as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Bullets | Grid


def bullets(lines: Iterable[Line | str]) -> list[Block]:
    """One block of bullets, or none when there is nothing to say."""
    found = tuple(line if isinstance(line, Line) else Line(line) for line in lines)
    return [Bullets(found)] if found else []


def grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[Block]:
    """One table, or none when it would be empty."""
    found = tuple(tuple(row) for row in rows)
    return [Grid(tuple(header), found)] if found else []


# ------------------------------------------------------------------------------------------------ markdown


def markdown(blocks: Iterable[Block]) -> str:
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_inline(block.text)}"
        case Paragraph():
            return _inline(block.text)
        case Bullets():
            return "\n".join(f"{'  ' * line.depth}- {_inline(line.text)}" for line in block.lines)
        case Grid():
            rows = [block.header, tuple("---" for _ in block.header), *block.rows]
            return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows)


def _inline(text: str) -> str:
    escaped = re.sub(r"([*`\\|\[\]])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")
    escaped = _LINK.sub(lambda found: f"[{found[1]}]({found[2]})", escaped)
    return _STRONG.sub(r"**\1**", _TERM.sub(r"**\1**", escaped))


def _cell(text: str) -> str:
    return _inline(text) or " "


# ------------------------------------------------------------------------------------------------ HTML


def html(blocks: Iterable[Block]) -> str:
    """The blocks as HTML, everything escaped; the caller puts the frame around."""
    return "\n".join(_html(block) for block in blocks)


def _html(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{_marked(block.text)}</h{block.level}>"
        case Paragraph():
            return f"<p>{_marked(block.text)}</p>"
        case Bullets():
            return _nested(block.lines)
        case Grid():
            head = "".join(f'<th scope="col">{_marked(cell)}</th>' for cell in block.header)
            body = "".join(
                "<tr>" + "".join(f"<td>{_marked(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
            )
            table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            return f'<div class="table">{table}</div>'


def _nested(lines: Sequence[Line]) -> str:
    parts: list[str] = []
    depth = -1
    for line in lines:
        level = min(line.depth, depth + 1)
        if level > depth:
            parts.append("<ul>")
        else:
            parts.append("</li>" + "</ul></li>" * (depth - level))
        place = f' id="{escape(line.meaning)}"' if line.meaning else ""
        parts.append(f"<li{place}>{_marked(line.text)}")
        depth = level
    return "".join(parts) + "</li></ul>" * (depth + 1)


def _marked(text: str) -> str:
    escaped = escape(" ".join(text.split()))
    escaped = _LINK.sub(lambda found: f'<a href="{found[2]}">{found[1]}</a>', escaped)
    escaped = _TERM.sub(r'<a href="#\1">\1</a>', escaped)
    return _STRONG.sub(r"<strong>\1</strong>", escaped)
