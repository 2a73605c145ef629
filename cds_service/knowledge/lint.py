"""What `cds check` refuses beyond what loading refuses: names nobody uses, sources nobody cites, codes without source,
summaries that cannot fit, questions the form does not have, active rules nobody signed; missing cases by `proofs`.

Each finding has file, line, what is wrong and how to mend it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cds_service.errors import ContentError
from cds_service.knowledge.article import FILE as ARTICLE
from cds_service.knowledge.article import check_article, unplaced
from cds_service.knowledge.catalogue import Catalogue, load
from cds_service.knowledge.content import Content
from cds_service.knowledge.life import ATTRIBUTES, is_signed
from cds_service.knowledge.proofs import unproved
from cds_service.knowledge.shapes import nearest
from cds_service.model.criteria import Parameter
from cds_service.model.rule import Outcome, Rule, Word

SUMMARY_MOST = 139
OWN_SOURCES = {"local", "practice"}
_PLACEHOLDER = re.compile(r"\{([a-z0-9-]+)(?:\.([a-z_]+))?\}")
_OPTIONAL = re.compile(r"\[[^\[\]]*\]")
# The longest a placeholder is expected to print; longer chart texts are cut at a word when the card is made.
_WIDTHS = {"date": 10, "days": 4, "start": 10, "drug": 22, "name": 30, "times": 4, "side": 5}
_WIDTH = 14
_DECIDED_BY = 30
_JOIN = ", "
FILL_IN = "FILL IN"  # stands where `cds new` leaves something to the author


@dataclass(frozen=True, slots=True)
class Finding:
    file: str
    line: int
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}. {self.remedy}"


def check(content: Content, site: Path | None = None) -> list[Finding]:
    """Everything wrong with the content; an unreadable file ends the check with that one finding."""
    try:
        catalogue = load(content, site)
        return sorted(findings(catalogue), key=lambda finding: (finding.file, finding.line))
    except ContentError as error:
        return [_finding(error.where, error.message, "Mend it and check again.")]


def findings(catalogue: Catalogue) -> Iterator[Finding]:
    for where, name in catalogue.unused:
        yield _finding(where, f"nothing uses `{name}`", "Use it or remove it.")
    yield from _sources(catalogue)
    yield from _codes(catalogue)
    check_article(catalogue.content, catalogue.rules)
    for name in unplaced(catalogue.content, catalogue.rules):
        yield _finding(
            f"hooks/{ARTICLE}", f"{name} has no place", "Name it beside the statement it answers, or under `beyond`."
        )
    for rule in catalogue.rules.values():
        yield from _rule(catalogue, rule)
        yield from (_finding(*found) for found in unproved(catalogue, rule))
        yield from _left_open(catalogue, rule)


def _left_open(catalogue: Catalogue, rule: Rule) -> Iterator[Finding]:
    """What `cds new` left to the author."""
    for name in ("rule.yaml", "cases.yaml"):
        entry = catalogue.content.root.joinpath("rules", rule.id, name)
        lines = entry.read_text(encoding="utf-8").splitlines() if entry.is_file() else []
        for number, line in enumerate(lines, 1):
            if FILL_IN in line:
                yield _finding(
                    f"hooks/rules/{rule.id}/{name}:{number}", f"still says {FILL_IN}", "Say it, or remove the line."
                )


def _finding(where: str, message: str, remedy: str) -> Finding:
    file, _, line = where.rpartition(":")
    return Finding(file or where, int(line) if line.isdigit() else 1, message, remedy)


def _rule(catalogue: Catalogue, rule: Rule) -> Iterator[Finding]:
    if (
        not any(item.id == rule.id for service in catalogue.services.values() for item in service.rules)
        and rule.showing != "off"
    ):
        yield _finding(rule.file, f"no service evaluates {rule.id}", "Add it to a file in hooks/services.")
    if not rule.references:
        yield _finding(
            rule.file, f"{rule.id} names no source", "List at least one key of references.yaml under `references`."
        )
    for name in ATTRIBUTES:
        if name not in (rule.life.get("attributes") or {}):
            yield _finding(rule.file, f"{rule.id} says nothing of {name}", "State it in hooks/attributes.yaml.")
    for name in rule.life.get("attributes") or ():
        if name not in ATTRIBUTES:
            yield _finding(
                rule.file, f"no source attribute is called `{name}`", f"It is one of {', '.join(ATTRIBUTES)}."
            )
    if rule.status == "active" and not is_signed(rule):
        yield _finding(
            rule.file,
            f"{rule.id} is active and nobody signed it",
            "Fill `reviewed: {by, on, next}` or make it a draft.",
        )
    for outcome in rule.outcomes:
        yield from _texts(rule, outcome)
    if rule.collected and (longest := longest_summary(rule, rule.collected.summary)) > SUMMARY_MOST:
        yield _too_long(rule, "the card", longest)
    for ask in rule.ask:
        for item in ask.items:
            if item not in catalogue.form:
                yield _finding(
                    rule.file,
                    f"the leg form has no item `{item}`{nearest(item, catalogue.form)}",
                    "Name one of forms/leg.yaml.",
                )


def _texts(rule: Rule, outcome: Outcome) -> Iterator[Finding]:
    if not outcome.summary and not outcome.line:
        yield _finding(
            rule.file, f"the outcome {outcome.name} says nothing", "Give it a `summary`, or `joins` and a `line`."
        )
    if (longest := longest_summary(rule, outcome.summary)) > SUMMARY_MOST:
        yield _too_long(rule, outcome.name, longest)


def _too_long(rule: Rule, what: str, longest: int) -> Finding:
    return _finding(
        rule.file,
        f"the summary of {what} can reach {longest} characters",
        f"Shorten it to {SUMMARY_MOST}, or put a part in [square brackets].",
    )


def longest_summary(rule: Rule, template: str) -> int:
    """How long a summary can get when its optional parts are left out and its words are the longest there are."""

    def width(match: re.Match[str]) -> str:
        name, attribute = match.groups()
        if word := rule.words.get(name):
            return "x" * _longest_word(rule, word)
        return "x" * _WIDTHS.get(attribute or "", _WIDTH)

    return len(_PLACEHOLDER.sub(width, _OPTIONAL.sub("", template)))


def _longest_word(rule: Rule, word: Word) -> int:
    """One row of a table; every row of a list, joined."""
    if word.decided_by is not None:
        return _DECIDED_BY
    listed = [longest_summary(rule, text) for _, text in word.listed]
    table = [longest_summary(rule, text) for _, text in word.table]
    return max([sum(listed) + len(_JOIN) * (len(listed) - 1) if listed else 0, *table])


def _parameters(catalogue: Catalogue) -> Iterable[Parameter]:
    yield from catalogue.parameters.values()
    for rule in catalogue.rules.values():
        yield from rule.parameters.values()


def _sources(catalogue: Catalogue) -> Iterator[Finding]:
    cited = {reference.key for rule in catalogue.rules.values() for reference in rule.references}
    for parameter in _parameters(catalogue):
        cited.add(parameter.source)
        if parameter.source not in catalogue.references:
            yield _finding(
                parameter.where,
                f"the source `{parameter.source}` of {parameter.name} is unknown",
                "Name a key of references.yaml.",
            )
    table = catalogue.content.table("references.yaml")
    for key in catalogue.references:
        if key not in cited and key not in OWN_SOURCES:
            yield _finding(table.where(key), f"nobody cites `{key}`", "Cite it in a rule or remove it.")


def _codes(catalogue: Catalogue) -> Iterator[Finding]:
    for folder in ("codes", "analytes"):
        for _, file in catalogue.content.tables(folder):
            for name, body in file.items():
                for row in body.get("codes") or ():
                    if not row.get("seen_in"):
                        yield _finding(
                            row.where(),
                            f"the code {row.get('code')} of {name} has no source",
                            "Say in `seen_in` where it was seen.",
                        )
