"""The content folder as the tests of codes and units read it: plain rows and the vocabulary, loaded once.

Must not judge; the tests do.
"""

import csv
from functools import cache
from pathlib import Path

from cds_service.knowledge.content import Content
from cds_service.knowledge.orders import load_orders
from cds_service.knowledge.vocabulary import load_vocabulary

ROOT = Path(__file__).resolve().parents[2]
HOOKS = ROOT / "hooks"
CLINICAL = ROOT / "tests" / "data" / "clinical"
CONTENT = Content.at(HOOKS)


@cache
def files(folder):
    """(file, name, body) of every entry of a content folder."""
    return [(stem, name, table[name]) for stem, table in CONTENT.tables(folder) for name in table]


@cache
def coded():
    """(where, system, row) of every code that stands in value sets, analytes and orders."""
    found = []
    for _, name, body in files("codes"):
        found += [(name, row["system"], row) for row in body.get("codes") or ()]
    for _, name, body in files("analytes"):
        found += [(name, row.get("system", "loinc"), row) for row in body.get("codes") or ()]
    for _, name, body in files("orders"):
        rows = [body["code"]] if "code" in body else list(body.get("codes") or ())
        rows += [*(body.get("by_side") or {}).values(), *(body.get("body_site") or {}).values()]
        found += [(name, row["system"], row) for row in rows]
    return found


@cache
def systems():
    table = CONTENT.table("systems.yaml")
    return {name: table[name][0] for name in table}


@cache
def orders():
    return load_orders(CONTENT, systems())


@cache
def vocabulary():
    return load_vocabulary(CONTENT, orders())


def rows_of(table):
    """A table of the clinical specification, kept in tests/data/clinical."""
    with (CLINICAL / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
