"""Places of the content that decide something: every number, and every criterion of a list; and who rests on each.

Content is read once and held, so that one place after another may be changed and put back. Must not judge the cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cds_service.knowledge.content import Content
from cds_service.knowledge.reader import Rows, Table
from cds_service.knowledge.shapes import AMOUNT, SPAN, as_number

TEXTS = ("summary", "detail", "line", "text", "link")
JUDGED = ("parameters", "facts", "when", "unless", "outcomes", "ask")  # the parts of a rule that decide


@dataclass(frozen=True)
class Held(Content):
    """Content read once; what stands in its tables may be changed and put back."""

    cache: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def table(self, *parts: str, required: bool = True) -> Table:
        if parts not in self.cache:
            self.cache[parts] = Content.table(self, *parts, required=required)
        return self.cache[parts]  # type: ignore[no-any-return]

    def tables(self, folder: str) -> Iterator[tuple[str, Table]]:
        if folder not in self.cache:
            self.cache[folder] = list(Content.tables(self, folder))
        return iter(self.cache[folder])


@dataclass(frozen=True)
class Place:
    """Something that decides, where it stands: `holder[key]`.

    owner: the rule or the shared name it belongs to. `changes`: what may stand there instead, each with how to say it.
    """

    where: str
    owner: str
    what: str
    holder: Any = field(repr=False)
    key: Any = field(repr=False)
    changes: tuple[tuple[str, Any], ...] = field(repr=False)


GONE = object()  # a criterion left out


def places(content: Content) -> Iterator[Place]:
    """Every place, in the order of the files."""
    worked = _worked_with(content)
    for _, file in content.tables("definitions"):
        for name, body in (file.get("parameters") or {}).items():
            yield _parameter(name, name, body, name in worked)
        for name, raw in (file.get("definitions") or {}).items():
            yield from _inner(name, name, raw, file["definitions"], name)
    for folder in content.rule_folders():
        rule = content.table("rules", folder, "rule.yaml")
        for name, body in (rule.get("parameters") or {}).items():
            yield _parameter(folder, name, body, name in worked)
        for key in JUDGED[1:]:
            if key in rule:
                yield from _inner(folder, key, rule[key], rule, key)


def _worked_with(content: Content) -> set[str]:
    """Parameters that enter a calculation, where one step may be too small to matter."""
    found: set[str] = set()
    waiting: list[Any] = [file.get("definitions") for _, file in content.tables("definitions")]
    waiting += [content.table("rules", folder, "rule.yaml") for folder in content.rule_folders()]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Table):
            if "calculation" in part and isinstance(part.get("with"), Table):
                found |= {name for name in part["with"].values() if isinstance(name, str)}
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found


def _parameter(owner: str, name: str, body: Table, worked: bool) -> Place:
    """One step of the last digit up and down; of a number that enters a calculation, the ends of its range."""
    value = body["value"]
    if isinstance(value, bool):
        return Place(body.where(), owner, name, body, "value", ((str(not value).lower(), not value),))
    if worked:
        ends = [end for end in body["range"] if as_number(end, "", "") != as_number(value, "", "")]
        return Place(body.where(), owner, name, body, "value", tuple((f"{end}", end) for end in ends))
    steps = tuple((f"{moved(value, way)}", moved(value, way)) for way in (1, -1))
    return Place(body.where(), owner, name, body, "value", steps)


def moved(value: Any, way: int) -> Any:
    """One step of the last digit that is written, up (1) or down (-1); of "30 days" too."""
    if isinstance(value, int):
        return value + way
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return value + way * Decimal((0, (1,), exponent if isinstance(exponent, int) else 0))
    number, blank, unit = str(value).partition(" ")
    written = Decimal(number)
    return f"{moved(int(written) if written == int(written) and '.' not in number else written, way)}{blank}{unit}"


def _inner(owner: str, name: str, raw: Any, holder: Any, key: Any) -> Iterator[Place]:
    """Spans and amounts written in place, the ends of bands, and the criteria of a list."""
    if isinstance(raw, str) and (SPAN.match(raw) or AMOUNT.match(raw)) and key not in TEXTS:
        steps = tuple((moved(raw, way), moved(raw, way)) for way in (1, -1))
        yield Place(holder.where(), owner, f"`{raw}` in {name}", holder, key, steps)
    elif isinstance(raw, Table):
        for inner, value in raw.items():
            if inner == "bands":
                yield from _bands(owner, name, value)
            elif inner not in TEXTS:
                if inner in ("all", "any") and isinstance(value, Rows):
                    yield from _criteria(owner, name, inner, value)
                yield from _inner(owner, name, value, raw, inner)
    elif isinstance(raw, Rows):
        if key == "unless":
            yield from _criteria(owner, name, "unless", raw)
        for index, value in enumerate(raw):
            yield from _inner(owner, name, value, raw, index)


def _criteria(owner: str, name: str, kind: str, listed: Rows) -> Iterator[Place]:
    if kind != "unless" and len(listed) < 2:
        return
    for index, item in enumerate(listed):
        what = f"`{plainly(item)}` of `{kind}` in {name}"
        yield Place(getattr(item, "where", listed.where)(), owner, what, listed, index, (("left out", GONE),))


def _bands(owner: str, name: str, bands: Rows) -> Iterator[Place]:
    for band in bands:
        for end in (0, 1):
            if band[end] is not None:
                steps = tuple((str(moved(band[end], way)), moved(band[end], way)) for way in (1, -1))
                what = f"the end {band[end]} of the band {plainly(band)} in {name}"
                yield Place(band.where(), owner, what, band, end, steps)


def plainly(raw: Any) -> str:
    """A piece of content on one line, cut where it is long."""
    if isinstance(raw, Mapping):
        text = "{" + ", ".join(f"{key}: {plainly(value)}" for key, value in raw.items()) + "}"
    elif isinstance(raw, list):
        text = "[" + ", ".join(plainly(item) for item in raw) + "]"
    else:
        text = "~" if raw is None else str(raw).lower() if isinstance(raw, bool) else str(raw)
    return text if len(text) <= 70 else text[:69] + "…"


# ------------------------------------------------------------------------------------------------ doors out


def doors(content: Content) -> Iterator[tuple[str, str]]:
    """(where, what is said) of every `known` and `unless`: the places where an unknown is taken for a no."""
    for _, file in content.tables("definitions"):
        yield from _doors(file.get("definitions"))
    for folder in content.rule_folders():
        yield from _doors(content.table("rules", folder, "rule.yaml"))


def _doors(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, Table):
        for key, value in part.items():
            if key in ("known", "unless"):
                yield part.where(key), f"{key}: {plainly(value)}"
            yield from _doors(value)
    elif isinstance(part, list):
        for item in part:
            yield from _doors(item)


# ------------------------------------------------------------------------------------------------ who rests on what


def rests_on(content: Content, rule: str) -> set[str]:
    """Every shared name a rule's file names, directly or through definitions; gates too."""
    shared: dict[str, Any] = {}
    for _, file in content.tables("definitions"):
        shared |= dict.fromkeys(file.get("parameters") or (), None)
        shared |= file.get("definitions") or {}
    table = content.table("rules", rule, "rule.yaml")
    found: set[str] = set()
    waiting: list[Any] = [table, content.table("conventions.yaml").get(table["pack"])]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            for word in part.replace("{", " ").replace("}", " ").replace(".", " ").split():
                if word in shared and word not in found:
                    found.add(word)
                    waiting.append(shared[word])
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found
