"""What changed between two contents, told to a clinician in words: rules, numbers, criteria, texts, orders, codes.

Compares what pages would say, so that whatever a page tells is compared too. Whose answers change is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.criteria import Named, Parameter
from cds_service.model.rule import Order, Reference, Rule, Service
from cds_service.model.vocabulary import Analyte, ValueSet
from cds_service.publish.attributes import TO_BE_VERIFIED
from cds_service.publish.handbook import sections
from cds_service.publish.lock import digests
from cds_service.publish.notes import Notes, notes_of
from cds_service.publish.outcomes import coded
from cds_service.publish.page import Block, Bullets, Grid, plain
from cds_service.publish.reach import reach
from cds_service.publish.sentences import Sentences, amount
from cds_service.publish.wording import compared, words

_TOLD_APART = {"Parameters", "Points", "What the names mean", "Codes", "Cases"}
_MOST_NAMED = 12  # rules named where a shared thing changed; more are counted


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that changed and how, line by line."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Side:
    """One content with what comparing needs, worked out once."""

    catalogue: Catalogue
    notes: Notes
    writer: Sentences
    used: Mapping[tuple[str, str], tuple[str, ...]]  # (kind, name) -> ids of the rules that rest on it

    @classmethod
    def of(cls, catalogue: Catalogue) -> Side:
        used: dict[tuple[str, str], list[str]] = {}
        for rule in catalogue.rules.values():
            rests_on = reach(catalogue, rule)
            for kind, names in (
                ("Definition", rests_on.names),
                ("Parameter", rests_on.parameters),
                ("Value set", rests_on.sets),
                ("Result", rests_on.analytes),
                ("Order", rests_on.orders),
                ("Source", {item.key: item for item in rule.references}),
            ):
                for name in names:
                    used.setdefault((kind, name), []).append(rule.id)
        users = {name: tuple(rules) for name, rules in used.items()}
        return cls(catalogue, notes_of(catalogue.content), Sentences(catalogue), users)


def differences(old: Catalogue, new: Catalogue) -> list[Part]:
    """Everything that differs, rules first; empty when both mean the same and say the same."""
    before, after = Side.of(old), Side.of(new)
    parts = [*_meanings(before, after), *_rules(before, after)]
    parts += _shared("Parameter", old.parameters, new.parameters, _parameter, before, after)
    parts += _shared("Definition", old.definitions, new.definitions, _named, before, after)
    parts += _shared("Value set", old.vocabulary.sets, new.vocabulary.sets, _codes, before, after)
    parts += _shared("Result", old.vocabulary.analytes, new.vocabulary.analytes, _analyte, before, after)
    parts += _shared("Order", old.orders, new.orders, _order, before, after)
    parts += _shared("Source", old.references, new.references, _source, before, after)
    parts += _shared("Service", old.services, new.services, _service, before, after)
    parts += _plain_tables(before, after)
    return parts


def _meanings(before: Side, after: Side) -> Iterator[Part]:
    """Whose meaning changed, by the same measure as the lock; whether the version says so."""
    was, now = digests(before.catalogue), digests(after.catalogue)
    changed = [name for name in now if name in was and was[name].digest != now[name].digest]
    if changed:
        lines = [
            f"{name.upper()}: version {was[name].version} → {now[name].version}"
            if was[name].version != now[name].version
            else f"{name.upper()}: version {now[name].version}, not raised"
            for name in changed
        ]
        yield Part("Rules whose meaning changed", tuple(lines))


def _rules(before: Side, after: Side) -> Iterator[Part]:
    old, new = before.catalogue.rules, after.catalogue.rules
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in old:
            yield Part(
                f"New rule {name.upper()}: {new[name].title}", (f"version {new[name].version}, {new[name].status}",)
            )
        elif name not in new:
            yield Part(f"Rule gone: {name.upper()}: {old[name].title}", (f"last version {old[name].version}",))
        elif lines := tuple(_rule(old[name], new[name], before, after)):
            yield Part(f"Rule {name.upper()}: {new[name].title}", lines)


def _rule(old: Rule, new: Rule, before: Side, after: Side) -> Iterator[str]:
    for name in ("version", "status", "title", "kind", "pack", "short"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name}: {getattr(old, name) or 'none'} → {getattr(new, name) or 'none'}"
    yield from _mappings("reviewed", old.life.get("reviewed"), new.life.get("reviewed"))
    was, now = _told(old, before), _told(new, after)
    for title in dict.fromkeys([*was, *now]):
        yield from (f"{title}: {line}" for line in compared(was.get(title, []), now.get(title, [])))
    for line in _each(old.parameters, new.parameters, lambda a, b: _parameter(a, b, before, after)):
        yield f"parameter {line}"
    for line in _each(old.facts, new.facts, lambda a, b: _named(a, b, before, after)):
        yield f"name {line}"


def _told(rule: Rule, side: Side) -> dict[str, list[str]]:
    """What the rule's page says, part by part, as lines; what is shared is told once, elsewhere."""
    found = sections(side.catalogue, rule, side.notes)
    return {part.title: list(_lines(part.blocks)) for part in found if part.title not in _TOLD_APART}


