"""Every spelling of a unit the specification lists is read, and every factor is proved from the unit itself.

By pint and UCUM where both units measure the same thing, by the atoms of the molecule where one is a mass and the other
an amount of it.
"""

import re
from decimal import Decimal
from functools import cache

import pytest
from content import files, rows_of, vocabulary
from ucumvert import PintUcumRegistry

from cds_service.record.values import read_value, squeezed

D = Decimal
# how the specification's table calls an analyte, where we call it otherwise
OURS = {
    "caadj": "ca-adjusted",
    "25ohd": "vitamin-d",
    "fpg": "fasting-glucose",
    "evsd": "activity-days",
    "evsm": "activity-minutes",
    "sleep": "sleep-hours",
    "sedh": "sedentary-hours",
    "ga": "gestational-age",
}
# standard atomic weights, and what the molecules are made of
ATOMS = {
    "C": 12.011,
    "H": 1.008,
    "N": 14.007,
    "O": 15.999,
    "Co": 58.933,
    "P": 30.974,
    "Fe": 55.845,
    "Mg": 24.305,
    "Ca": 40.078,
    "I": 126.904,
}
FORMULAS = {
    "iron": "Fe",
    "tibc": "Fe",
    "mg": "Mg",
    "ca": "Ca",
    "ca-adjusted": "Ca",
    "b12": "C63H88CoN14O14P",
    "folate": "C19H19N7O6",
    "vitamin-d": "C27H44O2",
    "ft4": "C15H11I4NO4",
    "fasting-glucose": "C6H12O6",
    "creatinine": "C4H7N3O",
    "bun": "N2",
}
# g/mol of proteins: haemoglobin by its iron atom, ferritin, CRP, NT-proBNP
PROTEINS = {"hb": 16114.0, "ferritin": 445038.0, "crp": 105000.0, "nt-probnp": 8457.0}
VALENCE = {"mg": 2, "k": 1, "na": 1}
WITHIN = 0.002  # printed factors are rounded to three or four digits


@cache
def registry():
    return PintUcumRegistry()


def units():
    """Every accepted unit that is not the canonical one."""
    return [
        pytest.param(name, unit, id=f"{name} {unit.code}")
        for name, analyte in vocabulary().analytes.items()
        for unit in {item.code: item for item in analyte.units.values()}.values()
        if unit.code != analyte.unit.code and not unit.offset  # offsets are proved below
    ]


def molar_mass(name):
    if name in PROTEINS:
        return PROTEINS[name]
    return sum(ATOMS[atom] * int(count or 1) for atom, count in re.findall(r"([A-Z][a-z]?)(\d*)", FORMULAS[name]))


def proved_factor(name, unit, canonical):
    """What one of `unit` is in `canonical`, worked out without our tables."""
    one = registry().from_ucum(unit.code)
    aim = registry().from_ucum(canonical.code)
    if unit.code in ("mg/g", "ug/mg"):  # of creatinine: 1 mmol of it weighs so many mg
        return one.to(registry().from_ucum("mg/g").units).magnitude * molar_mass("creatinine") / 1000
    if unit.code == "meq/L":
        return 1 / VALENCE[name]
    if one.units.dimensionality == aim.units.dimensionality:
        return one.to(aim.units).magnitude / aim.magnitude
    weight = molar_mass(name) * registry().from_ucum("g/mol")
    moles = "[substance]" in one.units.dimensionality
    return ((one * weight) if moles else (one / weight)).to(aim.units).magnitude / aim.magnitude


@pytest.mark.parametrize(("name", "unit"), units())
def test_every_factor_is_what_the_units_say(name, unit):
    canonical = vocabulary().analytes[name].unit
    assert unit.factor > 0
    assert float(unit.factor) == pytest.approx(proved_factor(name, unit, canonical), rel=WITHIN)


def test_the_proof_is_not_blind():
    ferritin = vocabulary().analytes["ferritin"]
    wrong = proved_factor("ferritin", ferritin.units["pmol/l"], ferritin.unit) * 2.247**2
    assert float(ferritin.units["pmol/l"].factor) != pytest.approx(wrong, rel=WITHIN)


