"""Whose resource is it? One that speaks of another patient never counts; a wrong guess here is the worst error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cds_service.model.reading import Reading
from cds_service.record.entries import table, tables, word


class Ownership:
    """Knows every way this patient is referred to: id, relative, absolute, versioned, urn by fullUrl.

    `foreign` counts the resources turned away.
    """

    def __init__(self, patient_id: str, readings: Sequence[Reading]):
        self.patient_id = patient_id
        self.foreign = 0
        self._urls = {f"Patient/{patient_id}"}
        for reading in readings:
            for position, resource in enumerate(reading.resources):
                if resource.get("resourceType") != "Patient" or resource.get("id") != patient_id:
                    continue
                if position < len(reading.full_urls) and reading.full_urls[position]:
                    self._urls.add(reading.full_urls[position])

    def is_theirs(self, resource: Mapping[str, Any]) -> bool:
        """A resource without a subject counts: it answered a query for this patient."""
        kind = resource.get("resourceType")
        if not isinstance(kind, str):
            return False
        if kind == "Patient":
            return self._counted(resource.get("id") == self.patient_id)
        subject = resource.get("subject") or resource.get("patient")
        if subject is None:
            return True
        theirs = self._names_them(subject)
        if theirs and kind == "Observation" and (focus := resource.get("focus")):
            theirs = all(self._names_them(item) for item in tables(focus))
        return self._counted(theirs)

    def _counted(self, theirs: bool) -> bool:
        self.foreign += not theirs
        return theirs

    def _names_them(self, reference: object) -> bool:
        target = word(table(reference).get("reference"))
        if not target:
            return not table(reference).get("identifier") or self._same_identifier(reference)
        if target in self._urls:
            return True
        if target.startswith("urn:"):
            return target.rsplit(":", 1)[-1] == self.patient_id
        parts = target.split("/_history/")[0].rstrip("/").split("/")
        return len(parts) >= 2 and parts[-2] == "Patient" and parts[-1] == self.patient_id

    def _same_identifier(self, reference: object) -> bool:
        """A logical reference cannot be resolved: not used."""
        return False
