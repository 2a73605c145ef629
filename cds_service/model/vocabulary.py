"""Which names a code belongs to: value sets and analytes, looked up once per coding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cds_service.model.quantity import Unit

ICD_10_CM = "icd-10-cm"


@dataclass(frozen=True, slots=True)
class Code:
    """One member of a value set. `system` is the short name (`snomed`); `uri` the full one."""

    system: str
    uri: str
    code: str
    display: str
    prefix: bool = False
    side: str = ""


@dataclass(frozen=True, slots=True)
class TextMatch:
    """Words that stand for a set. `uncoded`: only where a concept has no code we know the system of.

    asks: what it finds is a question, never an answer ("from text").
    """

    name: str
    match: re.Pattern[str]
    exclude: re.Pattern[str] | None = None
    uncoded: bool = True
    asks: bool = False

    def found_in(self, text: str) -> bool:
        return bool(self.match.search(text)) and not (self.exclude and self.exclude.search(text))


@dataclass(frozen=True, slots=True)
class ValueSet:
    name: str
    title: str
    codes: tuple[Code, ...]
    text: TextMatch | None = None
    file: str = ""


@dataclass(frozen=True, slots=True)
class Analyte:
    """A laboratory or vital quantity. `units` maps every accepted spelling, squeezed and lower-cased, to its unit."""

    name: str
    title: str
    unit: Unit
    units: Mapping[str, Unit]
    codes: tuple[Code, ...]
    plausible: tuple[Decimal, Decimal] | None = None
    unitless: tuple[tuple[Decimal, Decimal, Unit], ...] = ()
    bare: bool = False
    ordered_sets: tuple[str, ...] = ()
    ordered_text: re.Pattern[str] | None = None
    family: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # label -> unit spellings
    code_family: Mapping[str, str] = field(default_factory=dict)  # code -> label
    file: str = ""


@dataclass(frozen=True)
class Vocabulary:
    systems: Mapping[str, str]  # every URI and OID -> short name
    uris: Mapping[str, str]  # short name -> the URI we write
    sets: Mapping[str, ValueSet]
    analytes: Mapping[str, Analyte]
    exact: Mapping[tuple[str, str], tuple[str, ...]]  # (short system, code) -> names
    prefixes: Mapping[str, tuple[str, ...]]  # ICD-10-CM without dots -> names
    sides: Mapping[tuple[str, str], str]  # (short system, code) -> side
    side_prefixes: Mapping[str, Mapping[str, str]]  # ICD-10-CM family -> the one character after it -> side
    condition_texts: tuple[TextMatch, ...] = ()
    medicine_texts: tuple[TextMatch, ...] = ()
    medicine_prefilter: re.Pattern[str] | None = None  # finds whatever any medicine text could
    condition_prefilter: re.Pattern[str] | None = None
    questions: Mapping[str, str] = field(default_factory=dict)  # linkId of the leg form -> its question
    form: str = ""  # what the leg form is called

    def system(self, uri: object) -> str:
        """The short name of a code system; "" when it is not one of ours."""
        return self.systems.get(uri, "") if isinstance(uri, str) else ""

    def names(self, system: str, code: str) -> tuple[str, ...]:
        """Every value set and analyte this coding belongs to. `system` is the short name."""
        if system != ICD_10_CM:
            return self.exact.get((system, code), ())
        bare = code.replace(".", "").upper()
        found: tuple[str, ...] = ()
        for length in range(1, len(bare) + 1):
            found += self.prefixes.get(bare[:length], ())
        return found

    def side(self, system: str, code: str) -> str:
        """left, right, both or "" as the code itself says."""
        if system != ICD_10_CM:
            return self.sides.get((system, code), "")
        bare = code.replace(".", "").upper()
        stated = self.sides.get((system, bare))
        if stated:
            return stated
        return self.side_prefixes.get(bare[:-1], {}).get(bare[-1:], "")