NO_POWERS_OF_TEN = {
    *FORMULAS,
    *PROTEINS,
    "uacr",
    "a1c",
    "temperature",
    "weight",
    "ck",
    "alt",
    "sleep-hours",
    "gestational-age",
}


def test_powers_of_ten_are_exact():
    inexact = [
        (name, unit.code)
        for name, analyte in vocabulary().analytes.items()
        for unit in analyte.units.values()
        if name not in NO_POWERS_OF_TEN and unit.factor.normalize().as_tuple().digits != (1,)
    ]
    assert inexact == []


def test_the_canonical_unit_is_itself():
    for name, analyte in vocabulary().analytes.items():
        own = analyte.units[squeezed(analyte.unit.code)]
        assert (own.factor, own.offset) == (D(1), D(0)), name


# ----------------------------------------------------------------------------------------- offsets and exact fractions


def canonical(name, text):
    value = read_value({"valueString": text}, vocabulary().analytes[name])
    assert value.state == "ok", (name, text, value.why)
    return value.quantity.canonical()


@pytest.mark.parametrize(
    ("fahrenheit", "celsius"), [("86", "30"), ("98.6", "37"), ("100.4", "38"), ("104", "40"), ("113", "45")]
)
def test_fahrenheit_is_exact(fahrenheit, celsius):
    found = canonical("temperature", f"{fahrenheit} °F")
    assert (found.low, found.high) == (D(celsius), D(celsius))
    pint = registry().Quantity(float(fahrenheit), "degF").to("degC").magnitude
    assert float(found.low) == pytest.approx(pint, abs=1e-9)


@pytest.mark.parametrize(("text", "celsius"), [("38.5", "38.5"), ("101.3", "38.5"), ("45", "45"), ("86", "30")])
def test_a_bare_temperature_is_read_by_its_band(text, celsius):
    value = read_value({"valueQuantity": {"value": float(text)}}, vocabulary().analytes["temperature"])
    assert value.quantity.canonical().low == D(celsius)
    assert "assumed" in value.note


@pytest.mark.parametrize("bare", ["60", "20", "120"])
def test_a_bare_temperature_outside_both_bands_is_not_read(bare):
    value = read_value({"valueQuantity": {"value": float(bare)}}, vocabulary().analytes["temperature"])
    assert value.why == "unit not understood"


def test_hba1c_follows_the_master_equation():
    """NGSP = 0.09148 x IFCC + 2.152; the pairs both bodies print agree to a tenth of a percent point."""
    for ifcc, ngsp in ((31, 5.0), (42, 6.0), (48, 6.5), (53, 7.0), (64, 8.0), (75, 9.0), (108, 12.0)):
        found = canonical("a1c", f"{ifcc} mmol/mol").low
        assert found == D("0.09148") * ifcc + D("2.152")
        assert float(found) == pytest.approx(ngsp, abs=0.06)
        assert (float(found) * 10.93 - 23.5) == pytest.approx(ifcc, abs=0.1)
    assert canonical("a1c", "47 mmol/mol").low < D("6.5") < canonical("a1c", "48 mmol/mol").low


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("uacr", "1944.8 mg/g", "220"),
        ("uacr", "265.2 mg/g", "30"),
        ("gestational-age", "98 d", "14"),
        ("weight", "100 lb", "45.359237"),
        ("d-dimer", "0.5 mg/L FEU", "500"),
        ("d-dimer", "499 ng/mL", "499"),
        ("creatinine", "1 mg/dL", "88.4"),
        ("ck", "2 ukat/L", "120"),
        ("nt-probnp", "100 pmol/L", "845.7"),
        ("hb", "13.0 g/dL", "130"),
        ("crp", "0,5 mg/dL", "5"),
    ],
)
def test_a_limit_in_another_unit_is_met_exactly(name, text, value):
    assert canonical(name, text).low == D(value)


