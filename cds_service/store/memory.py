"""What is remembered of a user's answers about a patient, and how long.

How long is content (`hooks/memory.yaml`), read here into `MemoryRules`; no number stands in this module. Whether a
remembered answer really holds a card back is `model.memory.Held.covers`, asked by the cards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from cds_service.errors import ContentError
from cds_service.model.memory import Held
from cds_service.store.keyed import Keyed

if TYPE_CHECKING:
    from cds_service.store.database import Database

_UNITS = {"hours": timedelta(hours=1), "days": timedelta(days=1)}
_LEVELS = ("critical", "warning", "info")
_PRIORITIES = ("stat", "asap", "urgent", "routine")


@dataclass(frozen=True, slots=True)
class MemoryRules:
    """dismissed: how long by indicator; by_reason: by override reason, then indicator; accepted: by order priority."""

    dismissed: Mapping[str, timedelta]
    accepted: Mapping[str, timedelta]
    by_reason: Mapping[str, Mapping[str, timedelta]] = field(default_factory=dict)

    def stays_away(self, indicator: str, reason: str) -> timedelta:
        usual = self.dismissed.get(indicator) or self.dismissed["critical"]
        return self.by_reason.get(reason, {}).get(indicator, usual)

    def due_after(self, priority: str) -> timedelta:
        return self.accepted.get(priority) or self.accepted["routine"]

    @property
    def longest(self) -> timedelta:
        tables = (self.dismissed, self.accepted, *self.by_reason.values())
        return max(span for table in tables for span in table.values())


def read_rules(table: Mapping[str, Any]) -> MemoryRules | None:
    """The rules of `hooks/memory.yaml`, read strictly; None when it says `remember: false`. Raises ContentError."""
    _only(table, ("remember", "dismissed", "accepted", "by_reason"), table)
    if not isinstance(table.get("remember"), bool):
        raise ContentError("`remember` must be true or false", _where(table, "remember"))
    if not table["remember"]:
        return None
    dismissed = _spans(table, "dismissed", _LEVELS, complete=True)
    accepted = _spans(table, "accepted", _PRIORITIES, complete=True)
    reasons = _mapping(table, "by_reason") if "by_reason" in table else {}
    by_reason = {reason: _spans(reasons, reason, _LEVELS, complete=False) for reason in reasons}
    return MemoryRules(dismissed, accepted, by_reason)


def _spans(table: Mapping[str, Any], key: str, names: Sequence[str], *, complete: bool) -> dict[str, timedelta]:
    inner = _mapping(table, key)
    _only(inner, names, inner)
    if complete and (missing := [name for name in names if name not in inner]):
        raise ContentError(f"`{key}` says nothing of {', '.join(missing)}", _where(table, key))
    return {name: _span(_mapping(inner, name)) for name in inner}


def _span(entry: Mapping[str, Any]) -> timedelta:
    """A parameter as rules write them: value, unit, range, source, means."""
    _only(entry, ("value", "unit", "range", "source", "means"), entry)
    value, unit, bounds = entry.get("value"), entry.get("unit"), entry.get("range")
    if unit not in _UNITS:
        raise ContentError("the unit must be hours or days", _where(entry, "unit"))
    if not isinstance(value, int) or isinstance(value, bool) or not entry.get("source"):
        raise ContentError("a whole `value` and its `source` are needed", _where(entry, "value"))
    if not isinstance(bounds, list) or len(bounds) != 2 or not bounds[0] <= value <= bounds[1]:
        raise ContentError(f"{value} {unit} is outside the range {bounds}", _where(entry, "range"))
    return value * _UNITS[unit]


def _mapping(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key)
    if not isinstance(value, Mapping):
        raise ContentError(f"`{key}` must be a mapping", _where(table, key))
    return value


def _only(table: Mapping[str, Any], known: Iterable[str], place: Mapping[str, Any]) -> None:
    for key in table:
        if key not in known:
            raise ContentError(f"`{key}` is not known here; known: {', '.join(known)}", _where(place, key))


def _where(table: Mapping[str, Any], key: str) -> str:
    """File and line, when the strict reader gave the table."""
    where = getattr(table, "where", None)
    return str(where(key if key in table else None)) if where else ""


def remembered(
    database: Database, keyed: Keyed, rules: MemoryRules, patient: str, who: str, now: datetime
) -> dict[str, Held]:
    """What still counts, by code; the newest answer wins. `patient` and `who` are keyed. Raises Unavailable."""
    from cds_service.store import answers

    with database.read() as connection:
        rows = answers.of(connection, patient, who, now - rules.longest - _latest_plan(rules))
        taken = {row.card for row in rows if row.outcome == "accepted"}
        suggested = answers.suggestions(connection, taken) if taken else []
    found: dict[str, Held] = {}
    for row in rows:  # oldest first
        if row.outcome == "overridden":
            at = max(row.counts_from, row.at)
            until = at + rules.stays_away(row.indicator, row.reason)
            drafts = _same(keyed, row.about)
            _keep(
                found,
                now,
                Held(row.code, "overridden", at, until, row.indicator, row.newest_evidence, row.reason, drafts),
            )
    by_card: dict[str, list[Any]] = defaultdict(list)
    for item in suggested:
        by_card[item.card].append(item)
    for card, items in by_card.items():
        _accepted(found, [row for row in rows if row.card == card], items, rules, keyed, now)
    return found


def _latest_plan(rules: MemoryRules) -> timedelta:
    """A planned order is due later than one for now; how far back to look for its acceptance."""
    return 2 * rules.longest


def _accepted(
    found: dict[str, Held], rows: list[Any], items: list[Any], rules: MemoryRules, keyed: Keyed, now: datetime
) -> None:
    """The orders accepted on one card; and the card itself once nothing more can be taken from it."""
    taken = [item for item in items if item.taken]
    if not taken or not rows:
        return
    at = max(max(item.taken for item in taken), rows[0].at)
    ends = {item.suggestion: max(item.planned or at, at) + rules.due_after(item.priority) for item in taken}
    newest = max((row.newest_evidence for row in rows if row.newest_evidence), default=None)
    for item in taken:
        for order in item.orders.split("\n"):
            if order:
                until = ends[item.suggestion]
                _keep(found, now, Held(f"order:{order}", "accepted", at, until, rows[0].indicator, newest))
    if rows[0].one_of or not _left(items, taken):
        for row in rows:
            if row.role == "card":
                until, drafts = min(ends.values()), _same(keyed, row.about)
                _keep(
                    found,
                    now,
                    Held(row.code, "accepted", at, until, row.indicator, row.newest_evidence, same_drafts=drafts),
                )


def _left(items: list[Any], taken: list[Any]) -> bool:
    """Is anything on the card still to be taken? Not what a suggestion of all orders has brought with it."""
    brought = {order for item in taken for order in item.orders.split("\n") if order}
    return any(not item.taken and not (item.orders and set(item.orders.split("\n")) <= brought) for item in items)


def _keep(found: dict[str, Held], now: datetime, held: Held) -> None:
    """The newest answer that still counts."""
    if held.until > now and (held.code not in found or found[held.code].at <= held.at):
        found[held.code] = held


def _same(keyed: Keyed, about: str) -> Callable[[str], bool]:
    return lambda drafts: not about or keyed.drafts(drafts) == about


def explained(held: Mapping[str, Held]) -> list[str]:
    """In words, for whoever asks why a card stays away."""
    return [_sentence(item) for item in sorted(held.values(), key=lambda item: (item.at, item.code))]


def _sentence(item: Held) -> str:
    what = f"the order {item.code.removeprefix('order:').lstrip('|')}" if item.code.startswith("order:") else item.code
    if item.outcome == "accepted":
        said = f"{what} was accepted on {_shown(item.at)}; it is not suggested again before {_shown(item.until)}"
    else:
        reason = f" ({item.reason})" if item.reason else ""
        said = f"{what} was dismissed on {_shown(item.at)}{reason}; it stays away until {_shown(item.until)}"
    since = _shown(item.newest_evidence or item.at)
    sooner = f"unless evidence newer than {since} makes it true afresh or it is more urgent than {item.indicator}"
    return f"{said}, {sooner}."


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
