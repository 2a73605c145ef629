"""The handbook as a whole: its index by half and kind, and which rule answers which statement of the source article."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cds_service.errors import ContentError
from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.reader import Table
from cds_service.knowledge.shapes import nearest
from cds_service.model.rule import Rule
from cds_service.publish.handbook import HALVES, KINDS, LinkTo, in_markdown
from cds_service.publish.page import Block, Heading, Paragraph, grid, link

ARTICLE = "article.yaml"


def index(catalogue: Catalogue, to: LinkTo = in_markdown, coverage: str = "coverage.md") -> list[Block]:
    """Every rule, by half and kind, with its life."""
    count = len(catalogue.rules)
    intro = f"{count} rules. Each page says when its rule speaks, what it says, and everything that rests on it."
    blocks: list[Block] = [Heading(1, "The rules"), Paragraph(intro)]
    if coverage:
        blocks.append(
            Paragraph(f"Which rule answers which statement of the source article: {link('coverage', coverage)}.")
        )
    for pack in (*HALVES, *sorted({rule.pack for rule in catalogue.rules.values()} - set(HALVES))):
        of_pack = [rule for rule in catalogue.rules.values() if rule.pack == pack]
        blocks += [Heading(2, HALVES.get(pack, pack))] if of_pack else []
        for kind, name in KINDS.items():
            rows = [_row(rule, to) for rule in of_pack if rule.kind == kind]
            blocks += (
                [Heading(3, name.capitalize()), *grid(("Rule", "Title", "Levels", "Version", "State"), rows)]
                if rows
                else []
            )
    return blocks


def _row(rule: Rule, to: LinkTo) -> tuple[str, ...]:
    levels = dict.fromkeys(level for outcome in rule.outcomes for _, level in outcome.indicator)
    state = rule.status if rule.showing == "on" else f"{rule.status}, {rule.showing} here"
    return link(rule.id.upper(), to(rule.id)), rule.title, " or ".join(levels), rule.version, state


def coverage(catalogue: Catalogue, to: LinkTo = in_markdown) -> list[Block]:
    """Statement by statement. Raises ContentError when the table names a rule that does not exist."""
    table = catalogue.content.table(ARTICLE, required=False)
    blocks: list[Block] = [
        Heading(1, "What the source article says, and the rules that answer it"),
        Paragraph(
            "The article's statements in our words. A statement no rule answers would stand here with an empty cell."
        ),
    ]
    for group in table.get("statements") or ():
        rows = [(row["says"], _rules(catalogue, row, to)) for row in group["rows"]]
        blocks += [Heading(2, str(group["group"])), *grid(("The article says", "Rules"), rows)]
    rows = [(row["why"], _rules(catalogue, row, to)) for row in table.get("beyond") or ()]
    if rows:
        blocks += [Heading(2, "Beyond the article"), *grid(("Why these are here", "Rules"), rows)]
    return blocks


def _rules(catalogue: Catalogue, row: Table, to: LinkTo) -> str:
    for name in row["rules"]:
        if name not in catalogue.rules:
            raise ContentError(f"no rule is called `{name}`{nearest(name, catalogue.rules)}", row.where("rules"))
    return ", ".join(f"{link(name.upper(), to(name))} {catalogue.rules[name].title}" for name in row["rules"])


def unplaced(catalogue: Catalogue) -> list[str]:
    """Rules that neither answer a statement nor stand among those beyond it."""
    table = catalogue.content.table(ARTICLE, required=False)
    groups: Iterable[Any] = table.get("statements") or ()
    placed = {name for row in (*_flat(groups), *(table.get("beyond") or ())) for name in row["rules"]}
    return [name for name in catalogue.rules if name not in placed]


def _flat(groups: Iterable[Any]) -> Iterator[Any]:
    for group in groups:
        yield from group["rows"]
