"""One reply as the ledger keeps it: an entry for the spool, and an entry as rows for the database.

Takes codes, ids, times and the words of the rule's title; never a value, a date or a text from the chart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from cds_service.model.hook import HookCall, Reply
from cds_service.model.memory import Note
from cds_service.store.keyed import Keyed

LONGEST_ID = 64
ASK = "ASK"


def clean(text: object, longest: int = 2000) -> str:
    """Text both databases take: no NUL, no half characters, not endless."""
    return str(text).replace("\0", "").encode("utf-8", "replace").decode()[:longest]


def entry_of(
    call: HookCall, reply: Reply, now: datetime, notes: Mapping[str, Note], keyed: Keyed
) -> dict[str, Any] | None:
    """What is to be remembered of a reply; None when no card was shown."""
    if not reply.cards:
        return None
    cards = [
        _card(card, identity, reply, notes, keyed, now)
        for card, identity in zip(reply.cards, _identities(reply), strict=True)
    ]
    return {
        "at": now.astimezone(UTC).isoformat(),
        "service": clean(call.service),
        "hook": clean(call.hook),
        "client": clean(call.client),
        "tenant": clean(call.tenant),
        "patient": keyed.patient(call.client, call.tenant, call.patient_id),
        "who": keyed.user(call.client, call.tenant, call.user_id),
        "cards": cards,
    }


def _identities(reply: Reply) -> list[str]:
    """Each card's uuid. Where a client does not want to see it, the verdicts tell it: they are in card order."""
    named = list(dict.fromkeys(verdict["card"] for verdict in reply.verdicts if verdict.get("card")))
    spare = named if len(named) == len(reply.cards) else [str(uuid4()) for _ in reply.cards]
    return [str(card.get("uuid") or other) for card, other in zip(reply.cards, spare, strict=True)]


def _topic_of(card: Mapping[str, Any], identity: str, verdicts: Iterable[Mapping[str, Any]]) -> str:
    """The rule whose card it is. Where a client does not want to see it, the first verdict on the card tells it."""
    topic = (card.get("source") or {}).get("topic") or {}
    if topic.get("code"):
        return clean(topic["code"], LONGEST_ID)
    own = next((verdict for verdict in verdicts if verdict.get("card") == identity), None)
    return "" if own is None else ASK if own["outcome"] == "asked" else clean(own["code"], LONGEST_ID)


def _card(
    card: Mapping[str, Any], identity: str, reply: Reply, notes: Mapping[str, Note], keyed: Keyed, now: datetime
) -> dict[str, Any]:
    code = _topic_of(card, identity, reply.verdicts)
    topic = (card.get("source") or {}).get("topic") or {}
    return {
        "card": clean(identity, LONGEST_ID),
        "topic": code,
        "title": clean(topic.get("display", "")),
        "indicator": clean(card.get("indicator", "info"), 16),
        "one_of": _excluding(card),
        "rules": _rules(code, identity, reply.verdicts, notes, keyed),
        "suggestions": [_suggestion(item, now) for item in card.get("suggestions") or () if item.get("uuid")],
    }


def _excluding(card: Mapping[str, Any]) -> bool:
    """Do its suggestions exclude each other? Not where one of them holds all orders, for a client that takes one."""
    every = any(len(item.get("actions") or ()) > 1 for item in card.get("suggestions") or ())
    return card.get("selectionBehavior") == "at-most-one" and not every


def _rules(
    topic: str, card: str, verdicts: Iterable[Mapping[str, Any]], notes: Mapping[str, Note], keyed: Keyed
) -> list[dict[str, Any]]:
    """The card's own rule and every rule with a line on it. A collected card rests on what its lines rest on."""
    rules: dict[str, dict[str, Any]] = {}
    for verdict in verdicts:
        if verdict.get("card") != card or verdict.get("outcome") not in ("fired", "asked"):
            continue
        asked = verdict["outcome"] == "asked"
        code = f"{ASK}:{verdict['code']}" if asked else str(verdict["code"])
        role = "question" if asked else "card" if code == topic else "line"
        rules[code] = _rule(code, str(verdict.get("version", "")), role, notes.get(verdict["code"], Note()), keyed)
    if topic and rules.get(topic, {}).get("newest") is None:
        newest = max((rule["newest"] for rule in rules.values() if rule["newest"]), default=None)
        own = rules.get(topic) or _rule(topic, "", "card", Note(), keyed)
        rules[topic] = {**own, "newest": newest}
    return list(rules.values())


