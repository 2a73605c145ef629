"""One name of the content in words: what `cds show` prints, for whatever kind of thing bears the name."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.criteria import Named, Parameter
from cds_service.model.rule import Rule
from cds_service.model.vocabulary import Analyte, Code
from cds_service.publish.handbook import page
from cds_service.publish.notes import notes_of
from cds_service.publish.outcomes import coded
from cds_service.publish.page import Block, bullets, markdown
from cds_service.publish.sentences import Sentences, amount, terms


def entry(catalogue: Catalogue, name: str) -> list[str]:
    """What bears this name, each in Markdown; empty when nothing does. A rule's page, a term with all it rests on."""
    return list(_entries(catalogue, name))


def _entries(catalogue: Catalogue, name: str) -> Iterator[str]:
    rule = next((item for item in catalogue.rules.values() if name in (item.id, item.code)), None)
    if rule is not None:
        yield markdown(page(catalogue, rule, notes_of(catalogue.content)))
    if name in catalogue.definitions:
        yield _definition(catalogue, catalogue.definitions[name])
    if name in catalogue.parameters:
        yield _parameter(catalogue.parameters[name], "shared")
    for owner in catalogue.rules.values():
        if name in owner.facts:
            yield _definition(catalogue, owner.facts[name], owner)
        if name in owner.parameters:
            yield _parameter(owner.parameters[name], owner.id.upper())
    if name in catalogue.vocabulary.sets:
        found = catalogue.vocabulary.sets[name]
        yield _headed(f"value set {name}: {found.title} ({found.file})", bullets(_code(code) for code in found.codes))
    if name in catalogue.vocabulary.analytes:
        yield _analyte(catalogue.vocabulary.analytes[name])
    if name in catalogue.orders:
        order = catalogue.orders[name]
        yield _headed(f"order {name}: {order.label}", bullets([coded(order)]))


def _headed(title: str, blocks: list[Block]) -> str:
    return f"{title}\n\n{markdown(blocks)}".rstrip()


def _definition(catalogue: Catalogue, named: Named, owner: Rule | None = None) -> str:
    """The name, what it means, and below it every name that this rests on."""
    writer = Sentences(catalogue)
    blocks = bullets(writer.lines(named.node))
    for term in terms([named]):
        blocks += [] if term is named else bullets(writer.lines(term.node, f"{term.name}: "))
    where = f"fact of {owner.id.upper()}" if owner else "definition"
    return _headed(f"{where} {named.name} ({named.where}), a {named.type}", blocks)


def _parameter(parameter: Parameter, owner: str) -> str:
    bounds = (
        f", may be set from {parameter.range[0]} to {parameter.range[1]} {parameter.unit}" if parameter.range else ""
    )
    told = [parameter.means, f"source: {parameter.source}", f"value in force from: {parameter.origin}"]
    title = f"parameter {parameter.name} of {owner} ({parameter.where}): {amount(parameter)}{bounds}"
    return _headed(title, bullets(told))


def _code(code: Code) -> str:
    every = " (and all below)" if code.prefix else ""
    return f"{code.system} {code.code}{every} {code.display}".rstrip()


def _analyte(analyte: Analyte) -> str:
    spelled = ", ".join(dict.fromkeys(unit.code for unit in analyte.units.values()))
    lines = [f"unit {analyte.unit.code}; understood: {spelled}"]
    if analyte.plausible:
        lines.append(f"plausible from {analyte.plausible[0]} to {analyte.plausible[1]} {analyte.unit.code}")
    return _headed(
        f"analyte {analyte.name}: {analyte.title} ({analyte.file})", bullets([*lines, *map(_code, analyte.codes)])
    )
