"""Codes are typed by hand and copied between tables: check digits, sides, words and what must never stand here."""

import re
from collections import Counter

import pytest
from content import HOOKS, ROOT, coded, files, orders, rows_of, systems, vocabulary

CPT_SYSTEM = "ama-assn" + ".org"
ICD_10_CM = re.compile(r"[A-Z](\d[0-9A-Z](\.[0-9A-Z]{1,4})?)?\Z")
SHAPES = {
    "icd-10-cm": ICD_10_CM,
    "snomed": re.compile(r"[1-9]\d{5,17}\Z"),
    "rxnorm": re.compile(r"[1-9]\d{1,7}\Z"),
    "loinc": re.compile(r"(LA)?[1-9]\d{0,6}-\d\Z"),
    "discharge-disposition": re.compile(r"[a-z-]+\Z"),
}
D5 = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def verhoeff(digits):
    """True when the last digit is the Verhoeff check of the others."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = TURN[value]
        check = D5[check][value]
    return check == 0


def mod_10(code):
    """True when the digit after the dash is the mod-10 check of what is before it; a letter counts as ASCII less 48."""
    body, check = code.split("-")
    total = 0
    for place, sign in enumerate(reversed(body)):
        value = ord(sign) - ord("0")
        total += sum(int(digit) for digit in str(2 * value)) if place % 2 == 0 else value
    return (-total) % 10 == int(check)


def codes_in(system):
    return sorted({row["code"] for _, where, row in coded() if where == system})


def test_the_checks_refuse_a_wrong_digit():
    assert verhoeff("161873000") and not verhoeff("161873001") and not verhoeff("168173000")
    assert mod_10("2276-4") and not mod_10("2276-5") and not mod_10("2267-4")
    assert mod_10("LA33-6") and not mod_10("LA33-1")


def test_every_snomed_identifier_passes_its_verhoeff_check():
    found = codes_in("snomed")
    assert len(found) > 350
    assert [code for code in found if not verhoeff(code)] == []


def test_every_loinc_code_passes_its_mod_10_check():
    found = codes_in("loinc")
    assert len(found) > 140
    assert [code for code in found if not mod_10(code)] == []


def test_every_code_has_the_shape_of_its_system():
    assert [(where, row["code"]) for where, system, row in coded() if not SHAPES[system].match(row["code"])] == []


def test_no_procedure_code_of_the_american_medical_association_stands_anywhere():
    assert {system for _, system, _ in coded()} == set(SHAPES)
    assert not [uri for uri in systems().values() if CPT_SYSTEM in uri]
    places = (file for folder in ("hooks", "fixtures", "cds_service") for file in (ROOT / folder).rglob("*"))
    text = [file for file in places if file.is_file() and file.suffix in {".yaml", ".json", ".py", ".md", ".ndjson"}]
    assert len(text) > 100
    assert [str(file) for file in text if CPT_SYSTEM in file.read_text(encoding="utf-8")] == []


def test_names_stand_once():
    names = [name for folder in ("codes", "analytes") for _, name, _ in files(folder)]
    assert [name for name, times in Counter(names).items() if times > 1] == []


def test_a_code_stands_once_in_its_set():
    times = Counter((where, system, row["code"]) for where, system, row in coded() if where not in orders())
    assert [entry for entry, count in times.items() if count > 1] == []


def test_no_two_analytes_share_a_code():
    owners = {}
    for _, name, body in files("analytes"):
        for row in body["codes"]:
            owners.setdefault(row["code"], set()).add(name)
    assert {code: names for code, names in owners.items() if len(names) > 1} == {}


def test_every_code_of_a_set_says_what_it_is_and_where_it_was_seen():
    for folder in ("codes", "analytes"):
        for _, name, body in files(folder):
            bare = [row["code"] for row in body.get("codes") or () if not row.get("display") or not row.get("seen_in")]
            assert bare == [], name


def test_every_icd_10_cm_code_matches_by_prefix():
    assert [row["code"] for _, system, row in coded() if system == "icd-10-cm" and row.get("match") != "prefix"] == []


# --------------------------------------------------------------------------------------------------------------- sides


@pytest.mark.parametrize(
    ("system", "code", "side"),
    [
        ("snomed", "15929941000119103", "right"),
        ("snomed", "15930061000119106", "left"),
        ("snomed", "15929861000119106", "both"),
        ("snomed", "10601006", ""),
        ("snomed", "32153003", "left"),
        ("icd-10-cm", "R22.41", "right"),
        ("icd-10-cm", "R22.42", "left"),
        ("icd-10-cm", "R2243", "both"),
        ("icd-10-cm", "R22.40", ""),
        ("icd-10-cm", "M79.604", "right"),
        ("icd-10-cm", "M79.605", "left"),
        ("icd-10-cm", "M79.606", ""),
        ("icd-10-cm", "M79.661", "right"),
        ("icd-10-cm", "M79.662", "left"),
        ("icd-10-cm", "M79.651", "right"),
        ("icd-10-cm", "L03.115", "right"),
        ("icd-10-cm", "L03.116", "left"),
        ("icd-10-cm", "L03.119", ""),
        ("icd-10-cm", "I82.411", "right"),
        ("icd-10-cm", "I82.4Y2", "left"),
        ("icd-10-cm", "I82.403", "both"),
        ("icd-10-cm", "I82.409", ""),
        ("icd-10-cm", "I82.41", ""),
        ("icd-10-cm", "I80.12", "left"),
        ("icd-10-cm", "I80.201", "right"),
        ("icd-10-cm", "I70.213", "both"),
        ("icd-10-cm", "I70.238", "right"),
        ("icd-10-cm", "I70.24", "left"),
        ("icd-10-cm", "I83.001", ""),
        ("icd-10-cm", "I83.019", "right"),
        ("icd-10-cm", "I83.12", "left"),
        ("icd-10-cm", "R60.1", "both"),
        ("loinc", "39432-0", "left"),
        ("loinc", "39443-7", "right"),
        ("loinc", "39420-5", "both"),
        ("loinc", "30881-7", ""),
    ],
)
def test_a_code_says_its_side(system, code, side):
    assert vocabulary().side(system, code) == side


def spoken(display):
    words = set(re.findall(r"[a-z]+", display.lower()))
    if "bilateral" in words:
        return "both"
    return "".join(words & {"left", "right"})


def test_the_side_of_a_code_is_what_its_display_says():
    wrong = [
        (row["code"], row["display"], row.get("side"))
        for _, system, row in coded()
        if (said := spoken(row["display"])) and system != "icd-10-cm" and said != vocabulary().side(system, row["code"])
    ]
    assert wrong == []
    stated = [row for _, system, row in coded() if system == "icd-10-cm" and row.get("side")]
    assert stated and [row["code"] for row in stated if spoken(row["display"]) not in ("", row["side"])] == []


def test_a_code_names_one_side_wherever_it_stands():
    sides = {}
    for name, system, row in coded():
        if name not in orders():
            sides.setdefault((system, row["code"]), set()).add(row.get("side", ""))
    assert {code: found for code, found in sides.items() if len(found) > 1} == {}


# ---------------------------------------------------------------------------------------------------------- membership


@pytest.mark.parametrize(
    ("system", "code", "inside", "outside"),
    [
        ("icd-10-cm", "M79.601", (), ("VS-LEG-PAIN", "leg-pain-heavy")),
        ("icd-10-cm", "M79.662", ("VS-LEG-PAIN", "VS-LEG-PAIN-CALF", "leg-pain-heavy"), ()),
        ("icd-10-cm", "M79.652", ("VS-LEG-PAIN",), ("VS-LEG-PAIN-CALF",)),
        ("icd-10-cm", "C50.911", ("VS-CANCER",), ("VS-CANCER-EXCLUDE", "VS-CANCER-METASTATIC")),
        ("icd-10-cm", "C44.91", ("VS-CANCER", "VS-CANCER-EXCLUDE"), ()),
        ("icd-10-cm", "D05.1", (), ("VS-CANCER",)),
        ("icd-10-cm", "I82.511", ("VS-DVT-CHRONIC",), ("VS-DVT-LEG",)),
        ("icd-10-cm", "I80.01", ("VS-SVT",), ("VS-DVT-LEG",)),
        ("icd-10-cm", "I80.3", (), ("VS-SVT", "VS-DVT-LEG")),
        ("snomed", "271808008", ("VS-OEDEMA-NONSPECIFIC", "VS-OEDEMA-GENERALISED"), ("VS-LEG-SWELLING",)),
        ("snomed", "260385009", ("answer-no", "VS-US-RESULT-NEGATIVE"), ("answer-yes",)),
        ("discharge-disposition", "hosp", ("hospice-disposition",), ()),
        ("loinc", "82810-3", ("obs-pregnancy-status",), ("VS-PREGNANCY",)),
        ("loinc", "48066-5", ("d-dimer",), ()),
    ],
)
def test_a_code_belongs_where_the_specification_puts_it(system, code, inside, outside):
    names = set(vocabulary().names(system, code))
    assert set(inside) <= names
    assert not names & set(outside)


def test_what_the_changelog_leaves_out_is_left_out():
    text = (HOOKS / "CHANGELOG.md").read_text(encoding="utf-8")
    section = text.split("## Left out of the value sets")[1].split("\n## ")[0]
    left_out = {
        (name, code)
        for line in section.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([^`]+)`", line.split("|")[1])
        for code in re.findall(r"\d[\d-]+", line.split("|")[2])
    }
    assert {("rx-iron-iv", "1433693"), ("rx-folic", "4511"), ("VS-NEWS2", "88330-6")} <= left_out
    assert left_out & {(name, row["code"]) for name, _, row in coded()} == set()


# --------------------------------------------------------------------------------------------------------------- words


def sets_named_in(text):
    return {match.name for match in vocabulary().medicine_texts if match.found_in(text)}


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("Esomeprazole magnesium 20 mg", "rx-ppi", "rx-mg"),
        ("Losartan potassium 50 mg", None, "rx-kcl"),
        ("Norethindrone / ethinyl estradiol / ferrous fumarate", "VS-OESTROGEN", "rx-iron-oral"),
        ("Multivitamin with vitamin B12", None, "rx-b12"),
        ("Multivitamin with folic acid", None, "rx-folic"),
        ("Nystatin 100000 units/mL", None, "rx-statin"),
        ("Nystatin 100000 units/mL", None, "VS-STATIN"),
        ("iron sucrose 20 mg/mL injection", "rx-iron-iv", "rx-iron-oral"),
        ("ferric carboxymaltose", "rx-iron-iv", "rx-iron-oral"),
        ("hydroxocobalamin 1 mg/mL", "rx-b12", "rx-b12-other"),
        ("Magnesium sulfate 50 %", None, "rx-mg"),
        ("Folic acid 5 mg tablet", "rx-folic", "rx-b12"),
        ("Simvastatin 20 mg", "VS-STATIN", "VS-CYP3A4-INHIB"),
        ("Simvastatin 20 mg", "rx-statin", "rx-loop"),
        ("Ciclosporin 100 mg", "VS-CYP3A4-INHIB", "VS-STATIN"),
        ("Enoxaparin 40 mg/0.4 mL", "VS-ANTICOAG-PARENTERAL", "VS-ANTICOAG-ORAL"),
        ("Heparin lock flush 10 units/mL", None, "VS-ANTICOAG-PARENTERAL"),
        ("Rivaroxaban 20 mg", "VS-ANTICOAG-ORAL", "VS-ANTICOAG-PARENTERAL"),
    ],
)
def test_medicines_are_found_by_name(name, inside, outside):
    found = sets_named_in(name)
    assert outside not in found
    assert inside is None or inside in found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("left leg swelling", "VS-LEG-SWELLING"),
        ("Swollen right calf", "VS-LEG-SWELLING"),
        ("ankle oedema", "VS-LEG-SWELLING"),
        ("sore leg", "VS-LEG-PAIN"),
        ("Pain in lower limb", "VS-LEG-PAIN"),
        ("calf tenderness", "VS-LEG-PAIN"),
        ("heavy legs", "VS-LEG-HEAVY"),
        ("legs feel heavy", "VS-LEG-HEAVY"),
        ("leg swelling, no redness", "VS-LEG-SWELLING"),
        ("3 day history of swollen calf", "VS-LEG-SWELLING"),
        ("68 year old woman. Denies chest pain. Painful left leg", "VS-LEG-PAIN"),
        ("swollen leg for the past week", "VS-LEG-SWELLING"),
        ("arm pain; leg fine", None),
        ("no leg swelling", None),
        ("no redness or leg swelling", None),
        ("denies leg pain", None),
        ("mother had leg swelling", None),
        ("family history of swollen legs", None),
        ("history of heavy legs", None),
        ("leg swelling resolved", None),
        ("legs not swollen", None),
        ("arm swelling", None),
        ("rule out leg pain", None),
        ("previous calf pain", None),
    ],
)
def test_words_about_the_leg_ask_and_never_answer(text, found):
    asking = {match.name for match in vocabulary().condition_texts if match.asks}
    assert asking == {"VS-LEG-SWELLING", "VS-LEG-PAIN", "VS-LEG-HEAVY"}
    saying = {match.name for match in vocabulary().condition_texts if match.asks and match.found_in(text)}
    assert saying == ({found} if found else set())


def test_the_words_are_those_of_the_specification():
    table = [row for row in rows_of("text_matches") if row["kind"] != "order"]
    assert len(table) > 30
    for row in table:
        text = vocabulary().sets[row["name"]].text
        assert text is not None, row["name"]
        assert text.match.pattern == row["include_regex"]
        assert (text.exclude.pattern if text.exclude else "") == row["exclude_regex"]
        assert text.uncoded is (row["kind"] == "condition")
        assert not text.asks


# what the table calls an order, as we name the analytes it means
ORDERED = {
    "hb": ("hb", "mcv"),
    "ferritin": ("ferritin",),
    "tsat": ("tsat", "iron", "tibc"),
    "b12": ("b12",),
    "mma": ("mma",),
    "hcy": ("hcy",),
    "folate": ("folate",),
    "mg": ("mg",),
    "bmp": ("k", "na", "ca", "creatinine", "bun", "egfr"),
    "tsh": ("tsh",),
    "ft4": ("ft4",),
    "a1c": ("a1c",),
    "ck": ("ck",),
    "25ohd": ("vitamin-d",),
    "crp": ("crp",),
    "ttg": ("ttg",),
    "iga": ("iga",),
    "ifab": ("ifab",),
    "pth": ("pth",),
    "uacr": ("uacr",),
}


def test_orders_without_a_code_are_found_by_the_words_of_the_specification():
    table = {row["name"]: row["include_regex"] for row in rows_of("text_matches") if row["kind"] == "order"}
    assert set(table) == set(ORDERED)
    for name, analytes in ORDERED.items():
        for analyte in analytes:
            found = vocabulary().analytes[analyte].ordered_text
            assert found is not None and found.pattern == table[name], analyte


def test_what_an_analyte_is_ordered_as_exists():
    known = {*vocabulary().sets, *vocabulary().analytes}
    named = {(name, other) for name, analyte in vocabulary().analytes.items() for other in analyte.ordered_sets}
    assert named and {other for _, other in named} <= known
