"""The schemas editors read: whatever the content says is valid by them, what is misspelt is not, and no key drifts."""

import json
import re
import shutil
from decimal import Decimal

import pytest
from content import CONTENT, HOOKS
from jsonschema import Draft7Validator

from cds_service.cli import main
from cds_service.knowledge.cases import CASE_KEYS, FILE_KEYS
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.facts import KINDS, OPTION_WORDS, SWITCHES
from cds_service.knowledge.orders import ORDER_KEYS
from cds_service.knowledge.reader import read
from cds_service.knowledge.rules import OUTCOME_KEYS, RULE_KEYS
from cds_service.knowledge.scope import PARAMETER_KEYS
from cds_service.knowledge.services import SERVICE_KEYS
from cds_service.knowledge.site import SETTING_KEYS, SITE_KEYS
from cds_service.knowledge.vocabulary import ANALYTE_KEYS, CODE_KEYS
from cds_service.publish.jsonschema import FOLDER, schemas, stale_schemas, write_schemas

CATALOGUE = load(CONTENT)
SCHEMAS = schemas(CATALOGUE)
VALIDATORS = {name.removesuffix(".json"): Draft7Validator(schema) for name, schema in SCHEMAS.items()}
FOLDERS = {"definitions": "definitions", "services": "service", "codes": "codes", "analytes": "analytes"}
FOLDERS |= {"orders": "orders"}
SINGLE = ("references", "conventions", "article")


