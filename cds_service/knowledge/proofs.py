"""Which cases a rule lacks: one for every outcome, an undecided and a silent one, one for whoever hides it.

Counts what the cases expect and does not run them: `cds test` does, and `cds test --doubt` changes the content beneath.
"""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.knowledge.cases import Case, load_cases, never_with
from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.rule import Rule

DECIDED = ("undecided", "asked")
CONCLUSIONS = ("silent", "fired", "held", *DECIDED)
Lack = tuple[str, str, str]  # where, what is wrong, how to mend it


def unproved(catalogue: Catalogue, rule: Rule) -> Iterator[Lack]:
    """(where, what is wrong, how to mend it). Raises ContentError for a case that cannot be read."""
    file = f"hooks/rules/{rule.id}/cases.yaml"
    cases = load_cases(catalogue.content, catalogue, rule)
    if not cases:
        yield file, f"{rule.id} has no cases", "Write patients it must get right."
        return
    expected = {case.expect for case in cases}
    for outcome in rule.outcomes:
        if outcome.name not in expected:
            yield file, f"no case expects the outcome {outcome.name}", "Add one."
    if not rule.collected and not expected.intersection(DECIDED):
        yield file, "no case is undecided", "Add a patient for whom the answer cannot be told."
    if rule.ask and "asked" not in expected:
        yield file, f"{rule.id} may ask, and no case expects it", "Add a patient for whom it asks (`expect: asked`)."
    if "silent" not in expected:
        yield file, "no case is silent", "Add a patient who does not concern the rule."
    if rule.collected and "fired" not in expected:
        yield file, "no case shows the card", "Add a patient for whom it is shown (`expect: fired`)."
    yield from _misnamed(rule, cases)
    yield from _hidings(catalogue, rule, cases, file)


def _misnamed(rule: Rule, cases: list[Case]) -> Iterator[Lack]:
    known = {*(outcome.name for outcome in rule.outcomes), *CONCLUSIONS}
    for case in cases:
        if case.expect not in known:
            yield case.where, f"`{case.expect}` is no outcome of {rule.id}", f"It is one of {', '.join(sorted(known))}."


def _hidings(catalogue: Catalogue, rule: Rule, cases: list[Case], file: str) -> Iterator[Lack]:
    """Each rule that hides this one, and each level it yields to, is seen to hold it back once."""
    held = {case.held for case in cases}
    apart = never_with(catalogue.content, rule.id)
    hiders = [other for other in catalogue.rules.values() if rule.id in other.hides or other.id in rule.yields_to]
    for name in sorted({*apart} - {other.id for other in hiders}):
        yield file, f"{name} does not hide {rule.id}", "Take it out of `never_with`."
    for other in hiders:
        if other.id not in apart and not held & {f"superseded:{other.code}", f"superseded:{other.id}"}:
            both = f'a patient for whom both hold (`held: "superseded:{other.code}"`)'
            wrong = f"no case shows that {other.id} hides {rule.id}"
            yield file, wrong, f"Add {both}, or say in `never_with` why there is none."
    for entry in rule.yields_to:
        level, _, pack = entry.partition(":")
        if pack and not _shows(level, held):
            because = "critical-card" if level == "critical" else "superseded:…"
            wrong = f"no case shows that {rule.id} yields to {level} of {pack}"
            yield file, wrong, f"Add a patient for whom both hold, with `held: {because}`."


def _shows(level: str, held: set[str]) -> bool:
    return "critical-card" in held if level == "critical" else any(item.startswith("superseded:") for item in held)
