"""One function per kind of fact: what the record says, with its evidence, or why it cannot be said.

`LOOKUPS[kind](record, fact, frame) -> Answer`. A lookup reads; it never decides what a value means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cds_service.model.answer import Answer
from cds_service.model.criteria import Fact
from cds_service.model.frame import Frame
from cds_service.record.lookups import conditions, form, medicines, orders, people, results, symptoms, tests
from cds_service.record.record import Record

Lookup = Callable[[Record, Fact, Frame], Answer]

LOOKUPS: Mapping[str, Lookup] = {
    "condition": conditions.condition,
    "procedure": conditions.procedure,
    "encounter": conditions.encounter,
    "symptom": symptoms.symptom,
    "sign": symptoms.symptom,
    "answer": form.answer,
    "result": results.result,
    "missing": tests.missing,
    "pending": tests.pending,
    "medication": medicines.medication,
    "exposure": medicines.exposure,
    "requested": orders.requested,
    "report": orders.report,
    "draft": orders.draft,
    "patient": people.patient,
    "hook": people.hook,
    "read": people.read,
}


def look(record: Record, fact: Fact, frame: Frame) -> Answer:
    """The answer to one fact."""
    return LOOKUPS[fact.kind](record, fact, frame)