def test_seven_hours_in_minutes_are_not_below_seven_hours():
    assert canonical("sleep-hours", "420 min").below(D(7)) is False
    assert canonical("sleep-hours", "419 min").below(D(7)) is True


# ------------------------------------------------------------------------------------------ the specification's tables


def test_units_with_an_offset_are_the_two_proved_here():
    every = ((name, unit) for name, analyte in vocabulary().analytes.items() for unit in analyte.units.values())
    offset = {(name, unit.code) for name, unit in every if unit.offset}
    assert offset == {("temperature", "[degF]"), ("a1c", "mmol/mol")}


def test_every_spelling_of_the_specification_is_read_with_its_factor():
    table = rows_of("unit_aliases")
    assert len(table) > 220
    for row in table:
        name = OURS.get(row["analyte"], row["analyte"])
        unit = vocabulary().analytes[name].units.get(squeezed(row["alias_lowercase"]))
        assert unit is not None, (name, row["alias_lowercase"])
        if row["factor_to_canonical"] == "master equation":
            assert (unit.factor, unit.offset) == (D("0.09148"), D("2.152"))
        else:
            factor = float(row["factor_to_canonical"])
            assert float(unit.factor) == pytest.approx(factor, rel=5e-5), (name, row["alias_lowercase"])
            assert unit.offset == 0


def test_plausible_bounds_are_those_of_the_specification():
    for row in rows_of("unit_aliases"):
        if row["factor_to_canonical"] == "master equation":
            continue  # its bounds are printed in mmol/mol
        low, high = vocabulary().analytes[OURS.get(row["analyte"], row["analyte"])].plausible
        assert (low, high) == (D(row["plausible_low_canonical"]), D(row["plausible_high_canonical"])), row["analyte"]


@pytest.mark.parametrize(
    ("name", "bounds"), [("temperature", (30, 45)), ("weight", (25, 350)), ("abpi", ("0.05", "3.0"))]
)
def test_plausible_bounds_of_the_leg_rules(name, bounds):
    assert vocabulary().analytes[name].plausible == tuple(D(end) for end in bounds)


# rows of the table of factors that convert a unit to the canonical one, as our units say it
FACTORS = [
    ("haemoglobin", "g/dL", "g/L", "hb"),
    ("haemoglobin", "mmol/L", "g/L", "hb"),
    ("MCV", "um3", "fL", "mcv"),
    ("ferritin", "ng/mL", "ug/L", "ferritin"),
    ("ferritin", "pmol/L", "ug/L", "ferritin"),
    ("iron", "ug/dL", "umol/L", "iron"),
    ("TIBC", "ug/dL", "umol/L", "tibc"),
    ("vitamin B12 total", "pg/mL", "ng/L", "b12"),
    ("vitamin B12 total", "pmol/L", "ng/L", "b12"),
    ("MMA", "umol/L", "nmol/L", "mma"),
    ("folate (serum)", "ng/mL", "ug/L", "folate"),
    ("magnesium", "mg/dL", "mmol/L", "mg"),
    ("magnesium", "meq/L", "mmol/L", "mg"),
    ("potassium", "meq/L", "mmol/L", "k"),
    ("sodium", "meq/L", "mmol/L", "na"),
    ("calcium", "mg/dL", "mmol/L", "ca"),
    ("albumin", "g/dL", "g/L", "albumin"),
    ("25-OH vitamin D", "ng/mL", "nmol/L", "vitamin-d"),
    ("25-OH vitamin D", "ug/L", "nmol/L", "vitamin-d"),
    ("TSH", "u[IU]/mL", "m[IU]/L", "tsh"),
    ("free T4", "ng/dL", "pmol/L", "ft4"),
    ("HbA1c", "mmol/mol", "%", "a1c"),
    ("glucose", "mg/dL", "mmol/L", "fasting-glucose"),
    ("creatinine", "mg/dL", "umol/L", "creatinine"),
    ("urea nitrogen (BUN)", "mg/dL", "mmol/L urea", "bun"),
    ("eGFR", "mL/min", "mL/min/{1.73_m2}", "egfr"),
    ("CK", "ukat/L", "U/L", "ck"),
    ("CK", "[IU]/L", "U/L", "ck"),
    ("CRP", "mg/dL", "mg/L", "crp"),
    ("CRP", "nmol/L", "mg/L", "crp"),
    ("sleep duration", "min", "h", "sleep-hours"),
    ("gestational age", "d", "wk", "gestational-age"),
]


