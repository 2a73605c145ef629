"""Laboratory and vital results: which observation speaks for an analyte in a window, and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise, takewhile

from cds_service.model.answer import Answer, Evidence, Reason
from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.model.quantity import Interval
from cds_service.model.vocabulary import Analyte
from cds_service.record.entries import Entry, codes_of, table, word
from cds_service.record.lookups.statements import on_side, side_of
from cds_service.record.moments import Moment
from cds_service.record.record import Record
from cds_service.record.values import Value, read_value, squeezed, upper_limit

FINAL = {"final", "amended", "corrected"}
RESULTED = FINAL | {"preliminary"}
AWAITED = {"registered", "preliminary"}
_STATUS_RANK = {"corrected": 2, "amended": 1}


@dataclass(eq=False, slots=True)
class Result:
    """One observation of an analyte that has a usable date. Its value is read when first asked for, once a patient."""

    entry: Entry
    analyte: Analyte
    moment: Moment
    status: str
    alone: bool = True  # no other observation of the analyte has this very moment
    _value: Value | None = None

    @property
    def value(self) -> Value:
        if self._value is None:
            self._value = read_value(self.entry.part, self.analyte)
        return self._value

    def order(self, highest: bool) -> tuple[object, ...]:
        """Newest last; ties: corrected, amended, final, later issued, later lastUpdated, more severe, the higher id."""
        raw = self.entry.raw
        return (
            self.moment.earliest,
            _STATUS_RANK.get(self.status, 0),
            word(raw.get("issued")),
            word(table(raw.get("meta")).get("lastUpdated")),
            _severity(self.value, highest),
            word(raw.get("id")),
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """All observations of one analyte: with a usable date, newest first; (entry, status, vague date) of the others."""

    dated: tuple[Result, ...]
    undated: tuple[tuple[Entry, str, Moment | None], ...]


def _severity(value: Value, highest: bool) -> Decimal:
    """Of two results that tie in every way the more severe wins: the lower one, or the higher where a fact says so."""
    if value.quantity is None:
        return Decimal("-Infinity") if highest else Decimal(0)
    interval = value.quantity.canonical()
    if highest:
        return Decimal("Infinity") if interval.high is None else interval.high
    return Decimal(0) if interval.low is None else -interval.low


def observed(record: Record, entry: Entry) -> Moment | None:
    """When it was measured: dateTime, instant, end or start of the period, else when it was issued."""
    raw = entry.raw
    if (text := raw.get("effectiveDateTime")) is not None:
        return record.moment(text)
    period = table(raw.get("effectivePeriod"))
    for text in (raw.get("effectiveInstant"), period.get("end"), period.get("start")):
        if text is not None:
            return record.moment(text)
    return record.moment(raw.get("issued"))


def observations(record: Record, analyte: Analyte) -> Observed:
    """The analyte's observations, looked through once a patient. What lies wholly in the future is left out."""
    kept = record.observations.get(analyte.name)
    if not isinstance(kept, Observed):
        kept = record.observations[analyte.name] = _observations(record, analyte)
    return kept


def _observations(record: Record, analyte: Analyte) -> Observed:
    dated: list[Result] = []
    undated: list[tuple[Entry, str, Moment | None]] = []
    for entry in record.entries("Observation", (analyte.name,)):
        moment = observed(record, entry)
        status = status_of(entry)
        if moment is None or moment.precision in ("year", "month"):
            if entry.raw.get("effectiveDateTime") is not None:
                undated.append((entry, status, moment))
        elif (clipped := moment.clipped(record.horizon)) is not None:
            dated.append(Result(entry, analyte, clipped, status))
    dated.sort(key=lambda item: item.moment.earliest, reverse=True)
    for later, earlier in pairwise(dated):
        if later.moment.earliest == earlier.moment.earliest:
            later.alone = earlier.alone = False
    return Observed(tuple(dated), tuple(undated))


def status_of(entry: Entry) -> str:
    status = entry.raw.get("status")
    return status if isinstance(status, str) else next(iter(codes_of(status)), "")


def results_in(record: Record, fact: Fact, frame: Frame, analyte: Analyte, doubts: list[Reason]) -> Iterator[Result]:
    """The results in the window that are done (or preliminary, where that counts), newest first; adds every doubt."""
    usable = RESULTED if fact.option("preliminary") == "counts" else FINAL
    discard = fact.option("implausible") == "discarded"
    found = observations(record, analyte)
    for entry, status, moment in found.undated:
        outside = moment is not None and moment.inside(frame.start, frame.end) is False
        if status in usable and not outside and on_side(record, entry, frame):
            doubts.append(Reason("uncertain date" if moment else "no date", analyte.title))
    for item in found.dated:
        inside = item.moment.inside(frame.start, frame.end)
        if inside is False or item.status not in usable or not on_side(record, item.entry, frame):
            continue
        if inside is None:
            doubts.append(Reason("uncertain date", analyte.title, item.moment.text))
        elif item.value.state != "absent" and not (discard and item.value.why == "implausible"):
            yield item


