"""The life of a rule: draft, active, retired; and the setting that lets a site show nothing that nobody signed."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.errors import ContentError
from cds_service.knowledge.site import SIGNED_ONLY, Site
from cds_service.model.rule import Rule, Service

SIGNATURE = ("by", "on", "next")
# What a rule or a pack states of itself beside the citation and the dates (45 CFR 170.315(b)(11)(iv)(A)).
ATTRIBUTES = (
    "developer",
    "funding",
    "race",
    "ethnicity",
    "language",
    "sexual_orientation",
    "gender_identity",
    "sex",
    "birth_date",
    "social_determinants",
    "health_status",
)
MOST_NAMED = 12  # rules named in one message; the others are counted


def is_signed(rule: Rule) -> bool:
    """Somebody reviewed it, on a day, and it is known when it is looked at again."""
    reviewed = rule.life.get("reviewed") or {}
    return all(reviewed.get(name) for name in SIGNATURE)


def check_signed(site: Site, services: Iterable[Service]) -> None:
    """With `signed_rules_only`, every rule that may speak or hide another is active and signed. Raises ContentError.

    A silent rule may be a draft: a site watches it before it speaks.
    """
    if site.settings.get(SIGNED_ONLY) is not True:
        return
    speaking = {rule.id: rule for service in services for rule in service.rules if rule.showing == "on"}
    unsigned = [name for name, rule in speaking.items() if rule.status != "active" or not is_signed(rule)]
    if not unsigned:
        return
    named = ", ".join(sorted(unsigned)[:MOST_NAMED])
    more = f" and {len(unsigned) - MOST_NAMED} more" if len(unsigned) > MOST_NAMED else ""
    raise ContentError(
        f"{SIGNED_ONLY} is set, and these would be shown without being active and signed: {named}{more}. Sign them "
        "(`status: active`, `reviewed: {by, on, next}`), or set them silent or off under `rules` in the site file",
        site.table["settings"].where(SIGNED_ONLY),
    )