def _rule(code: str, version: str, role: str, note: Note, keyed: Keyed) -> dict[str, Any]:
    return {
        "code": clean(code, LONGEST_ID),
        "version": clean(version, 40),
        "role": role,
        "origin": clean(note.origin, 200),
        "newest": note.newest.astimezone(UTC).isoformat() if note.newest else None,
        "about": keyed.drafts(note.about),
    }


def _suggestion(suggestion: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Its id, the orders it would create, and when they are to be done."""
    resources = [action.get("resource") or {} for action in suggestion.get("actions") or ()]
    moments = [_moment(resource.get("occurrenceDateTime")) for resource in resources]
    planned = [moment for moment in moments if moment and moment > now]
    priorities = [str(resource["priority"]) for resource in resources if resource.get("priority")]
    return {
        "suggestion": clean(suggestion["uuid"], LONGEST_ID),
        "orders": [key for resource in resources if (key := order_key(resource))],
        "priority": clean(priorities[0] if priorities else "routine", 16),
        "planned": max(planned).isoformat() if planned else None,
    }


def order_key(resource: Mapping[str, Any]) -> str:
    """ "system|code" of an order as sent: its first coding; "|text" where the content has no code for it."""
    code = resource.get("code") or {}
    for coding in code.get("coding") or ():
        if coding.get("code"):
            return clean(f"{coding.get('system', '')}|{coding['code']}", 200).replace("\n", " ")
    return clean(f"|{code['text']}", 200).replace("\n", " ") if code.get("text") else ""


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def line_of(entry: Mapping[str, Any]) -> bytes:
    """An entry as one line for the spool."""
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=True).encode()


def lost_line(number: str, at: datetime, entries: int, why: str) -> bytes:
    """A loss is remembered like an entry: `number` is its own id, so that it counts once."""
    return line_of({"lost": number, "at": at.astimezone(UTC).isoformat(), "entries": entries, "why": why})


def is_loss(line: bytes) -> bool:
    """Is it a note of a loss, rather than an entry?"""
    return line.startswith(b'{"lost":')


def entries_lost(line: bytes) -> int:
    """How many entries are lost with a line: one, or those it says were lost before."""
    if not is_loss(line):
        return 1
    try:
        return int(json.loads(line)["entries"])
    except (ValueError, KeyError, TypeError):
        return 1


def rows_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows by table name. Raises KeyError, TypeError or ValueError for something that is no entry."""
    rows: dict[str, list[dict[str, Any]]] = {"card": [], "card_rule": [], "suggestion": [], "lost": []}
    for entry in entries:
        at = datetime.fromisoformat(entry["at"])
        if "lost" in entry:
            rows["lost"].append({"id": entry["lost"], "at": at, "entries": int(entry["entries"]), "why": entry["why"]})
            continue
        year, week, _ = at.isocalendar()
        shared = {name: entry[name] for name in ("service", "hook", "client", "tenant", "patient", "who")}
        for card in entry["cards"]:
            own = {name: card[name] for name in ("card", "topic", "title", "indicator", "one_of")}
            rows["card"].append({**shared, **own, "at": at, "week": f"{year}-W{week:02d}"})
            rows["card_rule"] += [_rule_row(card["card"], rule) for rule in card["rules"]]
            rows["suggestion"] += [_suggestion_row(card["card"], item) for item in card["suggestions"]]
    return rows


def _rule_row(card: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    newest = datetime.fromisoformat(rule["newest"]) if rule["newest"] else None
    kept = {name: rule[name] for name in ("code", "version", "role", "origin", "about")}
    return {**kept, "card": card, "newest_evidence": newest}


def _suggestion_row(card: str, item: Mapping[str, Any]) -> dict[str, Any]:
    planned = datetime.fromisoformat(item["planned"]) if item["planned"] else None
    return {
        "suggestion": item["suggestion"],
        "card": card,
        "orders": "\n".join(item["orders"]),
        "priority": item["priority"],
        "planned": planned,
    }
