"""Works out when and on which side evidence must lie: windows from now, windows anchored on other facts, sides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cds_service.model.answer import Reason
from cds_service.model.criteria import Anchor, Fact, Named, Node, Span
from cds_service.model.frame import ANY_TIME, Frame

if TYPE_CHECKING:
    from cds_service.reasoning.evaluate import Evaluation

_TICK = timedelta(microseconds=1)


def frame_of(evaluation: Evaluation, fact: Fact) -> Frame:
    """The frame of one fact. `unknown` is set when an anchor has no date."""
    window = fact.window
    if fact.side is None:
        if window is None:
            return ANY_TIME
        if (known := evaluation.frames.get(window)) is not None:
            return known
        if window.within and window.start is None and window.end is None:
            frame = evaluation.frames[window] = Frame(_back(evaluation, evaluation.now, window.within))
            return frame
    start: datetime | None = None
    end: datetime | None = None
    if window:
        if window.within:
            start = _back(evaluation, evaluation.now, window.within)
        for anchor, is_start in ((window.start, True), (window.end, False)):
            if anchor is None or (anchor.at == "now" and anchor.shift is None):
                continue
            moment = _moment(evaluation, anchor, is_start)
            if moment is None:
                return Frame(unknown=Reason("no date", ", ".join(_name(node) for node in anchor.of)))
            if is_start:
                start = max(start, moment) if start else moment
            else:
                end = moment
    return Frame(start, end, *_side(evaluation, fact))


def _back(evaluation: Evaluation, moment: datetime, span: Span) -> datetime:
    if span.unit == "hours":
        return moment - span.length
    return _midnight(evaluation, moment) - span.length


def _midnight(evaluation: Evaluation, moment: datetime) -> datetime:
    return moment.astimezone(evaluation.zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _moment(evaluation: Evaluation, anchor: Anchor, is_start: bool) -> datetime | None:
    """The end of a window. Days reach to the edge of the calendar day, hours to the minute."""
    base = evaluation.now if anchor.at == "now" else _anchored(evaluation, anchor)
    if base is None:
        return None
    if anchor.shift is None:
        return _midnight(evaluation, base) if is_start else base
    step = anchor.shift.length if anchor.later else -anchor.shift.length
    if anchor.shift.unit == "hours":
        return base + step
    day = _midnight(evaluation, base) + step
    return day if is_start else day + timedelta(days=1) - _TICK


def _anchored(evaluation: Evaluation, anchor: Anchor) -> datetime | None:
    answers = [evaluation.answer(node) for node in anchor.of]
    if anchor.at == "start":
        begun = [answer.started for answer in answers if answer.started and answer.truth is not False]
        return min(begun) if begun else None
    dated = [answer.dated for answer in answers if answer.dated and answer.truth is not False]
    return max(dated) if dated else None


def _side(evaluation: Evaluation, fact: Fact) -> tuple[frozenset[str] | None, bool]:
    if fact.side is None:
        return None, True
    labels = evaluation.choice(fact.side.of)
    return (labels if len(labels) == 1 else None), fact.side.unstated == "counts"


def _name(node: Node) -> str:
    return node.name if isinstance(node, Named) else type(node).__name__
