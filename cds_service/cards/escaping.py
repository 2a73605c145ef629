"""Makes a value from the chart safe to show: in markdown it can never be markup, a link, a code block or a second line.

Two ways to show a value: `markdown` for a card's detail, `plain` for its summary and labels, which no client may render
as markup but some do. Neither changes what a reader sees, save for addresses, which are broken up so that no client
turns them into links.
"""

from __future__ import annotations

import re

LONGEST = 200
# Controls, direction marks, invisible and unassigned signs: nothing a reader sees, much that a screen may obey.
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]+"
)
_PLAIN = re.compile(r"[A-Za-z0-9]+(?:(?: |[-,./:] ?)[A-Za-z0-9]+)*(?: ?%)?\Z")  # nothing here needs a second look
_LISTLIKE = re.compile(r"(\d{1,9})([.)])(?=\s|\Z)")
_MARKUP = re.compile(r"[\\`*_\[\]|~^]")
_ADDRESS = re.compile(r"(?i):(?=//)|www(?=\.)")
_MAIL = re.compile(r"(?<=\S)@(?=\S)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def clean(value: str) -> str:
    """One line of visible signs, no longer than 200."""
    if not _PLAIN.match(value):
        value = " ".join(_UNSEEN.sub("", value).split())
    return value if len(value) <= LONGEST else value[: LONGEST - 1].rstrip() + "…"


def plain(value: str) -> str:
    """A value for a summary or a label. What looks like a tag loses its bracket; "<5 ng/mL" stays as it is."""
    value = clean(value)
    return _TAG.sub("‹", value) if "<" in value else value


def markdown(value: str) -> str:
    """A value for a card's detail, in GitHub-flavoured markdown: shown as it is, whatever it holds."""
    if not value or _nothing_to_escape(value):
        return value
    value = clean(value)
    value = _ADDRESS.sub(r"\g<0> ", value)
    value = _MAIL.sub(" @ ", value)
    value = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    value = _MARKUP.sub(r"\\\g<0>", value)
    if value[:1] in ("#", "+", "-", "="):
        return "\\" + value
    return _LISTLIKE.sub(r"\1\\\2", value, count=1) if _LISTLIKE.match(value) else value


def _nothing_to_escape(value: str) -> bool:
    """Most values: a number and its unit, a date, a name. Nothing of a patient is kept, so this must be quick."""
    if len(value) > LONGEST or not _PLAIN.match(value):
        return False
    return "." not in value or not ("www." in value.lower() or _LISTLIKE.match(value))


def entities(text: str) -> str:
    """The bracket of signed content that would open a tag; the rest of its markdown stays."""
    return text.replace("<", "&lt;")
