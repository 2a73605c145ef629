"""The worked cases of the clinical specification, and the requests a client would make of them."""

import json
from pathlib import Path

DATA = Path(__file__).parent.parent / "data" / "clinical"
PACKS = ("deficiency", "vascular")


def worked_cases(pack):
    return json.loads((DATA / f"{pack}.json").read_text(encoding="utf-8"))


def service_of(services, case):
    return next(item for item in services if item["hook"] == case["hook"])


def prefetch_for(service, case):
    """Each template answered as a FHIR server would: type, patient, code and status; other parameters ignored."""
    patient_id = case["context"]["patientId"]
    found = {}
    for key, template in service.get("prefetch", {}).items():
        kind, _, query = template.replace("{{context.patientId}}", patient_id).partition("?")
        if kind.startswith("Patient/"):
            found[key] = next(
                (item for item in case["resources"] if item["resourceType"] == "Patient" and item["id"] == patient_id),
                None,
            )
            continue
        if kind in case["unavailable"]:
            found[key] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
            continue
        wanted = dict(part.split("=", 1) for part in query.split("&"))
        statuses = wanted["status"].split(",") if "status" in wanted else None
        entry = [
            {"resource": item}
            for item in case["resources"]
            if item["resourceType"] == kind and (statuses is None or item.get("status") in statuses)
        ]
        found[key] = {"resourceType": "Bundle", "type": "searchset", "total": len(entry), "entry": entry}
    return found


def hook_request(service, case, prefetch=True):
    request = {
        "hook": case["hook"],
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": dict(case["context"]),
    }
    if prefetch:
        request["prefetch"] = prefetch_for(service, case)
    return request


def site_text(case):
    """The site file a case needs, as YAML text; "" when it needs none."""
    config = case.get("config") or {}
    return (
        f"site: worked case\nsettings: {{altitude: {config['siteAltitudeM']}}}\n" if "siteAltitudeM" in config else ""
    )


def differences(case, reply, own_codes):
    """What the reply says otherwise than the case expects; only that half's rules are compared."""
    entries = reply.get("extension", {}).get("org.cds-service.verdicts", [])
    expect = case["expect"]
    counted = {"fired", "held"} if case["pack"] == "deficiency" else {"fired"}
    fired = sorted({item["code"] for item in entries if item["outcome"] in counted and item["code"] in own_codes})
    found = []
    if fired != sorted(expect.get("fired", [])):
        found.append(f"fired {fired}, expected {sorted(expect.get('fired', []))}")
    asked = sorted({item["code"] for item in entries if item["outcome"] == "asked" and item["code"] in own_codes})
    if "asked" in expect and asked != sorted(expect["asked"]):
        found.append(f"asked {asked}, expected {sorted(expect['asked'])}")
    if "orders" in expect and (orders := suggested(reply, own_codes)) != sorted(expect["orders"]):
        found.append(f"orders {orders}, expected {sorted(expect['orders'])}")
    shown = {card["source"]["topic"]["code"]: card["indicator"] for card in reply["cards"]}
    for code, indicator in expect.get("indicator", {}).items():
        if shown.get(code) != indicator:
            found.append(f"{code} is {shown.get(code)}, expected {indicator}")
    return found


def suggested(reply, own_codes):
    """Every LOINC code suggested on cards of these rules."""
    codes = set()
    for card in reply["cards"]:
        if card["source"]["topic"]["code"] not in own_codes:
            continue
        for suggestion in card.get("suggestions", []):
            for action in suggestion["actions"]:
                codes |= {
                    coding["code"]
                    for coding in action["resource"]["code"].get("coding", [])
                    if coding["system"] == "http://loinc.org"
                }
    return sorted(codes)
