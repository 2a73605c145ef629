"""What is remembered of an answer given to a card: the words the ledger and the cards share.

Must hold no clinical value: codes of rules and of suggested orders, times, and how urgent a card was; nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

RANK: Mapping[str, int] = {"info": 0, "warning": 1, "critical": 2}


@dataclass(frozen=True, slots=True)
class Note:
    """What the ledger keeps of one rule on a card beside the reply.

    newest: the newest moment of the evidence that made the rule true; drafts of the call do not count, they are
    always new. origin: where its parameters come from, "hooks" or the site file's name. about: the drafts it speaks
    of, as one text; only a keyed hash of it is kept.
    """

    newest: datetime | None = None
    origin: str = "hooks"
    about: str = ""


def _any_drafts(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Held:
    """An answer still in force: a card dismissed by this user for this patient, or a suggestion accepted.

    code: the rule's ("DVT02"), "ASK:DVT02" for a line on the card of questions, "order:<system>|<code>" for an
    accepted order. indicator and newest_evidence are those of the card that was answered. same_drafts tells whether
    it spoke of these drafts; only a keyed hash of them is kept.
    """

    code: str
    outcome: Literal["accepted", "overridden"]
    at: datetime
    until: datetime
    indicator: str = "info"
    newest_evidence: datetime | None = None
    reason: str = ""
    same_drafts: Callable[[str], bool] = field(default=_any_drafts, compare=False, repr=False)

    def covers(self, indicator: str, note: Note = Note()) -> bool:
        """Does it hold back a card of this urgency that rests on this?

        No when the card has become more urgent, when newer evidence makes the rule true afresh, or when it speaks of
        other drafts.
        """
        if RANK.get(indicator, 2) > RANK.get(self.indicator, 0):
            return False
        if note.about and not self.same_drafts(note.about):
            return False
        return note.newest is None or note.newest <= (self.newest_evidence or self.at)
