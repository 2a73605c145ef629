"""Doubts the cases: each number is moved by one step, each criterion of a list left out, and some case must then fail.

A number that can be moved unnoticed is a threshold the cases do not show from both sides; a criterion that can be left
out unnoticed is an exclusion without a case. A sentence that merely repeats the number does not count: what is decided,
worked out or chosen to be said must change, and a case must say so. The content is left as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from cds_service.batch.casework import FixedClock, call_of, run_case
from cds_service.batch.places import GONE, Held, Place, places, rests_on
from cds_service.consult import House, read_all
from cds_service.errors import CdsError, ContentError
from cds_service.knowledge.cases import Case, load_cases
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.reader import Table
from cds_service.knowledge.shapes import as_number
from cds_service.knowledge.site import site_of
from cds_service.model.criteria import AgeOf, Calculation, Named, Node, Score
from cds_service.model.hook import HookCall
from cds_service.model.reading import Reading
from cds_service.model.rule import Rule
from cds_service.reasoning.decide import decide
from cds_service.reasoning.evaluate import Evaluation


@dataclass(frozen=True)
class Doubt:
    """A change that no case of these rules notices."""

    where: str
    what: str
    change: str
    rules: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.rules[:3]) + (f" and {len(self.rules) - 3} more" if len(self.rules) > 3 else "")
        change = self.change if self.change == "left out" else f"set to {self.change}"
        return f"{self.where}: {self.what} may be {change}, and no case of {named or 'any rule'} fails"


def doubts(house: House, only: Iterable[str] = ()) -> Iterator[Doubt]:
    """Every change that leaves all cases content. only: the rules whose own places are changed; else all, and shared.

    A case that fails as it stands proves nothing and is left out.
    """
    content = Held(house.catalogue.content.root)
    bench = _Bench(replace(house, catalogue=load(content, house.catalogue.site)), content)
    wanted = set(only)
    for place in list(places(content)):
        if not wanted or place.owner in wanted:
            yield from bench.doubt(place)


@dataclass(frozen=True)
class _Bed:
    """A case, made ready once, and what its rule decides as the content stands."""

    case: Case
    call: HookCall
    readings: list[Reading]
    before: tuple[Any, ...]


class _Bench:
    """The cases by rule, and the content to be changed."""

    def __init__(self, house: House, content: Held):
        self.house = house
        self.content = content
        self.rests_on = {rule: rests_on(content, rule) for rule in house.catalogue.rules}
        self.beds = {rule.id: list(self._beds(rule)) for rule in house.catalogue.rules.values()}

    def _beds(self, rule: Rule) -> Iterator[_Bed]:
        catalogue = self.house.catalogue
        for case in load_cases(self.content, catalogue, rule):
            if run_case(self.house, case).passed:
                call = call_of(catalogue, case)
                readings, _ = read_all(call, catalogue.services[call.service], self.house)
                yield _Bed(case, call, readings, self._decision(self.house, case, call, readings))

    def doubt(self, place: Place) -> Iterator[Doubt]:
        rules = [rule for rule in self.beds if place.owner == rule or place.owner in self.rests_on[rule]]
        for said, value in place.changes:
            with self._changed(place, value) as after:
                noticed = after is None or any(self._notices(after, bed) for rule in rules for bed in self.beds[rule])
            if not noticed:
                yield Doubt(place.where, place.what, said, tuple(rules))

    @contextmanager
    def _changed(self, place: Place, value: Any) -> Iterator[House | None]:
        """The house with one place changed, put back afterwards; None where the content would not load so.

        A case under a site of its own loads the content again, so the change must last while the cases run.
        """
        holder, key = place.holder, place.key
        kept = list(holder) if isinstance(holder, list) else dict(holder)
        if value is GONE:
            del holder[key]
        else:
            holder[key] = value
        if isinstance(kept, dict):
            holder.update(_beside(holder, kept, key))
        try:
            yield self._house()
        finally:
            holder.clear()
            holder.extend(kept) if isinstance(holder, list) else holder.update(kept)

    def _house(self) -> House | None:
        try:
            return replace(self.house, catalogue=load(self.content, self.house.catalogue.site))
        except ContentError:
            return None

    def _notices(self, after: House, bed: _Bed) -> bool:
        decided = self._decision(after, bed.case, bed.call, bed.readings)
        return decided != bed.before and not run_case(after, bed.case).passed

    def _decision(self, house: House, case: Case, call: HookCall, readings: list[Reading]) -> tuple[Any, ...]:
        if case.site is not None:
            house = replace(house, catalogue=load(house.catalogue.content, site_of(case.site)))
        rule = house.catalogue.rules[case.rule]
        try:
            _, evaluation = replace(house, clock=FixedClock(case.now)).evaluate(readings, call)
            return tuple(_decided(rule, evaluation))
        except CdsError as error:
            return (type(error).__name__,)


def _beside(holder: Any, kept: dict[str, Any], key: Any) -> dict[str, Any]:
    """A parameter's range made wide enough, and its other printed units moved by the same share."""
    if key != "value" or "range" not in kept:
        return {}
    was, now = (as_number(table["value"], "", "") for table in (kept, holder))
    low, high = (as_number(end, "", "") for end in kept["range"])
    share = now / was if was else None
    also = [_scaled(row, share) for row in kept.get("also") or ()]
    return {"range": [min(low, now), max(high, now)]} | ({"also": also} if also and share is not None else {})


def _scaled(row: Table, share: Any) -> Table:
    copy = Table(row.file, row.own_line)
    copy.update(row)
    copy["value"] = as_number(row["value"], "", "") * share
    return copy


def _decided(rule: Rule, evaluation: Evaluation) -> Iterator[Any]:
    """What the rule makes of a patient: its verdict, the orders, the words it would choose, what it works out."""
    verdict = decide(rule, evaluation)
    truth = evaluation.truth
    yield verdict.state
    yield verdict.indicator
    yield from (ask.text for ask in verdict.asks)
    if verdict.outcome is not None:
        yield verdict.outcome.name
        yield from (line.order for line in verdict.outcome.orders if line.when is None or truth(line.when) is True)
    for word in rule.words.values():
        yield from (truth(when) for when, _ in (*word.table, *word.listed) if when is not None)
    for node in rule.names.values():
        if _is_worked_out(node):
            yield repr(evaluation.possible(node))


def _is_worked_out(node: Node) -> bool:
    inner = node.node if isinstance(node, Named) else node
    return inner.type == "quantity" and isinstance(inner, Score | Calculation | AgeOf)
