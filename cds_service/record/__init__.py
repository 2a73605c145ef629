"""One patient's chart as facts. FHIR's words stop here; nothing of a patient outlives the request."""
