"""Rules, charts and answers in a few words, for the tests of the cards: real engine, facts whose answers are given."""

from datetime import UTC, datetime
from decimal import Decimal

from cds_service.cards.compose import compose
from cds_service.cards.profiles import Profile
from cds_service.model.answer import Answer, Evidence, Reason
from cds_service.model.criteria import Fact, Known, Literally, Named, Not
from cds_service.model.hook import HookCall
from cds_service.model.quantity import Interval, Quantity, Unit
from cds_service.model.rule import Ask, Coding, Collected, Order, OrderLine, Outcome, Reference, Rule, Service
from cds_service.reasoning.decide import decide
from cds_service.reasoning.evaluate import Evaluation

NOW = datetime(2026, 6, 15, 10, tzinfo=UTC)
BASE = "https://cds.example"
LOINC = "http://loinc.org"
CALL = HookCall("leg-symptoms", "patient-view", "7b1f", "Practitioner/u1", "p1", "e1")
PROFILE = Profile(
    "cds-hooks-2.0", categories={"laboratory": Coding("http://snomed.info/sct", "108252007", "Laboratory procedure")}
)
COMMON = (("assessed", "Already assessed"), ("declined", "The patient declines"))
SOURCE = Reference("src", "NICE NG158 2023", "…", "https://nice.example/ng158", "2023")
TRUE, FALSE, UNKNOWN = Literally("truth", True), Literally("truth", False), Literally("truth", None)


class Chart:
    """What facts come to: `chart.fact(...)` makes one with its answer."""

    def __init__(self):
        self.answers = {}
        self.looked = []

    def fact(self, name, answer, kind="condition", type="truth", sets=()):
        fact = Fact(type, kind, sets or (name,))
        self.answers[fact] = answer
        return Named(type, name, fact)

    def look(self, fact, frame):
        self.looked.append(fact)
        return self.answers[fact]

    def evaluation(self):
        return Evaluation(self.look, lambda name, arguments: Answer(), NOW, UTC)


def result(text, value, unit="ug/L", date="2026-05-01", label="Ferritin", reference="Observation/o1", **more):
    when = datetime.fromisoformat(date).replace(tzinfo=UTC)
    quantity = Quantity(Interval.exactly(Decimal(value)), Unit(unit), text)
    return Answer(
        quantity=quantity, evidence=(Evidence(reference, label, text, date, when),), dated=when, dated_by=when, **more
    )


def seen(label, date="2026-05-01", reference="Condition/c1", text="", concept=None, note="", **more):
    when = datetime.fromisoformat(date).replace(tzinfo=UTC)
    return Answer(
        True, evidence=(Evidence(reference, label, text, date, when, note, concept),), dated=when, dated_by=when, **more
    )


def unknown(why, what, text=""):
    return Answer(None, reasons=(Reason(why, what, text),))


def outcome(name="main", indicator="info", summary="A summary.", orders=(), **more):
    lines = tuple(order if isinstance(order, OrderLine) else OrderLine(order) for order in orders)
    return Outcome(name, more.pop("when", None), ((None, indicator),), summary, orders=lines, **more)


def rule(
    id, indicator="info", summary=None, orders=(), pack="vascular", kind="finding", when=TRUE, line="", joins="", **more
):
    outcomes = more.pop("outcomes", None)
    if outcomes is None:
        shown = "" if line and summary is None else summary or f"{id} speaks."
        outcomes = (outcome(indicator=indicator, summary=shown, orders=orders, line=line, joins=joins),)
    return Rule(
        id,
        id.replace("-", "").upper(),
        "1.0.0",
        "active",
        pack,
        kind,
        more.pop("title", f"Title of {id}"),
        more.pop("why", "Because."),
        more.pop("references", (SOURCE,)),
        {},
        more.pop("facts", {}),
        when,
        outcomes=outcomes,
        **more,
    )


def gap(id, orders, indicator="info", line=None, **more):
    return rule(
        id,
        indicator,
        orders=orders,
        pack="deficiency",
        kind="gap",
        joins="wk-01",
        line=line or f"**{id}**: none.",
        short=id,
        **more,
    )


def collecting(
    id="wk-01", rules=(), summary="Legs: {count} test(s): {first-three}[ and {more} more].", pack="deficiency", **more
):
    known = {name: more.pop(name) for name in ("indicator", "at_least", "footer", "pending") if name in more}
    entries = tuple(tuple(name.partition(".")[::2]) for name in rules)
    return rule(
        id, kind="collected", when=None, pack=pack, outcomes=(), collected=Collected(entries, summary, **known), **more
    )


def asking(id, text="Which leg?", items=(), when=UNKNOWN, **more):
    return rule(id, when=when, ask=(Ask(None, tuple(items), text),), **more)


def order(name, code=None, rank=0, **more):
    return Order(
        name, f"Order {name}", name.capitalize(), (Coding(LOINC, code or f"{name}-1", name),), rank=rank, **more
    )


ORDERS = {
    item.name: item
    for item in (
        order("cbc", rank=1),
        order("ferritin", rank=2),
        order("bmp", rank=3),
        order("cmp", rank=4, replaces=("bmp",)),
        order("ck", rank=5),
        order("scan", priority="stat", category="imaging"),
    )
}


def composed(*rules, chart=None, returns=None, held=None, cap=5, profile=PROFILE, verdicts=None, **more):
    """(cards, entries) of these rules in this order for one patient."""
    evaluation = (chart or Chart()).evaluation()
    names = frozenset(returns) if returns is not None else frozenset(item.id for item in rules)
    service = Service(
        "leg-symptoms", "patient-view", "Leg symptoms", "…", rules, names, more.pop("questions_asked", True)
    )
    given = {
        "orders": ORDERS,
        "reasons": COMMON,
        "questions": {},
        "base_url": BASE,
        "call": CALL,
        "now": NOW,
        "held": held or {},
        "profile": profile,
        "site_orders": {},
        "cap": cap,
    } | more
    decided = verdicts if verdicts is not None else [decide(item, evaluation) for item in rules]
    return compose(decided, evaluation, service=service, **given)


def told(entries):
    """Verdict entries as {code: outcome or reason}."""
    return {entry["code"]: entry.get("because", entry["outcome"]) for entry in entries}


def codes(card):
    """The codes of every order a card suggests."""
    return [
        coding["code"]
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
        for coding in action["resource"]["code"]["coding"]
    ]


def unless(node):
    return Not("truth", Known("truth", node))
