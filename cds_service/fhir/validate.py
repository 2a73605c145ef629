"""What in a resource is not valid FHIR R4, by the models of fhir.resources. For people at a desk: never on the way in.

Messages name the place and the mistake; a value is quoted only where it is short and of the resource's own form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 160  # signs of one message


@dataclass(frozen=True, slots=True)
class Mistake:
    """`where` is the resource and the path in it: "Observation/o1 valueQuantity.value"."""

    where: str
    what: str


def mistakes(body: Mapping[str, Any]) -> list[Mistake]:
    """Of a resource, of every entry of a Bundle, or of every resource in a hook request."""
    return [mistake for place, resource in resources_of(body) for mistake in _of(place, resource)]


def resources_of(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(where it stands, resource) of everything in a resource, a Bundle or a hook request; Bundles are opened."""
    if "resourceType" in body:
        yield from _opened("", body)
        return
    for key, value in (body.get("prefetch") or {}).items():
        if isinstance(value, dict) and "resourceType" in value:
            yield from _opened(f"prefetch.{key}: ", value)
    context = body.get("context") or {}
    for key, value in context.items() if isinstance(context, dict) else ():
        if isinstance(value, dict) and ("resourceType" in value or "entry" in value):
            yield from _opened(f"context.{key}: ", value)


def _opened(place: str, resource: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = resource.get("entry")
    if resource.get("resourceType", "Bundle") != "Bundle" or not isinstance(entries, list):
        yield f"{place}{_name(resource)}", resource
        return
    frame = {key: value for key, value in resource.items() if key != "entry"}
    yield f"{place}Bundle", frame
    for number, entry in enumerate(entries):
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict):
            yield f"{place}entry[{number}] {_name(inner)}", inner


def _name(resource: Mapping[str, Any]) -> str:
    return "/".join(str(resource[key]) for key in ("resourceType", "id") if resource.get(key))


def _of(place: str, resource: Mapping[str, Any]) -> Iterator[Mistake]:
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    kind = resource.get("resourceType")
    try:
        model = get_fhir_model_class(str(kind))
    except (KeyError, LookupError, ValueError):
        yield Mistake(place, f"{str(kind)[:40]!a} is no resource type of R4")
        return
    try:
        model.model_validate(resource)
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            path = ".".join(str(part) for part in item["loc"])
            yield Mistake(f"{place} {path}".strip(), _short(item["msg"]))


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