def newest(results: Iterator[Result], highest: bool) -> Result | None:
    """The first of those that come newest first; of several at one moment the one that wins the tie."""
    first = next(results, None)
    if first is None or first.alone:
        return first
    at = first.moment.earliest
    tied = takewhile(lambda item: item.moment.earliest == at, results)
    return max((first, *tied), key=lambda item: item.order(highest))


@lru_cache(maxsize=1024)
def _none_of(title: str) -> Answer:
    """The one answer of every patient who has no result of this analyte."""
    return Answer(None, reasons=(Reason("no result", title),))


def result(record: Record, fact: Fact, frame: Frame) -> Answer:
    """The result that speaks: the newest, highest or lowest in the window; unreadable ones are unknown, not absent."""
    if frame.unknown:
        return Answer(None, reasons=(frame.unknown,))
    analyte = record.vocabulary.analytes[fact.sets[0]]
    if not record.holds_any((("Observation", analyte.name),)):
        reason = record.earned(("Observation",), frame)
        return Answer(None, reasons=(reason,)) if reason else _none_of(analyte.title)
    doubts: list[Reason] = []
    chosen = _chosen(record, fact, results_in(record, fact, frame, analyte, doubts))
    if not chosen:
        reason = record.earned(("Observation",), frame) or next(iter(doubts), None)
        return Answer(None, reasons=(reason,)) if reason else _none_of(analyte.title)
    unreadable = [item for item in chosen if item.value.state == "unreadable"]
    if unreadable:
        bad = unreadable[0]
        reason = Reason(bad.value.why, analyte.title, bad.value.text)
        return Answer(None, evidence=(_evidence(bad, analyte),), reasons=(reason,), dated=bad.moment.earliest)
    return _answer(record, fact, analyte, chosen[0] if len(chosen) == 1 else _foremost(fact, chosen))


def _chosen(record: Record, fact: Fact, results: Iterator[Result]) -> list[Result]:
    """Which results may speak: the newest, the newest of each side, or all of them."""
    highest = fact.option("ties") == "highest"
    if fact.option("per_side"):
        by_side: dict[str, Result] = {}
        for item in results:
            side = side_of(record, item.entry)
            if side not in by_side or item.order(highest) > by_side[side].order(highest):
                by_side[side] = item
        return list(by_side.values())
    if fact.option("take", "newest") == "newest":
        return [best] if (best := newest(results, highest)) else []
    found = list(results)
    return [item for item in found if item.value.state == "ok"] or found


def _foremost(fact: Fact, chosen: Iterable[Result]) -> Result:
    """Of several that may speak the newest, the lowest or the highest, as the fact says."""
    take = fact.option("take", "newest")
    if take != "newest":
        return _extreme(chosen, take == "lowest")
    highest = fact.option("ties") == "highest"
    return max(chosen, key=lambda item: item.order(highest))


def _extreme(chosen: Iterable[Result], lowest: bool) -> Result:
    def height(item: Result) -> Decimal:
        interval = item.value.quantity.canonical() if item.value.quantity else Interval(None, None)
        edge = interval.low if lowest else interval.high
        if edge is None:
            edge = interval.high if lowest else interval.low
        return edge if edge is not None else Decimal(0)

    return min(chosen, key=height) if lowest else max(chosen, key=height)


def _evidence(item: Result, analyte: Analyte) -> Evidence:
    note = "preliminary" if item.status == "preliminary" else item.value.note
    return Evidence(item.entry.reference, analyte.title, item.value.text, item.moment.text, item.moment.earliest, note)


def _answer(record: Record, fact: Fact, analyte: Analyte, item: Result) -> Answer:
    quantity = item.value.quantity
    assert quantity is not None
    entry = item.entry
    extra = {"name": analyte.title, "side": side_of(record, entry)}
    if analyte.family:
        extra |= _family(entry, analyte)
    upper = upper_limit(entry.part, analyte, quantity.unit)
    if upper is None and entry.part is not entry.raw:
        upper = upper_limit(entry.raw, analyte, quantity.unit)
    return Answer(
        quantity=quantity,
        evidence=(_evidence(item, analyte),),
        dated=item.moment.earliest,
        started=item.moment.earliest,
        upper_limit=upper,
        extra=extra,
    )


def _family(entry: Entry, analyte: Analyte) -> dict[str, str]:
    """The unit family by the unit's own words and by the code, where an analyte is reported in two (FEU, DDU)."""
    quantity = table(entry.part.get("valueQuantity"))
    spoken = squeezed(
        " ".join(word(quantity.get(name)) for name in ("unit", "code")) or word(entry.part.get("valueString"))
    )
    if not spoken.strip():
        spoken = squeezed(word(entry.part.get("valueString")))
    by_unit = {label for label, words in analyte.family.items() if any(spelling in spoken for spelling in words)}
    by_code = {family for code in codes_of(entry.part.get("code")) if (family := analyte.code_family.get(code))}
    return {"family_by_unit": "|".join(sorted(by_unit)), "family_by_code": "|".join(sorted(by_code))}
