"""Every order a card may suggest, as it would be sent, checked as FHIR R4. Slow to import: not for a server."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.batch.replay import INSTANCE
from cds_service.cards.orders import Basket, samples
from cds_service.consult import House
from cds_service.fhir.validate import mistakes
from cds_service.model.hook import HookCall


def order_mistakes(house: House) -> Iterator[str]:
    """What is not valid in the orders that rules offer, for every side and every profile, with the template's place."""
    catalogue = house.catalogue
    offering = {
        line.order: rule for rule in catalogue.rules.values() for outcome in rule.outcomes for line in outcome.orders
    }
    call = HookCall("", "", INSTANCE, "Practitioner/sample", "sample", "sample")
    _, evaluation = house.evaluate([], call)
    for _, file in catalogue.content.tables("orders"):
        for name in offering.keys() & file.keys():
            found = {
                f"{mistake.where} {mistake.what}"
                for profile in house.profiles.values()
                for sample in samples(
                    catalogue.orders[name],
                    Basket(evaluation, call, house.clock.rules(), profile, catalogue.site.orders, "sample", {}),
                    offering[name],
                )
                for mistake in mistakes(sample)
            }
            yield from (f"{file.where(name)}: the order `{name}` is not valid R4: {each}" for each in sorted(found))
