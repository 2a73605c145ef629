"""JSON Schema of every kind of content file, so that an editor completes names and marks misspelt ones.

Made from the content and from the tables its readers use, written by `cds docs`. Draft 7, which editors know best.
Names are those of the content as it stands: after adding a fact, a parameter or a rule, `cds docs` teaches the editor.
`cds check` judges; a schema only helps to write. Must not hold a name of the content itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from cds_service.knowledge.catalogue import Catalogue
from cds_service.publish import generated, schema_rules, schema_vocabulary
from cds_service.publish.schema_language import conventions, language
from cds_service.publish.schema_names import Schema, names

DRAFT = "http://json-schema.org/draft-07/schema#"
FOLDER = "schemas"
ENDING = ".json"
FILES: Mapping[str, Callable[[Catalogue], Schema]] = {
    "rule": schema_rules.rule,
    "cases": schema_rules.cases,
    "definitions": schema_rules.definitions,
    "service": schema_rules.service,
    "article": schema_rules.article,
    "codes": schema_vocabulary.codes,
    "analytes": schema_vocabulary.analytes,
    "orders": schema_vocabulary.orders,
    "references": schema_vocabulary.references,
    "site": schema_vocabulary.site,
    "conventions": conventions,
}


def schemas(catalogue: Catalogue) -> dict[str, Schema]:
    """File name (`rule.json`) to its schema. The catalogue is one without a site's own decisions."""
    shared = names(catalogue) | language()
    return {f"{name}.json": _whole(name, make(catalogue), shared) for name, make in FILES.items()}


def _whole(name: str, body: Schema, shared: dict[str, Schema]) -> Schema:
    comment = "Made by `cds docs` from hooks/; change the content, not this file."
    used = _used(body, shared)
    definitions = {key: schema for key, schema in sorted(shared.items()) if key in used}
    return (
        {"$schema": DRAFT, "$comment": comment, "title": name.replace("-", " ")} | body | {"definitions": definitions}
    )


def _used(body: Schema, shared: dict[str, Schema]) -> set[str]:
    """The shared parts a schema refers to, directly or through others."""
    found: set[str] = set()
    waiting: list[object] = [body]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/definitions/")
            if name in shared and name not in found:
                found.add(name)
                waiting.append(shared[name])
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return found


def stale_schemas(catalogue: Catalogue, folder: Path) -> list[str]:
    """Names of schema files that are missing, differ, or belong to no kind of file."""
    return generated.stale(_texts(catalogue), folder, ENDING)


def write_schemas(catalogue: Catalogue, folder: Path) -> list[Path]:
    """Writes what differs into the folder and takes away what belongs to no kind of file; gives what was touched."""
    return generated.write(_texts(catalogue), folder, ENDING)


def _texts(catalogue: Catalogue) -> dict[str, str]:
    made = schemas(catalogue)
    return {name: json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for name, schema in made.items()}