def plain(value):
    """As an editor's own YAML reader gives it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def wrong(kind, table):
    return [f"{error.json_path}: {error.message[:200]}" for error in VALIDATORS[kind].iter_errors(plain(table))]


def of(kind, path, old="", new=""):
    """What is wrong with a content file after one change to its text."""
    written = (HOOKS / path).read_text(encoding="utf-8")
    assert old in written
    return wrong(kind, read(written.replace(old, new, 1), path))


def content_files():
    """(kind, path) of every content file there is a schema for."""
    found = [(kind, f"{folder}/{file.name}") for folder, kind in FOLDERS.items() for file in (HOOKS / folder).iterdir()]
    found += [(name, f"{name}.yaml") for name in SINGLE]
    for file in HOOKS.glob("rules/*/*.yaml"):
        found.append(("rule" if file.name == "rule.yaml" else "cases", str(file.relative_to(HOOKS))))
    return sorted(found)


def test_the_schemas_are_schemas():
    for schema in SCHEMAS.values():
        Draft7Validator.check_schema(schema)


def test_every_content_file_is_valid():
    found = {path: mistakes for kind, path in content_files() if (mistakes := of(kind, path))}
    assert found == {}


def test_there_are_content_files_of_every_kind():
    assert {kind for kind, _ in content_files()} == set(VALIDATORS) - {"site"}


PLANTED = [
    # a name where it is looked up, of each type
    ("rule", "rules/fe-02/rule.yaml", "- symptoms\n", "- symptons\n"),
    ("rule", "rules/fe-02/rule.yaml", "{unless: anaemic}", "{unless: anemic}"),
    ("rule", "rules/fe-02/rule.yaml", "{value: ferritin, below", "{value: feritin, below"),
    ("rule", "rules/fe-02/rule.yaml", "below: fer-floor", "below: fer-flor"),
    ("rule", "rules/dvt-02/rule.yaml", "clear,", "cleer,"),
    ("definitions", "definitions/dvt.yaml", "within: suspected-window", "within: suspect-window"),
    ("definitions", "definitions/dvt.yaml", "choice: track", "choice: trakc"),
    ("definitions", "definitions/dvt.yaml", "same_as: leg-side", "same_as: leg-sid"),
    ("definitions", "definitions/dvt.yaml", "left: calf-left", "left: calf-leftt"),
    ("definitions", "definitions/dvt.yaml", "start_of: [swelling", "start_of: [sweling"),
    # a truth where a quantity is wanted, a quantity where a truth is
    ("rule", "rules/fe-02/rule.yaml", "{value: ferritin, below", "{value: anaemic, below"),
    ("rule", "rules/fe-02/rule.yaml", "- symptoms\n", "- ferritin\n"),
    # keys
    ("rule", "rules/fe-02/rule.yaml", "title:", "titel:"),
    ("rule", "rules/fe-02/rule.yaml", "    summary:", "    sumary:"),
    ("rule", "rules/fe-02/rule.yaml", "{unless: anaemic}", "{unles: anaemic}"),
    ("definitions", "definitions/dvt.yaml", "certainty: suspected", "certinty: suspected"),
    ("definitions", "definitions/dvt.yaml", "{condition: VS-DVT-LEG", "{conditon: VS-DVT-LEG"),
    ("definitions", "definitions/dvt.yaml", "at_least: calf-limit}}", "atleast: calf-limit}}"),
    ("definitions", "definitions/dvt.yaml", "range: [7, 90], ", ""),
    # words that are one of a few
    ("rule", "rules/fe-02/rule.yaml", "status: draft", "status: drafd"),
    ("rule", "rules/fe-02/rule.yaml", "kind: finding", "kind: findings"),
    ("rule", "rules/fe-02/rule.yaml", "pack: deficiency", "pack: deficency"),
    ("rule", "rules/fe-02/rule.yaml", "indicator: info", "indicator: infos"),
    ("definitions", "definitions/dvt.yaml", "certainty: suspected", "certainty: suspect"),
    ("definitions", "definitions/dvt.yaml", "status: ever", "status: evr"),
    ("definitions", "definitions/dvt.yaml", "within: suspected-window", "within: 30 dayz"),
    ("definitions", "definitions/dvt.yaml", "calculation: calf-difference", "calculation: calf-diference"),
    # what stands elsewhere: sources, rules, orders, sets, questions, reasons, attributes
    ("rule", "rules/fe-02/rule.yaml", "hf-trials", "hf-trails"),
    ("rule", "rules/fe-02/rule.yaml", "override: [treated", "override: [treatd"),
    ("rule", "rules/fe-02/rule.yaml", "attributes: {sex:", "attributes: {sexx:"),
    ("rule", "rules/fe-02/rule.yaml", "evidence: [symptoms", "evidence: [symptons"),
    ("rule", "rules/dvt-02/rule.yaml", "hides: [dvt-01", "hides: [dvt-1"),
    ("rule", "rules/dvt-02/rule.yaml", "orders: [leg-vein-ultrasound", "orders: [leg-vein-ultrasond"),
    ("rule", "rules/dvt-09/rule.yaml", "for: [side", "for: [sidee"),
    ("rule", "rules/wk-01/rule.yaml", "b12-03.in-chart", "b12-03.in-chat"),
    ("definitions", "definitions/dvt.yaml", "condition: VS-DVT-LEG", "condition: VS-DVT-LEGS"),
    ("definitions", "definitions/dvt.yaml", "answer: wells.cancer", "answer: wells.cancr"),
    ("definitions", "definitions/dvt.yaml", "source: ng158", "source: ng185"),
    ("cases", "rules/fe-02/cases.yaml", "sore-heavy:", "sore-hevy:"),
    ("cases", "rules/fe-02/cases.yaml", "expect: low", "expect: lo"),
    ("cases", "rules/fe-02/cases.yaml", "[MedicationRequest]", "[MedicationRequests]"),
    ("cases", "rules/fe-02/cases.yaml", "given: {like: base}", "givn: {like: base}"),
    ("service", "services/leg-symptoms-order-sign.yaml", "- med-05", "- med-50"),
    ("service", "services/leg-symptoms-order-sign.yaml", "hook: order-sign", "hok: order-sign"),
    ("codes", "codes/clots.yaml", "system: snomed", "system: snowmed"),
    ("codes", "codes/clots.yaml", ", seen_in: CMS 2.16.840.1.113883.3.117.1.7.1.279}", "}"),
    ("codes", "codes/clots.yaml", "side: left", "side: lft"),
    ("analytes", "analytes/blood.yaml", "plausible:", "plausibel:"),
    ("analytes", "analytes/blood.yaml", "sets: [panel-cbc]", "sets: [panel-cbcc]"),
    ("orders", "orders/orders.yaml", "side: leg-side", "side: leg-sied"),
    ("orders", "orders/orders.yaml", "priority: urgent", "priority: urgnt"),
    ("references", "references.yaml", "tag: V2", "tag: W"),
    ("conventions", "conventions.yaml", "hospice: in-hospice-year", "hospice: in-hospice-yaer"),
    ("conventions", "conventions.yaml", "preliminary: counts", "preliminary: count"),
    ("article", "article.yaml", "hyd-01,", "hyd-1,"),
]


@pytest.mark.parametrize(("kind", "path", "old", "new"), PLANTED, ids=[f"{row[1]} {row[3].strip()}" for row in PLANTED])
def test_what_is_misspelt_is_marked(kind, path, old, new):
    assert of(kind, path) == []
    assert of(kind, path, old, new) != []


# ------------------------------------------------------------------------------------------------ no key drifts


def keys(kind, *path):
    schema = SCHEMAS[f"{kind}.json"]
    for step in path:
        schema = schema[step]
    return set(schema["properties"])


def test_every_key_a_reader_allows_is_offered_and_no_other():
    assert keys("rule") == set(RULE_KEYS)
    assert keys("rule", "properties", "outcomes", "additionalProperties") == set(OUTCOME_KEYS)
    assert keys("cases", "properties", "cases", "items") == set(CASE_KEYS)
    assert keys("cases") == set(FILE_KEYS)
    assert keys("service") == set(SERVICE_KEYS)
    assert keys("orders", "additionalProperties") == set(ORDER_KEYS)
    assert keys("analytes", "additionalProperties") == set(ANALYTE_KEYS)
    assert keys("codes", "additionalProperties", "properties", "codes", "items") == set(CODE_KEYS)
    assert keys("site") == set(SITE_KEYS)
    assert keys("site", "properties", "settings") == set(SETTING_KEYS)
    parameter = SCHEMAS["rule.json"]["properties"]["parameters"]["additionalProperties"]["anyOf"]
    assert {key for form in parameter for key in form["properties"]} == set(PARAMETER_KEYS)


def test_every_kind_of_fact_is_offered_with_its_options():
    offered = {}
    for kind in ("truth", "quantity", "choice"):
        for form in SCHEMAS["rule.json"]["definitions"][f"{kind}-fact"]["anyOf"]:
            offered.setdefault(form["required"][0], set()).update(form["properties"])
    window = {"within", "between", "since", "side"}
    wanted = {
        kind: {kind, *window, *(option for group in reading.values() for option in group)}
        for kind, reading in KINDS.items()
    }
    assert offered == wanted


def test_an_option_of_a_few_words_belongs_to_a_kind():
    options = {option for reading in KINDS.values() for group in reading.values() for option in group}
    assert {*OPTION_WORDS, *SWITCHES} <= options


def test_every_reference_to_a_part_is_met():
    for name, schema in SCHEMAS.items():
        named = set(re.findall(r'"#/definitions/([^"]+)"', json.dumps(schema)))
        assert named == set(schema["definitions"]), name


# ------------------------------------------------------------------------------------------------ a site's file

SITE = """
site: Example Hospital
parameters:
  blood:
    fer-anaemic: {value: 40, unit: ug/L, because: our assay reads lower, by: Head of Laboratory, on: 2026-01-01}