def _lines(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Bullets):
            yield from (plain(line.text) for line in block.lines)
        elif isinstance(block, Grid):
            yield from (", ".join(plain(cell) for cell in row if cell) for row in block.rows)
        else:
            yield plain(block.text)


# ------------------------------------------------------------------------------------------------ what rules share


def _shared(
    kind: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    compare: Callable[[Any, Any, Side, Side], Iterable[str]],
    before: Side,
    after: Side,
) -> Iterator[Part]:
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in old:
            lines: tuple[str, ...] = ("new",)
        elif name not in new:
            lines = ("gone",)
        else:
            lines = tuple(compare(old[name], new[name], before, after))
        if lines:
            yield Part(f"{kind} {name}{_users(kind, name, before, after)}", lines)


def _users(kind: str, name: str, before: Side, after: Side) -> str:
    rules = dict.fromkeys([*after.used.get((kind, name), ()), *before.used.get((kind, name), ())])
    shown = ", ".join(rule.upper() for rule in list(rules)[:_MOST_NAMED])
    more = f" and {len(rules) - _MOST_NAMED} more" if len(rules) > _MOST_NAMED else ""
    return f" (used by {shown}{more})" if rules else ""


def _each(
    old: Mapping[str, Any], new: Mapping[str, Any], compare: Callable[[Any, Any], Iterable[str]]
) -> Iterator[str]:
    for name in dict.fromkeys([*old, *new]):
        if name not in old or name not in new:
            yield f"{name}: {'new' if name in new else 'gone'}"
        else:
            yield from (f"{name}: {line}" for line in compare(old[name], new[name]))


def _parameter(old: Parameter, new: Parameter, before: Side, after: Side) -> Iterator[str]:
    if amount(old) != amount(new):
        yield f"{amount(old)} → {amount(new)} ({new.means})"
    if old.range != new.range:
        yield f"range {_ends(old)} → {_ends(new)}"
    for name in ("source", "means", "unit"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name}: {getattr(old, name)} → {getattr(new, name)}"


def _ends(parameter: Parameter) -> str:
    return f"{parameter.range[0]:f} to {parameter.range[1]:f}" if parameter.range else "none"


def _named(old: Named, new: Named, before: Side, after: Side) -> list[str]:
    was = [plain(line.text) for line in before.writer.lines(old.node)]
    now = [plain(line.text) for line in after.writer.lines(new.node)]
    return compared(was, now)


