"""Everything the service knows, loaded once at start and immutable after: rules, services, orders, vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cds_service.errors import ContentError
from cds_service.knowledge.builder import Builder
from cds_service.knowledge.content import Content
from cds_service.knowledge.life import check_signed
from cds_service.knowledge.orders import load_orders
from cds_service.knowledge.queries import queries_of
from cds_service.knowledge.reader import Table
from cds_service.knowledge.rules import RuleBuilder
from cds_service.knowledge.scope import Scope, overridden, read_parameter
from cds_service.knowledge.services import load_services
from cds_service.knowledge.shapes import as_table, as_text, only
from cds_service.knowledge.site import Site, check_names, load_site
from cds_service.knowledge.vocabulary import load_vocabulary
from cds_service.model.criteria import Named, Node, Parameter
from cds_service.model.reading import Query
from cds_service.model.rule import Order, Reference, Rule, Service
from cds_service.model.vocabulary import Vocabulary


@dataclass(frozen=True)
class Catalogue:
    content: Content
    vocabulary: Vocabulary
    rules: Mapping[str, Rule]
    services: Mapping[str, Service]
    orders: Mapping[str, Order]
    references: Mapping[str, Reference]
    definitions: Mapping[str, Named]
    parameters: Mapping[str, Parameter]
    override_reasons: tuple[tuple[str, str], ...]  # the common ones: (code, display)
    all_reasons: Mapping[str, str]
    form: Mapping[str, str]  # linkId -> question
    site: Site
    templates: Mapping[str, Query]  # resource type -> its prefetch template
    queries: Mapping[str, tuple[Query, ...]]  # service id -> what it asks for
    unused: tuple[tuple[str, str], ...] = ()  # (where, name) of definitions nothing names


def load(content: Content | None = None, site: Site | Path | None = None) -> Catalogue:
    """The catalogue of a content folder under a site's decisions. Raises ContentError with file, line and remedy."""
    content = content or Content.at()
    site = site if isinstance(site, Site) else load_site(site)
    uris = {name: spelled[0] for name, spelled in content.table("systems.yaml").items()}
    orders = load_orders(content, uris)
    title, form = _form(content)
    vocabulary = load_vocabulary(content, orders, site.table, form, title)
    conventions = content.table("conventions.yaml")
    packs = {name: as_table(conventions[name], conventions.where(name), name) for name in conventions}
    builder = Builder(vocabulary, packs, orders)
    shared = _shared_scope(content, builder, site)
    references = _references(content)
    common, further = _override_reasons(content)
    reasons = {**common, **further}
    gates = {name: _gates(builder, shared, table) for name, table in packs.items()}
    making = RuleBuilder(builder, shared, references, reasons, gates, content.table("attributes.yaml", required=False))
    rules = _rules(content, making, site)
    check_names(site, _owners(content, rules), set(rules))
    definitions = {name: shared._named(name) for name in shared.raw}
    services = load_services(content, rules)
    check_signed(site, services.values())
    templates = _templates(content)
    return Catalogue(
        content,
        vocabulary,
        rules,
        services,
        orders,
        references,
        definitions,
        dict(shared.parameters),
        tuple(common.items()),
        reasons,
        form,
        site,
        templates,
        {name: queries_of(service, templates) for name, service in services.items()},
        (*shared.unused(), *making.unused),
    )


def _override_reasons(content: Content) -> tuple[dict[str, str], dict[str, str]]:
    """Those every card offers, and those a rule names; text by code."""
    table = content.table("override-reasons.yaml")
    common, further = ({code: str(text) for code, text in table[group].items()} for group in ("common", "further"))
    return common, further


def _gates(builder: Builder, shared: Scope, pack: Table) -> dict[str, Node]:
    given = pack.get("gates") or {}
    return {label: builder.truth(shared, raw, pack.where("gates")) for label, raw in given.items()}