rules: {life-01: off, pers-01: silent}
caps: {pad-01: info}
settings: {altitude: 1600, not_kept: [MedicationDispense], remember: false, signed_rules_only: false}
orders: {"2276-4": {system: "urn:oid:2.999.1", code: FER, display: Ferritin}}
units: {ferritin: {"NG PER ML": ng/mL}}
codes: {ferritin: [{system: "urn:oid:2.999.2", code: FERR, display: Ferritin}]}
"""


def test_a_site_file_is_valid():
    assert wrong("site", read(SITE, "site.yaml")) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value: 40", "value: 51"),
        ("value: 40", "value: 29"),
        ("unit: ug/L", "unit: mg/L"),
        ("fer-anaemic", "fer-anemic"),
        ("blood:", "blod:"),
        (", by: Head of Laboratory", ""),
        ("life-01: off", "life-01: of"),
        ("pers-01", "pers-1"),
        ("pad-01: info", "pad-01: low"),
        ("altitude", "altitud"),
        ("MedicationDispense", "MedicationDispence"),
        ('"NG PER ML"', "NG: {a"),
        ("units: {ferritin", "units: {feritin"),
        (", code: FERR", ""),
    ],
)
def test_what_a_site_may_not_set_is_marked(old, new):
    assert old in SITE
    text = SITE.replace(old, new, 1).replace("NG: {a: ng/mL}}", "NG: {a: ng/mL}}}")
    assert wrong("site", read(text, "site.yaml")) != []


# ------------------------------------------------------------------------------------------------ files


def test_the_committed_schemas_are_as_the_content_says():
    assert stale_schemas(CATALOGUE, HOOKS / FOLDER) == []


def test_writing_touches_only_what_differs(tmp_path):
    first = write_schemas(CATALOGUE, tmp_path / FOLDER)
    assert {file.name for file in first} == set(SCHEMAS)
    assert write_schemas(CATALOGUE, tmp_path / FOLDER) == []
    (tmp_path / FOLDER / "gone.json").write_text("{}")
    (tmp_path / FOLDER / "rule.json").write_text("{}")
    assert stale_schemas(CATALOGUE, tmp_path / FOLDER) == ["gone.json", "rule.json"]
    assert {file.name for file in write_schemas(CATALOGUE, tmp_path / FOLDER)} == {"gone.json", "rule.json"}
    assert not (tmp_path / FOLDER / "gone.json").exists()
    assert json.loads((tmp_path / FOLDER / "rule.json").read_text()) == SCHEMAS["rule.json"]


@pytest.mark.parametrize("pack", ["deficiency", "vascular"])
def test_a_new_rule_names_schemas_by_which_it_is_valid(tmp_path, pack, capsys):
    hooks = tmp_path / "hooks"
    shutil.copytree(HOOKS, hooks, ignore=shutil.ignore_patterns("handbook", FOLDER))
    assert main(["new", "rule", "fe-99", "--pack", pack, "--content", str(hooks)]) == 0
    for kind in ("rule", "cases"):
        file = hooks / "rules" / "fe-99" / f"{kind}.yaml"
        written = file.read_text(encoding="utf-8")
        named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", written)[1]
        schema = json.loads((file.parent / named).read_text(encoding="utf-8"))
        assert list(Draft7Validator(schema).iter_errors(plain(read(written, str(file))))) == []
