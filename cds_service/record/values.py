"""A laboratory's number with its unit, as an interval; or why it is none. Nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from cds_service.model.answer import Why
from cds_service.model.quantity import Interval, Quantity, Unit
from cds_service.model.vocabulary import Analyte

_TEXT = re.compile(
    r"\s*(?P<sign><=|>=|<|>|≤|≥)?\s*(?P<low>-?\d[\d.,]*)"
    r"(?:\s*(?:-|–|to)\s*(?P<high>\d[\d.,]*))?\s*(?P<unit>[^\d\s<>].*?)?\s*\Z"
)
_DECIMAL_POINT = re.compile(r"-?\d+(\.\d+)?\Z")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d{1,2}\Z|-?\d+,\d{4,}\Z|-?0,\d+\Z")
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3}){2,}(\.\d+)?\Z|-?\d{1,3}(,\d{3})+\.\d+\Z")
_ANNOTATION = re.compile(r"\{[^{}]*\}\Z")  # a UCUM unit that is only a remark: {ratio}
_UNITY = "1"  # the UCUM unit of a bare ratio: read, and not shown
_LONGEST_TEXT = 200
_UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Value:
    """`ok` has a quantity; `absent` is as if not done; `unreadable` is neither low nor missing, for the reason."""

    state: Literal["ok", "absent", "unreadable"]
    quantity: Quantity | None = None
    why: Why = "no result"
    text: str = ""  # as reported, raw
    note: str = ""


def number(value: object) -> Decimal | None:
    """The digits of a JSON number as they were printed. Booleans and texts are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def squeezed(text: str) -> str:
    """A unit's spelling with spaces and case taken out of the way."""
    return " ".join(text.split()).lower()


def read_value(source: Mapping[str, Any], analyte: Analyte) -> Value:
    """The value of an Observation, or of one of its components, for this analyte."""
    if isinstance(quantity := source.get("valueQuantity"), dict):
        return _from_quantity(quantity, source, analyte)
    if isinstance(text := source.get("valueString"), str) and text.strip():
        return _from_text(text, source, analyte)
    if (whole := number(source.get("valueInteger"))) is not None:
        return _judged(Interval.exactly(whole), str(whole), _unit((), source, analyte, whole), analyte, str(whole))
    if isinstance(span := source.get("valueRange"), dict):
        return _from_range(span, source, analyte)
    if any(key.startswith("value") and value and key != "valueString" for key, value in source.items()):
        return Value("unreadable", why="value not numeric", text=_said(source))
    return Value("absent")


def _said(source: Mapping[str, Any]) -> str:
    concept = source.get("valueCodeableConcept")
    text = concept.get("text") if isinstance(concept, dict) else None
    return text if isinstance(text, str) else ""


def _from_quantity(quantity: Mapping[str, Any], source: Mapping[str, Any], analyte: Analyte) -> Value:
    raw = quantity.get("value")
    spelled = quantity.get("unit") if isinstance(quantity.get("unit"), str) else quantity.get("code")
    if isinstance(spelled, str) and _ANNOTATION.match(spelled):
        spelled = ""
    if isinstance(raw, str):
        return _from_text(f"{raw} {spelled or ''}", source, analyte)
    value = number(raw)
    if value is None:
        return Value("absent") if raw is None else Value("unreadable", why="value not numeric")
    sign = quantity.get("comparator")
    interval = _compared(sign if isinstance(sign, str) else "", value)
    shown = "" if spelled == _UNITY else spelled or ""
    text = f"{sign if isinstance(sign, str) else ''}{raw} {shown}".strip()
    if interval is None:
        return Value("unreadable", why="value not numeric", text=text)
    return _judged(interval, text, _unit(_spellings(quantity), source, analyte, value), analyte, str(raw))


def _spellings(quantity: Mapping[str, Any]) -> tuple[str, ...]:
    """UCUM code first, then the unit's text; a code of another system is only a spelling like the text."""
    code, unit = quantity.get("code"), quantity.get("unit")
    trusted = quantity.get("system") in (_UCUM, None, "")
    order = (code, unit) if trusted else (unit,)
    return tuple(item for item in order if isinstance(item, str) and item.strip())


def _from_range(span: Mapping[str, Any], source: Mapping[str, Any], analyte: Analyte) -> Value:
    ends = [end if isinstance(end := span.get(name), dict) else {} for name in ("low", "high")]
    low, high = (number(end.get("value")) for end in ends)
    spellings = tuple(dict.fromkeys(spelling for end in ends for spelling in _spellings(end)))
    text = f"{low if low is not None else ''}-{high if high is not None else ''} {spellings[0] if spellings else ''}"
    if low is None and high is None:
        return Value("absent")
    interval = Interval(low if low is not None else Decimal(0), high)
    return _judged(interval, text.strip(), _unit(spellings, source, analyte, None), analyte, text)