def _shared_scope(content: Content, builder: Builder, site: Site) -> Scope:
    """Every definitions file as one space of names; each file keeps its own pack's conventions."""
    shared = Scope("definitions", "", builder.define, words=_words(content))
    for stem, file in content.tables("definitions"):
        only(file, ("pack", "parameters", "definitions"), "a definitions file")
        owner = Scope(stem, str(file.get("pack") or ""), builder.define, shared)
        if file.get("parameters"):
            table = as_table(file["parameters"], file.where("parameters"), "parameters")
            shared.take_parameters(table, _overrides(table, stem, site))
        for name, raw in (file.get("definitions") or {}).items():
            shared.declare(name, raw, file["definitions"].where(name), owner)
    return shared


def _words(content: Content) -> dict[str, str]:
    table = content.table("words.yaml", required=False)
    return {name: as_text(table[name], table.where(name), name) for name in table}


def _overrides(table: Table, owner: str, site: Site) -> dict[str, Parameter]:
    given = site.parameters.get(owner) or {}
    found = {}
    for name in table:
        parameter = read_parameter(name, as_table(table[name], table.where(name), name), owner)
        if (setting := table[name].get("setting")) and setting in site.settings:
            found[name] = _from_setting(parameter, site.settings[setting], site)
            continue
        if name in given:
            found[name] = overridden(parameter, as_table(given[name], site.table.where("parameters"), name), site.name)
        else:
            found[name] = parameter
    return found


def _from_setting(parameter: Parameter, value: Any, site: Site) -> Parameter:
    if isinstance(value, bool):
        return replace(parameter, switch=value, origin=f"{site.name}: settings")
    from cds_service.knowledge.limits import printed
    from cds_service.knowledge.shapes import as_number

    number = as_number(value, site.table.where("settings"), parameter.name)
    if parameter.range and not parameter.range[0] <= number <= parameter.range[1]:
        raise ContentError(
            f"{parameter.name}: {number} is outside {parameter.range[0]}..{parameter.range[1]}",
            site.table.where("settings"),
        )
    return replace(parameter, limit=printed(number, parameter.unit), origin=f"{site.name}: settings")


def _rules(content: Content, making: RuleBuilder, site: Site) -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for folder in content.rule_folders():
        table = content.table("rules", folder, "rule.yaml")
        body = table.get("parameters")
        overrides = _overrides(body, folder, site) if isinstance(body, Table) else {}
        rule = making.rule(table, overrides)
        if rule.id != folder:
            raise ContentError(f"the folder is {folder}, the id is {rule.id}", table.where("id"))
        found[rule.id] = replace(rule, showing=site.rules.get(rule.id, "on"), most=site.caps.get(rule.id))
    for rule in found.values():
        for other in (*rule.hides, *(name for name in rule.yields_to if ":" not in name)):
            if other not in found:
                raise ContentError(f"{rule.id} names the rule `{other}`, which does not exist", rule.file)
    return found


def _references(content: Content) -> dict[str, Reference]:
    table = content.table("references.yaml")
    found = {}
    for key in table:
        body = as_table(table[key], table.where(key), key)
        only(body, ("label", "citation", "url", "year", "tag", "note"), f"the reference {key}")
        found[key] = Reference(
            key,
            str(body.get("label") or key),
            str(body.get("citation") or ""),
            str(body.get("url") or ""),
            str(body.get("year") or ""),
            body.get("tag") != "M",
        )
    return found


def _owners(content: Content, rules: Mapping[str, Rule]) -> dict[str, set[str]]:
    owners = {rule.id: set(rule.parameters) for rule in rules.values() if rule.parameters}
    for stem, file in content.tables("definitions"):
        owners[stem] = set(file.get("parameters") or ())
    return owners


def _form(content: Content) -> tuple[str, dict[str, str]]:
    """What the leg form is called, and every question of it by linkId."""
    form = content.table("forms", "leg.yaml", required=False)
    found: dict[str, str] = {}

    def take(items: Any) -> None:
        for item in items or ():
            found[str(item.get("linkId"))] = str(item.get("text") or item.get("linkId"))
            take(item.get("item"))

    take(form.get("item"))
    return str(form.get("title") or ""), found


def _templates(content: Content) -> dict[str, Query]:
    table = content.table("prefetch.yaml")
    return {
        kind: Query(str(body["key"]), kind, str(body["template"]), body.get("required") is True)
        for kind, body in table.items()
    }