@pytest.mark.parametrize(("title", "given", "wanted", "name"), FACTORS)
def test_factors_are_those_of_the_specification(title, given, wanted, name):
    table = {(row["analyte"], row["from_unit"], row["to_unit"]): row for row in rows_of("units")}
    row = table[title, given, wanted]
    unit = vocabulary().analytes[name].units[squeezed(given)]
    assert float(unit.factor) == pytest.approx(float(row["factor"]), rel=5e-4)
    assert float(unit.offset) == pytest.approx(float(row["offset"]))


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("k", "mg/dL"),
        ("ca", "meq/L"),
        ("tsat", "1"),
        ("d-dimer", "nmol/L"),
        ("spo2", "1"),
        ("egfr", "mL/h"),
        ("hb", "%"),
    ],
)
def test_units_the_specification_refuses_are_not_read(name, unit):
    value = read_value({"valueQuantity": {"value": 1, "unit": unit}}, vocabulary().analytes[name])
    assert value.why == "unit not understood"


def test_only_the_two_survey_items_take_a_bare_number():
    analytes = vocabulary().analytes
    assert {name for name, analyte in analytes.items() if analyte.bare} == {"activity-days", "activity-minutes"}
    assert [name for name, analyte in analytes.items() if analyte.unitless] == ["temperature"]
    assert read_value({"valueQuantity": {"value": 0.55}}, vocabulary().analytes["abpi"]).why == "unit not understood"


# ----------------------------------------------------------------------------------------------------------- spellings


def test_no_spelling_means_two_units():
    """The loader keeps the first; a second would be swallowed in silence."""
    for _, name, body in files("analytes"):
        seen = {}
        for code, unit in body["units"].items():
            for spelling in (code, *(unit.get("also") or ())):
                other = seen.setdefault(squeezed(str(spelling)), code)
                assert other == code, (name, spelling)


def test_both_signs_for_micro_and_the_letters_mc_are_read_alike():
    for name, analyte in vocabulary().analytes.items():
        for spelling, unit in analyte.units.items():
            if spelling.startswith(("\u00b5", "\u03bc")):
                for sign in ("\u00b5", "\u03bc"):
                    assert analyte.units.get(sign + spelling[1:]) == unit, (name, spelling)


@pytest.mark.parametrize(
    ("spelling", "family", "factor"),
    [
        ("mg/L FEU", "feu", 1000),
        ("ug/mL{FEU}", "feu", 1000),
        ("ng/mL (FEU)", "feu", 1),
        ("ug FEU/L", "feu", 1),
        ("ng{FEU}/mL", "feu", 1),
        ("ng/mL DDU", "ddu", 1),
        ("mg/L{DDU}", "ddu", 1000),
        ("\u00b5g/mL DDU", "ddu", 1000),
        ("mcg/L", None, 1),
        ("ug/mL", None, 1000),
    ],
)
def test_d_dimer_units_say_mass_and_family(spelling, family, factor):
    analyte = vocabulary().analytes["d-dimer"]
    assert analyte.units[squeezed(spelling)].factor == factor
    said = {label for label, words in analyte.family.items() if any(word in squeezed(spelling) for word in words)}
    assert said == ({family} if family else set())


def test_d_dimer_codes_say_their_family():
    assert dict(vocabulary().analytes["d-dimer"].code_family) == {
        "48065-7": "feu",
        "48067-3": "feu",
        "48066-5": "ddu",
        "48058-2": "ddu",
    }
