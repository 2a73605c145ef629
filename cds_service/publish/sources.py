"""What a rule cites, and the codes it reads, each with where it was seen: parts of its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cds_service.model.rule import Reference, Rule
from cds_service.model.vocabulary import ValueSet
from cds_service.publish.attributes import TO_BE_VERIFIED
from cds_service.publish.page import Block, Heading, Paragraph, bullets, grid, link, strong
from cds_service.publish.reach import Reach


def short(reference: Reference) -> str:
    """Body and year, marked where nobody has read its text."""
    return f"{reference.body_and_year}{'' if reference.verified else f' ({TO_BE_VERIFIED})'}"


def cited_by(rule: Rule) -> list[Block]:
    """Each source in full."""
    lines = []
    for item in rule.references:
        mark = "" if item.verified else f" {strong(f'({TO_BE_VERIFIED})')}"
        where = f" {link(item.url, item.url)}" if item.url else ""
        lines.append(f"{item.body_and_year}: {item.citation}.{where}{mark}")
    return bullets(lines)


def codes(rests_on: Reach, seen: Mapping[tuple[str, str], str]) -> list[Block]:
    """Every code it reads: value sets, then quantities with their units, then what a card may order."""
    blocks: list[Block] = []
    rows = [row for name in sorted(rests_on.sets) for row in _set_rows(rests_on.sets[name], seen)]
    if rows:
        blocks += [Heading(3, "Value sets"), *grid(("Set", "System", "Code", "Display", "Seen in"), rows)]
    worded = [entry for _, entry in sorted(rests_on.sets.items()) if entry.text is not None]
    if worded:
        blocks.append(Paragraph("Found by words where a concept has no code:"))
        blocks += bullets(f"{strong(item.name)}: {item.text.match.pattern}" for item in worded if item.text)
    rows = []
    units = []
    for name, analyte in sorted(rests_on.analytes.items()):
        for code in analyte.codes:
            rows.append((analyte.title, code.system, code.code, code.display, seen.get((name, code.code), "")))
        spelled = ", ".join(dict.fromkeys(unit.code for unit in analyte.units.values()))
        plausible = f"; plausible {analyte.plausible[0]:f} to {analyte.plausible[1]:f}" if analyte.plausible else ""
        units.append(
            f"{analyte.title}: {spelled}{plausible} {analyte.unit.code}".rstrip()
            if plausible
            else f"{analyte.title}: {spelled}"
        )
    if rows:
        blocks += [Heading(3, "Results"), *grid(("Result", "System", "Code", "Display", "Seen in"), rows)]
        blocks += [Paragraph("Units read:"), *bullets(units)]
    return blocks


def _set_rows(entry: ValueSet, seen: Mapping[tuple[str, str], str]) -> Iterator[tuple[str, ...]]:
    for code in entry.codes:
        text = f"{code.code}… (all that begin so)" if code.prefix else code.code
        yield entry.title, code.system, text, code.display, seen.get((entry.name, code.code), "")
