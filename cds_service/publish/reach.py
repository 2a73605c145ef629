"""What a rule rests on: every node, name, parameter, value set, analyte, order and question it can reach.

The handbook prints it, the lock holds it still, the difference between two contents is told along it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds_service.knowledge.catalogue import Catalogue
from cds_service.knowledge.queries import all_nodes
from cds_service.knowledge.vocabulary import ORDER_PREFIX
from cds_service.model.criteria import Anchor, Calculation, Fact, Named, Node, Parameter, Span, children
from cds_service.model.rule import Order, Rule
from cds_service.model.vocabulary import Analyte, ValueSet


@dataclass(frozen=True)
class Reach:
    """Each by name, in the order met. `names`: shared definitions and the rule's own facts; `form`: linkId to text."""

    names: Mapping[str, Named]
    parameters: Mapping[str, Parameter]
    sets: Mapping[str, ValueSet]
    analytes: Mapping[str, Analyte]
    orders: Mapping[str, Order]
    form: Mapping[str, str]
    calculations: tuple[str, ...] = ()
    patient: tuple[str, ...] = ()  # "age", "sex", "deceased": read of the Patient itself

    @property
    def read(self) -> frozenset[str]:
        """Every value set, analyte, form item and `patient.…` by name."""
        return frozenset({*self.sets, *self.analytes, *self.form, *(f"patient.{name}" for name in self.patient)})


def reach(catalogue: Catalogue, rule: Rule) -> Reach:
    """Everything this rule rests on, collected lines excluded: those are rules of their own."""
    names: dict[str, Named] = {}
    parameters: dict[str, Parameter] = {}
    patient: list[str] = []
    calculations: list[str] = []
    items: list[str] = [item for ask in rule.ask for item in ask.items]
    wanted: list[str] = [ORDER_PREFIX + line.order for outcome in rule.outcomes for line in outcome.orders]
    for node in _every(all_nodes(rule)):
        match node:
            case Named():
                names.setdefault(node.name, node)
            case Parameter():
                parameters.setdefault(node.name, _as_written(catalogue, rule, node))
            case Calculation():
                calculations.append(node.name)
            case Fact():
                wanted += _sets_of(node)
                patient += node.sets if node.kind == "patient" else ()
                items += _items_of(node)
                for name in _spans_of(node):
                    found = rule.parameters.get(name) or catalogue.parameters.get(name)
                    if found is not None:
                        parameters.setdefault(name, found)
    for name, parameter in rule.parameters.items():
        parameters.setdefault(name, parameter)
    sets, analytes, orders = _vocabulary(catalogue, wanted)
    form = {name: catalogue.form[name] for name in dict.fromkeys(items) if name in catalogue.form}
    return Reach(
        names,
        parameters,
        sets,
        analytes,
        orders,
        form,
        tuple(dict.fromkeys(calculations)),
        tuple(dict.fromkeys(patient)),
    )


def _every(roots: list[Node]) -> Iterator[Node]:
    """Each node once, a name before what it means."""
    seen: set[int] = set()
    waiting = list(reversed(roots))
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        waiting.extend(reversed(children(node)))


def _as_written(catalogue: Catalogue, rule: Rule, node: Parameter) -> Parameter:
    """The parameter as its own file gives it; where it is compared it also carries the units of a result."""
    return rule.parameters.get(node.name) or catalogue.parameters.get(node.name) or node


def _sets_of(fact: Fact) -> list[str]:
    found = list(fact.sets)
    for name, value in fact.options:
        if name == "also" and isinstance(value, tuple):
            found += [each for pair in value for names in pair for each in names]
        elif isinstance(value, tuple) and name != "choices":
            found += [item for item in value if isinstance(item, str)]
    return found


def _items_of(fact: Fact) -> list[str]:
    answer = fact.option("answer")
    return [*(fact.sets if fact.kind == "answer" else ()), *([str(answer)] if answer else [])]


def _spans_of(fact: Fact) -> Iterator[str]:
    """The parameters that give a window its length."""
    spans: list[object] = [value for _, value in fact.options]
    if fact.window is not None:
        anchors: list[Anchor | None] = [fact.window.start, fact.window.end]
        spans += [fact.window.within, *(anchor.shift for anchor in anchors if anchor is not None)]
    for span in spans:
        if isinstance(span, Span) and span.parameter:
            yield span.parameter


def _vocabulary(
    catalogue: Catalogue, wanted: list[str]
) -> tuple[dict[str, ValueSet], dict[str, Analyte], dict[str, Order]]:
    """What the names stand for, with what shows that a test of an analyte is pending."""
    sets: dict[str, ValueSet] = {}
    analytes: dict[str, Analyte] = {}
    orders: dict[str, Order] = {}
    waiting = list(dict.fromkeys(wanted))
    for name in waiting:
        if name in catalogue.vocabulary.sets:
            sets[name] = catalogue.vocabulary.sets[name]
        if name in catalogue.vocabulary.analytes:
            analytes[name] = analyte = catalogue.vocabulary.analytes[name]
            waiting += [each for each in analyte.ordered_sets if each not in waiting]
        bare = name.removeprefix(ORDER_PREFIX)
        if bare in catalogue.orders and name not in sets:
            orders[bare] = catalogue.orders[bare]
    return sets, analytes, orders
