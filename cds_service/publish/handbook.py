"""The page of one rule as a clinician signs it: why, when it speaks, what it says, and everything that rests on it.

Reads the catalogue and the rule's own cases; the same blocks become markdown in the repository and HTML in the service.
Must not decide anything about a patient.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.criteria import Bands, Node, Points, Score
from cds_service.model.rule import Rule
from cds_service.publish import outcomes, proofs, sources
from cds_service.publish.attributes import attributes
from cds_service.publish.notes import Notes
from cds_service.publish.page import Block, Heading, Line, Paragraph, bullets, grid, link, strong
from cds_service.publish.reach import Reach, reach
from cds_service.publish.sentences import Sentences, amount
from cds_service.record.calculations import CALCULATIONS

HALVES = {"vascular": "Red flags and vessels", "deficiency": "Deficiencies, medicines and habits"}
KINDS = {
    "red-flag": "red flag",
    "finding": "finding",
    "gap": "missing test",
    "referral": "referral or investigation",
    "order-check": "check of an order",
    "reassurance": "reassurance",
    "lifestyle": "habit",
    "question": "question",
    "collected": "collected card",
}
LinkTo = Callable[[str], str]
FINE = 24  # a criterion of several parts stands as bullets, unless it is shorter than this


@dataclass(frozen=True)
class Section:
    """One part of a page, under its heading."""

    title: str
    blocks: tuple[Block, ...]


def in_markdown(rule_id: str) -> str:
    """Where another rule's page stands in the handbook."""
    return f"{rule_id}.md"


def page(catalogue: Catalogue, rule: Rule, notes: Notes, to: LinkTo = in_markdown) -> list[Block]:
    """The whole page, title first."""
    blocks: list[Block] = [Heading(1, f"{rule.id.upper()}: {rule.title}")]
    blocks += [Paragraph(text) for text in (*warnings(rule), state(rule))]
    for section in sections(catalogue, rule, notes, to):
        blocks += [Heading(2, section.title), *section.blocks]
    return blocks


def warnings(rule: Rule) -> list[str]:
    """What a reader must know first: a rule that is not shown here."""
    found = []
    if rule.status == "retired":
        found.append(f"{strong('Retired')}: this rule is no longer evaluated.")
    if rule.showing == "silent":
        found.append(f"{strong('Silent')}: this rule is evaluated and counted at this site, and never shown.")
    if rule.showing == "off":
        found.append(f"{strong('Off')}: this site does not evaluate this rule.")
    return found


def state(rule: Rule) -> str:
    """Version, life and signature in one sentence."""
    reviewed = rule.life.get("reviewed") or {}
    signed = (
        f"reviewed by {reviewed['by']} on {reviewed.get('on')}, next review {reviewed.get('next') or 'not set'}"
        if reviewed.get("by")
        else "not reviewed by anybody yet"
    )
    half = HALVES.get(rule.pack, rule.pack)
    return f"Version {rule.version}, {rule.status}, {signed}. {half}: {KINDS.get(rule.kind, rule.kind)}."


def sections(catalogue: Catalogue, rule: Rule, notes: Notes, to: LinkTo = in_markdown) -> list[Section]:
    """Every part that has something to say, in reading order."""
    rests_on = reach(catalogue, rule)
    writer = Sentences(catalogue)
    of_people = attributes(catalogue, rule, notes.changes)
    parts: list[tuple[str, list[Block]]] = [
        ("Why it exists", [Paragraph(rule.why)] if rule.why else []),
        ("When it speaks", criteria(rule, writer, to)),
        ("What it says", outcomes.says(catalogue, rule, writer, to)),
        ("What it asks", outcomes.asks(catalogue, rule, writer)),
        ("What hides it, and what it hides", outcomes.relations(catalogue, rule, to)),
        ("Where it is shown", outcomes.places(catalogue, rule)),
        ("Parameters", parameters(catalogue, rests_on)),
        ("Points", points(rests_on, writer)),
        ("What the names mean", terms(rests_on, writer)),
        ("How values are worked out", workings(rests_on)),
        ("Cases", proofs.cases(catalogue, rule)),
        ("Known limits", bullets(rule.limits)),
        ("Sources", sources.cited_by(rule)),
        ("Source attributes", grid(("Attribute", "This rule"), ((item.name, item.said) for item in of_people))),
        ("Codes", sources.codes(rests_on, notes.seen)),
    ]
    return [Section(title, tuple(blocks)) for title, blocks in parts if blocks]


