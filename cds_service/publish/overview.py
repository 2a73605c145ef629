"""The handbook as a whole: its index by half and kind, and which rule answers which statement of the source article."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.knowledge.article import BEYOND, check_article, groups
from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.rule import Rule
from cds_service.publish.handbook import HALVES, KINDS, LinkTo, in_markdown
from cds_service.publish.page import Block, Heading, Paragraph, grid, link


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
    check_article(catalogue.content, catalogue.rules)
    blocks: list[Block] = [
        Heading(1, "What the source article says, and the rules that answer it"),
        Paragraph("The article's statements in our words, each with its rules."),
    ]
    for group, rows in groups(catalogue.content):
        header = ("Why these are here" if group == BEYOND else "The article says", "Rules")
        told = [(said, _rules(catalogue, names, to)) for said, names in rows]
        blocks += [Heading(2, group), *grid(header, told)]
    return blocks


def _rules(catalogue: Catalogue, names: Iterable[str], to: LinkTo) -> str:
    return ", ".join(f"{link(name.upper(), to(name))} {catalogue.rules[name].title}" for name in names)