def _codes(old: ValueSet | Analyte, new: ValueSet | Analyte, before: Side, after: Side) -> Iterator[str]:
    was = {(code.system, code.code, code.prefix, code.side): code for code in old.codes}
    now = {(code.system, code.code, code.prefix, code.side): code for code in new.codes}
    yield from (f"code added: {code.system} {code.code} {code.display}" for key, code in now.items() if key not in was)
    yield from (
        f"code removed: {code.system} {code.code} {code.display}" for key, code in was.items() if key not in now
    )
    if old.title != new.title:
        yield f"title: {old.title} → {new.title}"
    if isinstance(old, ValueSet) and isinstance(new, ValueSet):
        yield from compared(_words(old), _words(new))


def _words(entry: ValueSet) -> list[str]:
    text = entry.text
    if text is None:
        return []
    spared = f", but not {text.exclude.pattern}" if text.exclude else ""
    return [f"words: {text.match.pattern}{spared}{'' if text.uncoded else ', also where there is a code'}"]


def _analyte(old: Analyte, new: Analyte, before: Side, after: Side) -> Iterator[str]:
    yield from _codes(old, new, before, after)
    yield from _mappings("unit", _units(old), _units(new))
    for name in ("plausible", "unitless", "bare", "ordered_sets", "family", "code_family"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name.replace('_', ' ')}: {getattr(old, name)} → {getattr(new, name)}"


def _units(analyte: Analyte) -> dict[str, str]:
    return {name: f"{unit.code}, times {unit.factor:f} plus {unit.offset:f}" for name, unit in analyte.units.items()}


def _order(old: Order, new: Order, before: Side, after: Side) -> Iterator[str]:
    if coded(old) != coded(new):
        yield words(coded(old), coded(new))
    for name in ("label", "text", "category", "priority", "side", "note", "rank", "after", "after_days"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name.replace('_', ' ')}: {getattr(old, name) or 'none'} → {getattr(new, name) or 'none'}"
    if old.replaces != new.replaces:
        yield f"replaces: {', '.join(old.replaces) or 'nothing'} → {', '.join(new.replaces) or 'nothing'}"
    if old.body_site != new.body_site:
        yield "where on the body it is done changed"


def _source(old: Reference, new: Reference, before: Side, after: Side) -> Iterator[str]:
    for name in ("label", "citation", "year", "url"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name}: {getattr(old, name) or 'none'} → {getattr(new, name) or 'none'}"
    if old.verified != new.verified:
        yield f"was {_verified(old)}, is {_verified(new)}"


def _verified(reference: Reference) -> str:
    return "verified" if reference.verified else TO_BE_VERIFIED


def _service(old: Service, new: Service, before: Side, after: Side) -> Iterator[str]:
    for name in ("hook", "title", "description", "questions"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name}: {getattr(old, name)} → {getattr(new, name)}"
    was, now = [rule.id for rule in old.rules], [rule.id for rule in new.rules]
    yield from (f"evaluates {name.upper()} from now on" for name in now if name not in was)
    yield from (f"no longer evaluates {name.upper()}" for name in was if name not in now)
    yield from (f"returns {name.upper()} from now on" for name in sorted(new.returns - old.returns))
    yield from (f"no longer returns {name.upper()}" for name in sorted(old.returns - new.returns))
    if sorted(was) == sorted(now) and was != now:
        yield "the order of its cards changed"


def _plain_tables(before: Side, after: Side) -> Iterator[Part]:
    old, new = before.catalogue, after.catalogue
    for title, was, now in (
        ("Questions of the form", old.form, new.form),
        ("What cards call a name", _called(old), _called(new)),
        ("Reasons to set a card aside", old.all_reasons, new.all_reasons),
    ):
        if lines := tuple(_mappings("", was, now)):
            yield Part(title, lines)


def _called(catalogue: Catalogue) -> dict[str, str]:
    return {name: named.words for name, named in catalogue.definitions.items() if named.words}


def _mappings(what: str, old: Any, new: Any) -> Iterator[str]:
    was, now = dict(old or {}), dict(new or {})
    for name in dict.fromkeys([*was, *now]):
        if was.get(name) != now.get(name):
            before, after = ("none" if side.get(name) is None else side[name] for side in (was, now))
            yield f"{what} {name}: {before} → {after}".strip()
