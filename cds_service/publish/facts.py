"""A fact in words: what is looked for in the record, when, on which side, and what silence would mean.

Every option of a fact is said; an option without words of its own is printed by name, never dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.vocabulary import ORDER_PREFIX
from cds_service.model.criteria import Anchor, Fact, Node, SameSide, Span, Window
from cds_service.model.quantity import Unit
from cds_service.publish.page import strong

_STATUS = {"current": "a current condition", "ever": "a condition, current or past", "past": "a past condition"}
_READ = {
    "conditions": "the conditions",
    "observations": "the observations",
    "medicines": "the medicines",
    "orders": "the orders",
    "procedures": "the procedures",
    "encounters": "the encounters",
    "reports": "the reports",
}
_PATIENT = {
    "age": "the patient's age in years",
    "sex": "the patient's administrative sex",
    "deceased": "the patient has died",
}
# Options in words. `{}` is the value; a value that is a set of codes is given by its title.
_OPTIONS: Mapping[tuple[str, object], str] = {
    ("certainty", "any"): "",
    ("certainty", "established"): "not merely suspected",
    ("certainty", "suspected"): "merely suspected",
    ("undated", "unknown"): "undated entries leave it open",
    ("undated", "counts"): "undated entries count",
    ("undated", "ignored"): "undated entries do not count",
    ("if_none", "unknown"): "silence is no answer",
    ("if_none", "absent"): "silence counts as no",
    ("plan", "counts"): "a plan counts too",
    ("intended", "counts"): "a statement that it is intended counts too",
    ("pending", "ignored"): "a pending test does not matter here",
    ("preliminary", "counts"): "preliminary results count",
    ("preliminary", "ignored"): "preliminary results do not count",
    ("implausible", "discarded"): "implausible values are passed over",
    ("conditions_window", "any"): "a current condition counts whatever its date",
    ("conditions_window", "same"): "a condition must be dated in that time too",
    ("also_procedure", True): "a procedure of this kind counts too",
    ("also_condition", True): "a condition of this kind counts too",
    ("also_medication", True): "a medicine of this kind counts too",
    ("unanswered", True): "not answered by a later report",
    ("devices", True): "orders of devices count too",
    ("basket", True): "also among the drafts that are not selected",
    ("ties", "highest"): "of two results of one moment the higher",
    ("per_side", True): "the newest of each leg",
    ("encounters_needed", False): "encounters need not have been read",
    ("encounters_needed", True): "encounters must have been read",
}
_LENGTHS = {
    "older_than": "older than {}",
    "encounters_within": "reasons of encounters of the last {}",
    "answers_within": "answers on the form of the last {}",
    "days_each": "one unit is {}",
    "bridge": "gaps up to {} are bridged",
    "given_within": "a given dose counts for {}",
    "supply": "a dispensed supply of unknown length counts for {}",
    "completed": "a completed course counts for {}",
    "pending_within": "a test ordered in the last {} is pending",
}
_NAMED = {
    "except": "except {}",
    "at": "at {}",
    "not_at": "not at {}",
    "not_followed_by": "not followed by {}",
    "denied_by": "a finding of {} is a no",
    "conclusion": "concluding {}",
    "reason": "for {}",
    "not_route": "by another route than {}",
}
_SAID_ELSEWHERE = {"status", "take", "or_both", "answer", "also", "choices", "unit", "no_status_days", "route"}


class FactWriter:
    """Puts facts in words with the catalogue's own titles; `name_of` says how a node inside a fact is called."""

    def __init__(self, catalogue: Catalogue, name_of: Callable[[Node], str]):
        self.catalogue = catalogue
        self.name_of = name_of

    def say(self, fact: Fact) -> str:
        """One sentence without its full stop."""
        parts = [self._what(fact), self.window(fact.window), self.side(fact.side)]
        further = [text for text in self._options(fact) if text]
        told = " ".join(part for part in parts if part)
        return f"{told} ({'; '.join(further)})" if further else told

    def titles(self, names: Iterable[str]) -> str:
        """Value sets, analytes and orders by title."""
        return " or ".join(self._title(name) for name in names)

    def _title(self, name: str) -> str:
        catalogue = self.catalogue
        if name.startswith(ORDER_PREFIX):
            order = catalogue.orders.get(name[len(ORDER_PREFIX) :])
            return f"“{order.text if order else name}”"
        known = catalogue.vocabulary.sets.get(name) or catalogue.vocabulary.analytes.get(name)
        return f"“{known.title}”" if known else name

    def _question(self, item: str) -> str:
        return f"“{self.catalogue.form.get(item, item)}” (form: {item})"

    def _what(self, fact: Fact) -> str:
        titles = self.titles(fact.sets)
        match fact.kind:
            case "condition":
                return f"{_STATUS[str(fact.option('status', 'current'))]}: {titles}"
            case "symptom" | "sign":
                return self._statement(fact, titles)
            case "answer":
                return f"the answer to {self._question(fact.sets[0])}{self._form_choices(fact)}"
            case "result":
                return f"the {fact.option('take', 'newest')} result of {titles}"
            case "missing":
                return f"no usable result, none unreadable and none pending of {self._every(fact)}"
            case "pending":
                return f"a test ordered and not resulted: {titles}"
            case "read":
                return f"{' and '.join(_READ[name] for name in fact.sets)} could be read completely"
            case "side":
                answer = fact.option("answer")
                form = f"the answer to {self._question(str(answer))}, else " if answer else ""
                named = " or ".join(self.name_of(item) for item in fact.inner)
                return f"the leg, left, right or both, as {form}named by {named}"
            case "patient":
                return _PATIENT.get(fact.sets[0], fact.sets[0])
            case "hook":
                return f"asked at {' or '.join(fact.sets)}"
        return f"{_SIMPLE.get(fact.kind, fact.kind)} {titles}"

    def _statement(self, fact: Fact, titles: str) -> str:
        said = f"{'a finding of' if fact.kind == 'sign' else 'a complaint of'} {titles}" if titles else ""
        for sets, sites in _pairs(fact.option("also")):
            said += f", or {self.titles(sets)} at {self.titles(sites)}" if sites else f", or {self.titles(sets)}"
        answer = fact.option("answer")
        asked = f"the answer yes to {self._question(str(answer))}" if answer else ""
        return " or ".join(part for part in (said, asked) if part)

    def _form_choices(self, fact: Fact) -> str:
        choices = fact.option("choices")
        unit = fact.option("unit")
        if isinstance(choices, tuple):
            return f": {', '.join(map(str, choices))}"
        return f" in {unit.code}" if isinstance(unit, Unit) else ""

    def _every(self, fact: Fact) -> str:
        text = " and of ".join(self._title(name) for name in fact.sets)
        either = fact.option("or_both")
        if isinstance(either, tuple):
            text += f", or of one of {' and '.join(self._title(str(name)) for name in either)}"
        return text

    # ------------------------------------------------------------------ when, where, how

    def window(self, window: Window | None) -> str:
        if window is None:
            return ""
        parts = [f"in the last {length(window.within)}"] if window.within else []
        if window.start is not None:
            end = window.end or Anchor()
            parts.append(f"between {self.anchor(window.start)} and {self.anchor(end)}")
        return " and ".join(parts)

    def anchor(self, anchor: Anchor) -> str:
        if not anchor.of:
            return f"{length(anchor.shift)} ago" if anchor.shift else "now"
        names = " or ".join(self.name_of(node) for node in anchor.of)
        moment = f"the {'start' if anchor.at == 'start' else 'date'} of {names}"
        return f"{length(anchor.shift)} {'after' if anchor.later else 'before'} {moment}" if anchor.shift else moment

    def side(self, side: SameSide | None) -> str:
        if side is None:
            return ""
        unstated = "also where no side is stated" if side.unstated == "counts" else "not where no side is stated"
        return f"on the side of {self.name_of(side.of)}, {unstated}"

    def _options(self, fact: Fact) -> Iterable[str]:
        if fact.kind in ("sign", "answer") and fact.type == "truth" and fact.option("if_none") is None:
            yield "silence is no answer"
        for name, value in fact.options:
            if name in _SAID_ELSEWHERE:
                if name == "no_status_days":
                    yield f"an entry without a clinical status counts for {value} days"
                elif name == "route":
                    yield f"by the route {value}"
            elif name in _LENGTHS:
                yield _LENGTHS[name].format(_length(value))
            elif name in _NAMED and isinstance(value, tuple):
                yield _NAMED[name].format(self.titles(value))
            else:
                yield _OPTIONS.get((name, value), f"{name.replace('_', ' ')}: {value}")


_SIMPLE = {
    "medication": "takes",
    "exposure": "days without a gap on",
    "procedure": "has had the procedure",
    "encounter": "an encounter or discharge of the kind",
    "report": "a report of",
    "requested": "an order in the chart of",
    "draft": "an order being written now of",
}


def _pairs(value: object) -> Iterable[tuple[tuple[str, ...], tuple[str, ...]]]:
    return value if isinstance(value, tuple) else ()


def length(span: Span | None) -> str:
    """A span as the content says it, with the parameter it comes from."""
    if span is None:
        return ""
    return f"{span.text} ({strong(span.parameter)})" if span.parameter else span.text


def _length(value: object) -> str:
    if not isinstance(value, timedelta):
        return str(value)
    hours = round(value.total_seconds() / 3600)
    return f"{hours // 24} day{'s' if hours != 24 else ''}" if hours % 24 == 0 else f"{hours} hours"