def _from_text(text: str, source: Mapping[str, Any], analyte: Analyte) -> Value:
    match = _TEXT.match(text) if len(text) <= _LONGEST_TEXT else None
    low = _number_in(match["low"]) if match else None
    high = _number_in(match["high"]) if match and match["high"] else None
    if match is None or low is None or (match["high"] and high is None) or (match["high"] and match["sign"]):
        return Value("unreadable", why="value not numeric", text=text)
    sign = (match["sign"] or "").replace("≤", "<=").replace("≥", ">=")
    interval = Interval(low, high) if high is not None else _compared(sign, low)
    if interval is None or (high is not None and high < low):
        return Value("unreadable", why="value not numeric", text=text)
    spellings = (match["unit"],) if match["unit"] else ()
    return _judged(interval, text.strip(), _unit(spellings, source, analyte, low), analyte, match["low"])


def _number_in(text: str) -> Decimal | None:
    """ "11,2" is 11.2; "1,234" is ambiguous and none; "1,234.5" and "1,234,567" are thousands."""
    if _DECIMAL_POINT.match(text):
        return Decimal(text)
    if _DECIMAL_COMMA.match(text):
        return Decimal(text.replace(",", "."))
    if _THOUSANDS.match(text):
        return Decimal(text.replace(",", ""))
    return None


def _compared(sign: str, value: Decimal) -> Interval | None:
    match sign:
        case "":
            return Interval.exactly(value)
        case "<":
            return Interval(min(Decimal(0), value), value, high_open=True)
        case "<=":
            return Interval(min(Decimal(0), value), value)
        case ">":
            return Interval(value, None, low_open=True)
        case ">=":
            return Interval(value, None)
    return None


def _unit(
    spellings: tuple[str, ...], source: Mapping[str, Any], analyte: Analyte, value: Decimal | None
) -> tuple[Unit, str] | None:
    """The unit and a note. A spelling that is there and not understood is not replaced by the next one's guess."""
    for spelling in spellings:
        if unit := analyte.units.get(squeezed(spelling)):
            return unit, ""
    if spellings:
        return None
    for bounds in source.get("referenceRange") or ():
        if not isinstance(bounds, dict):
            continue
        for end in (bounds.get("low"), bounds.get("high")):
            for spelling in _spellings(end) if isinstance(end, dict) else ():
                if unit := analyte.units.get(squeezed(spelling)):
                    return unit, "unit from the reference range"
    if analyte.bare:
        return analyte.unit, ""
    for low, high, unit in analyte.unitless:
        if value is not None and low <= value <= high:
            return unit, f"unit {unit.code} assumed"
    return None


def _judged(interval: Interval, text: str, unit: tuple[Unit, str] | None, analyte: Analyte, digits: str) -> Value:
    if unit is None:
        return Value("unreadable", why="unit not understood", text=text)
    quantity = Quantity(
        interval, unit[0], text if unit[1] != f"unit {unit[0].code} assumed" else f"{digits} {unit[0].code}"
    )
    if analyte.plausible and not _plausible(quantity.canonical(), *analyte.plausible):
        return Value("unreadable", why="implausible", text=text)
    return Value("ok", quantity, text=text, note=unit[1])


def _plausible(interval: Interval, lowest: Decimal, highest: Decimal) -> bool:
    """A bound ("<5") may reach past the plausible range on its open side; the number printed may not."""
    printed = [end for end in (interval.low, interval.high) if end is not None and end != 0]
    return all(lowest <= end <= highest for end in printed) if printed else lowest <= 0


def upper_limit(source: Mapping[str, Any], analyte: Analyte, result: Unit) -> Quantity | None:
    """The highest value the report itself calls normal, if it is printed as a number in the result's unit."""
    for bounds in source.get("referenceRange") or ():
        high = bounds.get("high") if isinstance(bounds, dict) else None
        if not isinstance(high, dict) or (value := number(high.get("value"))) is None:
            continue
        spellings = _spellings(high)
        unit = next((found for item in spellings if (found := analyte.units.get(squeezed(item)))), None)
        if not spellings:
            unit = result
        if unit and unit.same_scale(result):
            return Quantity(Interval.exactly(value), result, f"{value} {spellings[0] if spellings else ''}".strip())
    return None
