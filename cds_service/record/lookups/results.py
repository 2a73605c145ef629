"""Laboratory and vital results: which observation speaks for an analyte in a window, and what it says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

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


@dataclass(frozen=True, slots=True)
class Result:
    """One observation of an analyte inside the window, read."""

    entry: Entry
    moment: Moment
    value: Value
    status: str

    @property
    def order(self) -> tuple[object, ...]:
        """Newest last; ties: corrected, amended, final, then later issued, later lastUpdated, the higher id."""
        raw = self.entry.raw
        return (
            self.moment.earliest,
            _STATUS_RANK.get(self.status, 0),
            word(raw.get("issued")),
            word(table(raw.get("meta")).get("lastUpdated")),
            _size(self.value),
            word(raw.get("id")),
        )


def _size(value: Value) -> Decimal:
    """Of two results that tie in every way the more severe should win; without a direction, the more extreme."""
    if value.quantity is None or value.quantity.interval.low is None:
        return Decimal(0)
    return -value.quantity.canonical().low  # type: ignore[operator]


def observed(record: Record, entry: Entry) -> Moment | None:
    """When it was measured: dateTime, instant, end or start of the period, else when it was issued."""
    raw = entry.raw
    period = table(raw.get("effectivePeriod"))
    for text in (raw.get("effectiveDateTime"), raw.get("effectiveInstant"), period.get("end"), period.get("start")):
        if text is not None:
            return record.moment(text)
    return record.moment(raw.get("issued"))


def results_of(record: Record, fact: Fact, frame: Frame, analyte: Analyte) -> tuple[list[Result], list[Reason]]:
    """Every result of the analyte in the window that is done (or preliminary, where that counts), and every doubt."""
    usable = RESULTED if fact.option("preliminary") == "counts" else FINAL
    found: list[Result] = []
    doubts: list[Reason] = []
    for entry in record.entries("Observation", (analyte.name,)):
        status = next(iter(codes_of(entry.raw.get("status"))), "")
        if status not in usable or not on_side(record, entry, frame):
            continue
        moment = observed(record, entry)
        if moment is None or moment.precision in ("year", "month"):
            if entry.raw.get("effectiveDateTime") is not None:
                doubts.append(Reason("no date" if moment is None else "uncertain date", analyte.title))
            continue
        moment = moment.clipped(record.horizon)
        if moment is None or (inside := moment.inside(frame.start, frame.end)) is False:
            continue
        if inside is None:
            doubts.append(Reason("uncertain date", analyte.title, moment.text))
            continue
        value = read_value(entry.part, analyte)
        if value.state == "absent" or (value.why == "implausible" and fact.option("implausible") == "discarded"):
            continue
        found.append(Result(entry, moment, value, status))
    return found, doubts


def result(record: Record, fact: Fact, frame: Frame) -> Answer:
    """The result that speaks: the newest, highest or lowest in the window; unreadable ones are unknown, not absent."""
    if frame.unknown:
        return Answer(None, reasons=(frame.unknown,))
    analyte = record.vocabulary.analytes[fact.sets[0]]
    found, doubts = results_of(record, fact, frame, analyte)
    if not found:
        reason = (
            record.earned(("Observation",), frame) or next(iter(doubts), None) or Reason("no result", analyte.title)
        )
        return Answer(None, reasons=(reason,))
    chosen = _chosen(record, fact, found)
    unreadable = [item for item in chosen if item.value.state == "unreadable"]
    if unreadable:
        bad = unreadable[0]
        reason = Reason(bad.value.why, analyte.title, bad.value.text)
        return Answer(None, evidence=(_evidence(bad, analyte),), reasons=(reason,), dated=bad.moment.earliest)
    take = fact.option("take", "newest")
    best = max(chosen, key=lambda item: item.order) if take == "newest" else _extreme(chosen, take == "lowest")
    return _answer(record, fact, analyte, best)


def _chosen(record: Record, fact: Fact, found: list[Result]) -> list[Result]:
    """Which results may speak: the newest, the newest of each side, or all of them."""
    if fact.option("per_side"):
        newest: dict[str, Result] = {}
        for item in found:
            side = side_of(record, item.entry)
            if side not in newest or item.order > newest[side].order:
                newest[side] = item
        return list(newest.values())
    if fact.option("take", "newest") == "newest":
        return [max(found, key=lambda item: item.order)]
    return [item for item in found if item.value.state == "ok"] or found


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
    extra = {"name": analyte.title, "side": side_of(record, item.entry)}
    if analyte.family:
        extra |= _family(item.entry, analyte)
    return Answer(
        quantity=quantity,
        evidence=(_evidence(item, analyte),),
        dated=item.moment.earliest,
        started=item.moment.earliest,
        upper_limit=upper_limit(item.entry.part, analyte, quantity.unit)
        or upper_limit(item.entry.raw, analyte, quantity.unit),
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
