"""One answer to one query, wherever it came from: a prefetch value or a page from the client's server.

Absence must be earned, so every doubt about completeness costs the answer its silence, never its resources:
what is there is used, what is not there is then unknown rather than no. Resources are passed on as they came,
uncopied; whose they are is the record's business.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.fhir.newest_first import reaches_back_to
from cds_service.fhir.versions import RENAMED, mark_of
from cds_service.model.reading import Query, Reading, State

# Resources that come along with an answer without being asked for.
COMPANIONS = frozenset(
    {
        "Medication",
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "Organization",
        "Location",
        "Provenance",
        "Specimen",
        "Device",
        "RelatedPerson",
        "Questionnaire",
    }
)
NEXT_PAGE = "more pages exist than were given"
_SEARCH_ANSWERS = ("searchset", "collection")
_CODE = re.compile(r"[a-z][a-z-]{0,30}\Z")


@dataclass(slots=True)
class Answer:
    """Built page by page. `faults` are counted for the reply's problems; `holes` and `cut` cost its silence."""

    query: Query
    resources: list[Mapping[str, Any]] = field(default_factory=list)
    full_urls: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    holes: list[str] = field(default_factory=list)  # something is missing somewhere among what came
    cut: str = ""  # what is missing comes after what came
    refused: str = ""  # not an answer to this query at all
    next_url: str = ""  # of the page taken last
    matches: int = 0

    def doubt(self, why: str) -> None:
        if why not in self.holes:
            self.holes.append(why)

    def reading(self) -> Reading:
        """The reading this answer came to. One that broke off before anything came has failed."""
        if self.refused:
            return Reading(self.query, "not asked", why=self.refused)
        if self.cut and not self.resources and self.cut != NEXT_PAGE:
            return Reading(self.query, "failed", why=self.cut)
        doubts = [*self.holes, self.cut] if self.cut else self.holes
        state: State = "partial" if doubts else "answered"
        back_to = None
        if self.cut and not self.holes:
            asked = (item for item in self.resources if item.get("resourceType") == self.query.type)
            back_to = reaches_back_to(self.query.template, asked)
        return Reading(self.query, state, tuple(self.resources), "; ".join(doubts), back_to, tuple(self.full_urls))


def take(answer: Answer, value: object) -> None:
    """Adds one JSON value (a resource, a Bundle, an OperationOutcome) to the answer; `cut` is of the newest page."""
    answer.next_url = answer.cut = ""
    if not isinstance(value, dict):
        answer.refused = f"a JSON {_json_name(value)} came instead of a resource"
        return
    kind = value.get("resourceType")
    if kind == "Bundle":
        _take_bundle(answer, value)
    elif kind == "OperationOutcome":
        answer.cut = f"the server answered with an error ({_issue(value)})"
    elif kind == answer.query.type:
        _take_resource(answer, value, "")
    elif isinstance(kind, str) and RENAMED.get(kind, ("",))[0] == answer.query.type:
        answer.cut = _renamed(kind)
        answer.faults[answer.cut] += 1
    else:
        answer.refused = f"something other than {answer.query.type} came"


def _take_bundle(answer: Answer, bundle: Mapping[str, Any]) -> None:
    if (kind := bundle.get("type")) is not None and kind not in _SEARCH_ANSWERS:
        answer.doubt("the Bundle is not the answer to a search")
        answer.faults["a Bundle of a type that no search gives"] += 1
    entries = bundle.get("entry")
    if entries is None:
        entries = []
    if not isinstance(entries, list):
        answer.cut = "the Bundle's entries are not a list"
        answer.faults[answer.cut] += 1
        return
    for entry in entries:
        answer.matches += _take_entry(answer, entry)
    answer.next_url = next_link(bundle)
    if answer.next_url:
        answer.cut = NEXT_PAGE
    elif isinstance(total := bundle.get("total"), int) and total > answer.matches:
        answer.cut = "the answer says there is more than was given"


def _take_entry(answer: Answer, entry: object) -> int:
    """Adds one entry; 1 when it counts towards the total."""
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(resource, dict):
        answer.faults["an entry without a resource: skipped"] += 1
        answer.doubt("an entry came without its resource")
        return 1
    kind = resource.get("resourceType")
    if not isinstance(kind, str):
        answer.faults["a resource without a resourceType: skipped"] += 1
        answer.doubt("a resource came without its type")
        return 1
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    if kind == "OperationOutcome":
        if not _only_informs(resource):
            answer.doubt(f"the server added an error or warning ({_issue(resource)})")
        return 0
    if kind != answer.query.type and mode != "include" and kind not in COMPANIONS:
        _note_stranger(answer, kind)
    full_url = entry.get("fullUrl")
    _take_resource(answer, resource, full_url if isinstance(full_url, str) else "")
    return mode != "include"


def _note_stranger(answer: Answer, kind: str) -> None:
    """A type nobody asked for: kept for the record, but this is no clean answer to the query."""
    if kind in RENAMED:
        answer.doubt(_renamed(kind))
        answer.faults[_renamed(kind)] += 1
    else:
        answer.doubt(f"something other than {answer.query.type} came among the answers")
        answer.faults[f"resources of another type than {answer.query.type}"] += 1


def _take_resource(answer: Answer, resource: Mapping[str, Any], full_url: str) -> None:
    mark = mark_of(resource)
    if mark is not None:
        sentence = f"{resource['resourceType']}.{mark.member} is {mark.version}, not R4"
        if mark.effect == "denied":
            answer.faults[f"{sentence}: says it did not happen, not used"] += 1
            return
        if mark.effect == "hidden":
            answer.faults[f"{sentence}: cannot be read"] += 1
            answer.doubt(sentence)
        else:
            answer.faults[f"{sentence}: read as far as it is clear"] += 1
    answer.resources.append(resource)
    answer.full_urls.append(full_url)


def next_link(bundle: Mapping[str, Any]) -> str:
    """The url of the next page; "?" when there is one without a readable url; "" when there is none."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            url = link.get("url")
            return url if isinstance(url, str) and url else "?"
    return ""


def _renamed(kind: str) -> str:
    return f"{kind} is {RENAMED[kind][1]}, not R4: cannot be read"


def _only_informs(outcome: Mapping[str, Any]) -> bool:
    issues = outcome.get("issue")
    return (
        isinstance(issues, list)
        and bool(issues)
        and all(isinstance(issue, dict) and issue.get("severity") == "information" for issue in issues)
    )


def _issue(outcome: Mapping[str, Any]) -> str:
    """The first issue's code. Never its words: they may speak of the patient."""
    issues = outcome.get("issue")
    first = issues[0] if isinstance(issues, list) and issues else None
    code = first.get("code") if isinstance(first, dict) else None
    return code if isinstance(code, str) and _CODE.match(code) else "no reason given"


def _json_name(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "number"
    return "array" if isinstance(value, list) else "text"
