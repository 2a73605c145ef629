"""The 130 worked cases of the clinical specification, each through a real server: prefetched, and fetched from a FHIR server."""

import httpx
import pytest

from cds_service.knowledge.catalogue import load
from tests.support.servers import ChartServer, serving, wsgi
from tests.support.worked_cases import PACKS, differences, hook_request, service_of, site_text, worked_cases

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("worked-cases")]

CASES = [(pack, case) for pack in PACKS for case in worked_cases(pack)]
OWN = {pack: {rule.code for rule in load().rules.values() if rule.pack == pack} for pack in PACKS}
BY_NAME = {case["id"]: case for _, case in CASES}


def test_there_are_130_and_every_rule_they_expect_exists():
    assert len(BY_NAME) == len(CASES) == 130
    known = OWN["deficiency"] | OWN["vascular"]
    assert all(set(case["expect"].get("fired", [])) <= known for case in BY_NAME.values())


@pytest.fixture(scope="module")
def charts():
    with wsgi(ChartServer(BY_NAME)) as base:
        yield base


@pytest.fixture(scope="module")
def server(tmp_path_factory, charts):
    """A server per clock and site file, started when first needed."""
    running, opened = {}, []

    def get(case):
        key = (case["now"], site_text(case))
        if key not in running:
            folder = tmp_path_factory.mktemp("served")
            settings = {"fhir_servers": ",".join(f"{charts}/{name}" for name in BY_NAME), "fetch_deadline": "20 s"}
            if key[1]:
                (folder / "site.yaml").write_text(key[1])
                settings["site"] = str(folder / "site.yaml")
            opened.append(serving(folder, "--now", case["now"], "--workers", "1", **settings))
            served = opened[-1].__enter__()
            running[key] = (served, served.discovery())
        return running[key]

    yield get
    for each in opened:
        each.__exit__(None, None, None)


@pytest.mark.parametrize("way", ["prefetched", "fetched"])
@pytest.mark.parametrize(("pack", "case"), CASES, ids=[case["id"] for _, case in CASES])
def test_the_case_comes_out_as_specified(pack, case, way, server, charts):
    served, services = server(case)
    service = service_of(services, case)
    request = hook_request(service, case, prefetch=way == "prefetched")
    if way == "fetched":
        request["fhirServer"] = f"{charts}/{case['id']}"
    reply = httpx.post(f"{served.base}/cds-services/{service['id']}", json=request, timeout=60)
    assert reply.status_code == 200, reply.text
    assert differences(case, reply.json(), OWN[pack]) == []
