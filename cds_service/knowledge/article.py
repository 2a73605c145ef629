"""`hooks/article.yaml`: what the source article says and the rules that answer it, and why the other rules are here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.errors import ContentError
from cds_service.knowledge.content import Content
from cds_service.knowledge.shapes import as_names, as_rows, as_table, as_text, nearest, need, only

FILE = "article.yaml"
BEYOND = "Beyond the article"


def groups(content: Content) -> Iterator[tuple[str, list[tuple[str, tuple[str, ...]]]]]:
    """(group, rows of what is said and the ids of its rules); the last group is of the rules beyond the article."""
    table = content.table(FILE, required=False)
    only(table, ("statements", "beyond"), FILE)
    for item in as_rows(table.get("statements") or [], table.where("statements"), "statements"):
        body = as_table(item, table.where("statements"), "a group")
        only(body, ("group", "rows"), "a group")
        rows = as_rows(need(body, "rows", "a group"), body.where("rows"), "rows")
        yield as_text(need(body, "group", "a group"), body.where("group"), "group"), [_row(row, "says") for row in rows]
    beyond = as_rows(table.get("beyond") or [], table.where("beyond"), "beyond")
    if beyond:
        yield BEYOND, [_row(row, "why") for row in beyond]


def _row(raw: object, said: str) -> tuple[str, tuple[str, ...]]:
    row = as_table(raw, FILE, "a row")
    only(row, (said, "rules"), "a row")
    text = as_text(need(row, said, "a row"), row.where(said), said)
    return text, as_names(need(row, "rules", "a row"), row.where("rules"), "rules")


def check_article(content: Content, rules: Iterable[str]) -> None:
    """Every rule it names must exist. Raises ContentError with the nearest name."""
    known = set(rules)
    for name in _named(content):
        if name not in known:
            raise ContentError(f"no rule is called `{name}`{nearest(name, known)}", f"hooks/{FILE}")


def unplaced(content: Content, rules: Iterable[str]) -> list[str]:
    """Rules that neither answer a statement nor stand among those beyond the article."""
    placed = set(_named(content))
    return [name for name in rules if name not in placed]


def _named(content: Content) -> Iterator[str]:
    for _, rows in groups(content):
        for _, names in rows:
            yield from names
