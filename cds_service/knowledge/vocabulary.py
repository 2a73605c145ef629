"""Value sets, analytes and orders as one vocabulary: each coding is looked up once and gives every name it has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from cds_service.errors import ContentError
from cds_service.knowledge.content import Content
from cds_service.knowledge.reader import Table
from cds_service.knowledge.shapes import as_names, as_number, as_rows, as_table, as_text, need, only
from cds_service.model.quantity import ZERO, Unit
from cds_service.model.rule import Order
from cds_service.model.vocabulary import ICD_10_CM, Analyte, Code, TextMatch, ValueSet, Vocabulary

ORDER_PREFIX = "order:"
NO_SITE = Table("", 1)


def load_vocabulary(
    content: Content,
    orders: Mapping[str, Order],
    site: Table = NO_SITE,
    questions: Mapping[str, str] | None = None,
    form: str = "",
) -> Vocabulary:
    """Everything in `codes/`, `analytes/` and the orders' own codes, with a site's synonyms."""
    systems, uris = _systems(content)
    sets = {
        name: _value_set(name, table, uris)
        for _, file in content.tables("codes")
        for name, table in ((key, as_table(file[key], file.where(key), key)) for key in file)
    }
    analytes = {
        name: _analyte(name, as_table(file[name], file.where(name), name), uris)
        for _, file in content.tables("analytes")
        for name in file
    }
    members = [(name, code) for name, entry in sets.items() for code in entry.codes]
    members += [(name, code) for name, analyte in analytes.items() for code in analyte.codes]
    members += [*_order_codes(orders, systems), *_site_codes(site, uris, {*sets, *analytes})]
    exact, prefixes, sides, side_prefixes = _indexes(members, content)
    conditions, medicines = _texts(sets, orders)
    return Vocabulary(
        systems,
        uris,
        sets,
        _with_site_units(analytes, site),
        exact,
        prefixes,
        sides,
        side_prefixes,
        conditions,
        medicines,
        _prefilter(medicines),
        _prefilter(conditions),
        questions or {},
        form,
    )


def _order_codes(orders: Mapping[str, Order], systems: Mapping[str, str]) -> Iterable[tuple[str, Code]]:
    for order in orders.values():
        for coding in (*order.codes, *(each for side in order.by_side.values() for each in side)):
            system = systems.get(coding.system, coding.system)
            yield ORDER_PREFIX + order.name, Code(system, coding.system, coding.code, coding.display)


def _systems(content: Content) -> tuple[dict[str, str], dict[str, str]]:
    table = content.table("systems.yaml")
    uris = {name: as_names(table[name], table.where(name), name) for name in table}
    return {uri: name for name, spelled in uris.items() for uri in spelled}, {
        name: spelled[0] for name, spelled in uris.items()
    }


CODE_KEYS = ("system", "code", "display", "seen_in", "match", "side", "side_by_last", "status")


def _codes(rows: Iterable[object], where: str, uris: Mapping[str, str], default: str = "") -> Iterable[Code]:
    for row in rows:
        table = as_table(row, where, "a code")
        only(table, CODE_KEYS, "a code")
        system = table.get("system", default)
        if system not in uris and "://" not in str(system):
            raise ContentError(f"unknown code system `{system}`", table.where())
        code = as_text(need(table, "code", "a code"), table.where("code"), "a code")
        yield Code(
            str(system),
            uris.get(str(system), str(system)),
            code,
            str(table.get("display") or ""),
            prefix=table.get("match") == "prefix",
            side=str(table.get("side") or ""),
        )


def _value_set(name: str, table: Table, uris: Mapping[str, str]) -> ValueSet:
    only(table, ("title", "codes", "text", "note"), f"the value set {name}")
    codes = tuple(_codes(as_rows(table.get("codes") or [], table.where(), "codes"), table.where(), uris))
    text = _text_match(name, as_table(table["text"], table.where("text"), "text")) if table.get("text") else None
    return ValueSet(name, str(table.get("title") or name), codes, text, table.where())


def _text_match(name: str, table: Table) -> TextMatch:
    only(table, ("match", "except", "used", "asks"), "a text match")
    try:
        match = re.compile(as_text(table.get("match"), table.where(), "match"), re.IGNORECASE)
        exclude = re.compile(table["except"], re.IGNORECASE) if table.get("except") else None
    except re.error as error:
        raise ContentError(f"not a regular expression: {error}", table.where()) from None
    return TextMatch(name, match, exclude, uncoded=table.get("used") != "always", asks=table.get("asks") is True)


ANALYTE_KEYS = (
    "title",
    "codes",
    "unit",
    "units",
    "plausible",
    "unitless",
    "bare",
    "ordered_as",
    "family",
    "code_family",
    "note",
)


def _analyte(name: str, table: Table, uris: Mapping[str, str]) -> Analyte:
    only(table, ANALYTE_KEYS, f"the analyte {name}")
    units = _units(as_table(need(table, "units", name), table.where("units"), "units"))
    canonical = str(need(table, "unit", name))
    low_high = table.get("plausible")
    plausible = (
        (
            as_number(low_high[0], table.where("plausible"), "plausible"),
            as_number(low_high[1], table.where("plausible"), "plausible"),
        )
        if low_high
        else None
    )
    ordered = (
        as_table(table["ordered_as"], table.where("ordered_as"), "ordered_as") if table.get("ordered_as") else None
    )
    own = units.get(squeezed(canonical)) or Unit(canonical)
    family = table.get("family") or {}
    return Analyte(
        name,
        str(table.get("title") or name),
        own,
        units,
        tuple(_codes(as_rows(table.get("codes") or [], table.where(), "codes"), table.where(), uris, "loinc")),
        plausible,
        tuple(_band(as_table(row, table.where("unitless"), "a band"), units) for row in table.get("unitless") or ()),
        table.get("bare") is True,
        as_names(ordered.get("sets") or [], table.where("ordered_as"), "sets") if ordered else (),
        re.compile(ordered["text"], re.IGNORECASE) if ordered and ordered.get("text") else None,
        {label: tuple(squeezed(str(item)) for item in words) for label, words in family.items()},
        _code_family(table.get("code_family")),
        table.where(),
    )


def _code_family(value: object) -> dict[str, str]:
    """Either code -> label or label -> codes."""
    if not isinstance(value, Table):
        return {}
    found: dict[str, str] = {}
    for key, item in value.items():
        for code, label in [(key, item)] if isinstance(item, str) else [(str(each), key) for each in item]:
            found[code] = label
    return found


def _units(table: Table) -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for code, spec in table.items():
        where = table.where(code)
        body = as_table(spec, where, "a unit")
        only(body, ("factor", "offset", "also"), "a unit")
        offset = as_number(body["offset"], where, "offset") if body.get("offset") is not None else ZERO
        unit = Unit(code, as_number(body.get("factor", 1), where, "factor"), offset)
        for spelling in (code, *(str(item) for item in body.get("also") or ())):
            found.setdefault(squeezed(spelling), unit)
    return found


def _band(table: Table, units: Mapping[str, Unit]) -> tuple[Decimal, Decimal, Unit]:
    low, high = (as_number(need(table, end, "a band"), table.where(end), end) for end in ("from", "to"))
    return low, high, units[squeezed(str(need(table, "unit", "a band")))]


def squeezed(text: str) -> str:
    return " ".join(text.split()).lower()


def _indexes(
    members: list[tuple[str, Code]], content: Content
) -> tuple[
    dict[tuple[str, str], tuple[str, ...]],
    dict[str, tuple[str, ...]],
    dict[tuple[str, str], str],
    dict[str, Mapping[str, str]],
]:
    exact: dict[tuple[str, str], tuple[str, ...]] = {}
    prefixes: dict[str, tuple[str, ...]] = {}
    sides: dict[tuple[str, str], str] = {}
    for name, code in members:
        if code.system == ICD_10_CM:
            bare = code.code.replace(".", "").upper()
            if name not in prefixes.get(bare, ()):
                prefixes[bare] = (*prefixes.get(bare, ()), name)
            if code.side:
                sides[code.system, bare] = code.side
            continue
        key = (code.system, code.code)
        if name not in exact.get(key, ()):
            exact[key] = (*exact.get(key, ()), name)
        if code.side:
            sides[key] = code.side
    return exact, prefixes, sides, _side_prefixes(content)


def _side_prefixes(content: Content) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for _, file in content.tables("codes"):
        for name in file:
            for row in file[name].get("codes") or ():
                if row.get("side_by_last"):
                    found[row["code"].replace(".", "").upper()] = dict(row["side_by_last"])
    return found


def _texts(
    sets: Mapping[str, ValueSet], orders: Mapping[str, Order]
) -> tuple[tuple[TextMatch, ...], tuple[TextMatch, ...]]:
    """Words for uncoded concepts (an order's own name among them), and words for medicines."""
    conditions = [entry.text for entry in sets.values() if entry.text and entry.text.uncoded]
    medicines = [entry.text for entry in sets.values() if entry.text and not entry.text.uncoded]
    conditions += [
        TextMatch(ORDER_PREFIX + order.name, re.compile(rf"\s*{re.escape(order.text)}\s*\Z", re.IGNORECASE))
        for order in orders.values()
    ]
    return tuple(conditions), tuple(medicines)


def _prefilter(matches: tuple[TextMatch, ...]) -> re.Pattern[str] | None:
    """One expression that finds whatever any of them could, so that most texts are read once."""
    return re.compile("|".join(f"(?:{match.match.pattern})" for match in matches), re.IGNORECASE) if matches else None


def _site_codes(site: Table, uris: Mapping[str, str], known: set[str]) -> Iterable[tuple[str, Code]]:
    for name, rows in (site.get("codes") or {}).items():
        if name not in known:
            raise ContentError(
                f"the site gives codes for `{name}`, which is no value set or analyte", site.where("codes")
            )
        for row in rows:
            system = str(row.get("system"))
            yield name, Code(system, uris.get(system, system), str(row.get("code")), str(row.get("display") or ""))


def _with_site_units(analytes: dict[str, Analyte], site: Table) -> dict[str, Analyte]:
    """A site's spellings of units we know: {ferritin: {"NG PER ML": ng/mL}}."""
    for name, spellings in (site.get("units") or {}).items():
        analyte = analytes.get(name)
        if analyte is None:
            raise ContentError(f"the site gives units for `{name}`, which is no analyte", site.where("units"))
        more = {}
        for spelling, unit in spellings.items():
            if squeezed(str(unit)) not in analyte.units:
                raise ContentError(f"{name} has no unit `{unit}`", site.where("units"))
            more[squeezed(spelling)] = analyte.units[squeezed(str(unit))]
        analytes[name] = replace(analyte, units={**analyte.units, **more})
    return analytes