def criteria(rule: Rule, writer: Sentences, to: LinkTo) -> list[Block]:
    """What must hold, what keeps it away, whom it does not look at."""
    blocks: list[Block] = []
    if rule.collected is not None:
        blocks.append(Paragraph("It has no finding of its own: it gathers the lines of other rules on one card."))
        lines = [
            link(name.upper(), to(name)) + (f", outcome {each}" if each else "") for name, each in rule.collected.rules
        ]
        blocks += bullets(lines)
    if rule.when is not None:
        said = "It gathers only when this holds:" if rule.collected else "It speaks when this is known to hold:"
        blocks += [Paragraph(said), *bullets(writer.lines(rule.when, short=FINE))]
    if rule.unless:
        blocks.append(Paragraph("It stays away when one of these is known to hold:"))
        blocks += bullets(line for node in rule.unless for line in writer.lines(node))
    if rule.gates:
        blocks.append(Paragraph("It looks at no patient of whom one of these is known to hold:"))
        blocks += bullets(line for _, node in rule.gates for line in writer.lines(node))
    return blocks


def parameters(catalogue: Catalogue, rests_on: Reach) -> list[Block]:
    """Every number it rests on, with the value in force."""
    rows = []
    for name, item in sorted(rests_on.parameters.items()):
        value = amount(item) + (f" (set by {item.origin})" if item.origin != "hooks" else "")
        span = f"{item.range[0]:f} to {item.range[1]:f}" if item.range else "on or off"
        reference = catalogue.references.get(item.source)
        source = item.source if reference is None else sources.short(reference)
        rows.append((strong(name), value, span, source, item.means, item.owner))
    return grid(("Name", "Value", "Range", "Source", "Meaning", "Stands in"), rows)


def points(rests_on: Reach, writer: Sentences) -> list[Block]:
    """The items of every score."""
    rows: list[tuple[str, str, str]] = []
    for name, named in rests_on.names.items():
        if isinstance(named.node, Score):
            for item in named.node.items:
                rows += [(strong(name), given, for_what) for given, for_what in _item(item, writer)]
    return grid(("Score", "Points", "For"), rows)


def _item(item: Node, writer: Sentences) -> Iterable[tuple[str, str]]:
    match item:
        case Points():
            yield f"{item.points:+d}", writer.say(item.when)
        case Bands():
            for low, high, given in item.bands:
                ends = f"up to {high}" if low is None else f"from {low}" if high is None else f"{low} to {high}"
                yield f"{given:+d}", f"{writer.say(item.of)} {ends}"


def workings(rests_on: Reach) -> list[Block]:
    """What each calculation does, in its own words."""
    said = {name: inspect.getdoc(CALCULATIONS[name].function) or "" for name in sorted(rests_on.calculations)}
    return bullets(f"{strong(name.replace('-', ' '))}: {text.replace('`', '')}" for name, text in said.items())


def terms(rests_on: Reach, writer: Sentences) -> list[Block]:
    """Each name the rule uses, shared or its own, spelled out."""
    blocks: list[Block] = [
        Paragraph(
            "A complaint, condition, medicine, procedure, report or order of which the record says nothing counts as "
            "absent only when the record could be read completely; a finding or an answer nobody gave stays open."
        )
    ]
    lines: list[Line] = []
    for name, named in sorted(rests_on.names.items()):
        called = f" (on cards: {named.words})" if named.words else ""
        first, *further = writer.lines(named.node, f"{strong(name)}{called}: ")
        lines += [replace(first, meaning=name), *further]
    return [*blocks, *bullets(lines)] if lines else []
