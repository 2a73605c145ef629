"""What single resources say, and how they add up: any yes is yes, any doubt is unknown, silence must be earned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.model.answer import ABSENT, Answer, Evidence, Reason
from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.model.truth import Truth
from cds_service.record.entries import Entry, codes_of, label_of, table, tables, texts_of, word
from cds_service.record.moments import Moment
from cds_service.record.record import Record

_WORDS = re.compile(r"[a-z]+")
NOT_RECORDED = Answer(None, reasons=(Reason("not recorded", ""),))


@dataclass(frozen=True, slots=True)
class Statement:
    """What one resource says of a fact. `moment` orders statements; `rank` breaks ties, higher wins."""

    truth: Truth
    evidence: Evidence
    moment: Moment | None = None
    started: Moment | None = None
    reason: Reason | None = None
    rank: int = 0
    side: str = ""


def said(
    record: Record,
    entry: Entry,
    moment: Moment | None,
    truth: Truth,
    reason: Reason | None = None,
    rank: int = 0,
    note: str = "",
    text: str = "",
) -> Statement:
    """A statement with its evidence and side. Words alone never say yes where their set may only ask."""
    if entry.asks and truth:
        truth, reason = None, Reason("from text", "")
    if truth is None and reason is None:
        reason = Reason("no date", "")
    evidence = evidence_of(entry, moment, text=text, note=note)
    return Statement(truth, evidence, moment, reason=reason, rank=rank, side=side_of(record, entry))


def evidence_of(entry: Entry, moment: Moment | None, text: str = "", note: str = "") -> Evidence:
    return Evidence(
        reference=entry.reference,
        label=label_of(entry.concept),
        text=text,
        date=moment.text if moment else "",
        when=moment.earliest if moment else None,
        note=note or ("from text" if entry.asks else ""),
        concept=entry.concept,
    )


def in_window(
    record: Record, moment: Moment | None, frame: Frame, undated: str = "unknown"
) -> tuple[Truth, Reason | None]:
    """Does evidence of this moment count? Future evidence never does; `undated`: counts | unknown | ignored."""
    if frame.start is None and frame.end is None and moment is None:
        return True, None
    if moment is None:
        if undated == "counts":
            return True, None
        return (False, None) if undated == "ignored" else (None, Reason("no date", ""))
    known = moment.clipped(record.horizon)
    if known is None:
        return False, None
    inside = known.inside(frame.start, frame.end)
    return inside, Reason("uncertain date", "", moment.text) if inside is None else None


def add_up(record: Record, fact: Fact, frame: Frame, statements: Sequence[Statement], types: Iterable[str]) -> Answer:
    """Any resource that says yes makes it yes; else any doubt leaves it open; else silence, if it was earned."""
    positive = [item for item in statements if item.truth is True]
    if positive:
        return answer_from(positive, True)
    doubtful = [item for item in statements if item.truth is None]
    if doubtful:
        reasons = tuple(item.reason for item in doubtful if item.reason) or (Reason("uncertain date", ""),)
        return Answer(None, evidence=tuple(item.evidence for item in doubtful), reasons=reasons)
    if reason := record.earned(types, frame):
        return Answer(None, reasons=(reason,))
    if fact.option("if_none") == "unknown":
        return NOT_RECORDED
    return ABSENT


def answer_from(agreeing: Sequence[Statement], truth: bool) -> Answer:
    """An answer with its evidence, newest first."""
    ordered = sorted(agreeing, key=_newest_last, reverse=True)
    dated = [item.moment for item in ordered if item.moment]
    begun = [moment for item in ordered if (moment := item.started or item.moment)]
    return Answer(
        truth,
        labels=frozenset(item.side for item in ordered if item.side),
        evidence=tuple(item.evidence for item in ordered),
        dated=dated[0].earliest if dated else None,
        dated_by=dated[0].latest if dated else None,
        started=min(moment.earliest for moment in begun) if begun else None,
        extra={"name": ordered[0].evidence.label},
        started_by=min(moment.latest for moment in begun) if begun else None,
    )


def _newest_last(statement: Statement) -> tuple[bool, float]:
    return statement.moment is not None, statement.moment.earliest.timestamp() if statement.moment else 0.0


def names(fact: Fact, option: str) -> tuple[str, ...]:
    value = fact.option(option)
    return value if isinstance(value, tuple) else ()


def side_of(record: Record, entry: Entry) -> str:
    """left, right, both or "": the body site's laterality first, then the code itself."""
    if sites := _sites(entry):
        stated = {side for site in sites for side in [_side_of_concept(record, site)] if side}
        if stated:
            return "both" if len(stated) > 1 else stated.pop()
    return _side_of_concept(record, entry.concept, words=False)


def _sites(entry: Entry) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for holder in (entry.raw,) if entry.part is entry.raw else (entry.part, entry.raw):
        for member in ("bodySite", "laterality"):
            if member in holder:
                found.extend(tables(holder[member]))
    return found


def _side_of_concept(record: Record, concept: object, words: bool = True) -> str:
    vocabulary = record.vocabulary
    for coding in tables(table(concept).get("coding")):
        if side := vocabulary.side(vocabulary.system(coding.get("system")), word(coding.get("code"))):
            return side
    if words:
        for text in texts_of(table(concept)):
            said_words = set(_WORDS.findall(text.lower()))
            spoken = {"left", "right"} & said_words
            if len(spoken) == 1:
                return spoken.pop()
            if spoken or {"both", "bilateral"} & said_words:
                return "both"
    return ""


def on_side(record: Record, entry: Entry, frame: Frame) -> bool:
    """Is the evidence on a side that counts? Evidence of both legs counts for either."""
    if frame.side is None:
        return True
    side = side_of(record, entry)
    if not side:
        return frame.unstated_counts
    return side == "both" or side in frame.side or "both" in frame.side


def at_site(record: Record, entry: Entry, sets: Sequence[str]) -> bool:
    """Is the body site in one of the sets?"""
    wanted = set(sets)
    vocabulary = record.vocabulary
    return any(
        wanted.intersection(vocabulary.names(vocabulary.system(coding.get("system")), word(coding.get("code"))))
        for site in _sites(entry)
        for coding in tables(site.get("coding"))
    )


def elsewhere(record: Record, entry: Entry, sets: Sequence[str]) -> bool:
    """Do the words of its body site say one of these other places?"""
    words = [match for name in sets if (match := record.vocabulary.sets[name].text)]
    texts = [text for site in _sites(entry) for text in texts_of(site)] if words else []
    return any(match.found_in(text) for match in words for text in texts)


def status_codes(entry: Entry, member: str) -> set[str]:
    return codes_of(entry.raw.get(member))
