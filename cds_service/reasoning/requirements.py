"""What a tree reads: the resource types behind its facts. Prefetch is derived from this and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.model.criteria import Fact, Node, children

MEDICATIONS = ("MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration")
_TYPES: dict[str, tuple[str, ...]] = {
    "condition": ("Condition",),
    "symptom": ("Condition", "Observation", "Encounter"),
    "sign": ("Condition", "Observation", "Encounter"),
    "answer": ("QuestionnaireResponse",),
    "result": ("Observation",),
    "missing": ("Observation", "ServiceRequest"),
    "pending": ("Observation", "ServiceRequest"),
    "medication": MEDICATIONS,
    "exposure": MEDICATIONS,
    "procedure": ("Procedure",),
    "encounter": ("Encounter",),
    "report": ("DiagnosticReport",),
    "requested": ("ServiceRequest",),
    "patient": ("Patient",),
}
_READ: dict[str, tuple[str, ...]] = {
    "conditions": ("Condition",),
    "observations": ("Observation",),
    "medicines": MEDICATIONS,
    "orders": ("ServiceRequest",),
    "procedures": ("Procedure",),
    "encounters": ("Encounter",),
    "reports": ("DiagnosticReport",),
}
_FURTHER = {
    "also_procedure": ("Procedure",),
    "also_condition": ("Condition",),
    "also_medication": ("MedicationRequest", "MedicationAdministration"),
    "answer": ("QuestionnaireResponse",),
    "devices": ("DeviceRequest",),
    "not_followed_by": ("Procedure", "Condition"),
}


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every node of these trees, each once."""
    seen: set[Node] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            yield node
            waiting.extend(children(node))


def types_of(nodes: Iterable[Node]) -> set[str]:
    """The resource types these trees read."""
    found: set[str] = set()
    for node in walk(nodes):
        if isinstance(node, Fact):
            found.update(_TYPES.get(node.kind, ()))
            if node.kind == "read":
                found.update(kind for name in node.sets for kind in _READ[name])
            for option, types in _FURTHER.items():
                if node.option(option):
                    found.update(types)
    return found
