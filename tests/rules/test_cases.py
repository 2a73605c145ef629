"""Every rule's own cases, through the real path; and that two rules said never to meet do not."""

from functools import cache

import pytest

from cds_service.batch.casework import run_rule
from cds_service.bootstrap import catalogue_of, house_of
from cds_service.knowledge.cases import never_with
from cds_service.settings import read_settings

SETTINGS = read_settings({})
CATALOGUE = catalogue_of(SETTINGS)
HOUSE = house_of(SETTINGS, CATALOGUE)


@cache
def results(rule):
    """(the case, its problems, the rules that spoke) of every case of a rule, run once."""
    found = []
    for result in run_rule(HOUSE, rule):
        verdicts = result.consultation.verdicts if result.consultation else ()
        fired = {verdict.rule.id for verdict in verdicts if verdict.state == "fired"}
        found.append((f"{result.case.where} {result.case.name}", result.problems, fired))
    return found


@pytest.mark.parametrize("rule", CATALOGUE.rules)
def test_cases(rule):
    assert results(rule)
    assert [(case, problems) for case, problems, _ in results(rule) if problems] == []


APART = [(rule, other) for rule in CATALOGUE.rules for other in never_with(CATALOGUE.content, rule)]


@pytest.mark.parametrize(("rule", "other"), APART)
def test_rules_that_never_meet(rule, other):
    """`never_with` is a claim of the author's; among the patients of all rules nobody may refute it."""
    everybody = [item for name in CATALOGUE.rules for item in results(name)]
    assert any(rule in fired for _, _, fired in everybody)
    assert any(other in fired for _, _, fired in everybody)
    assert [case for case, _, fired in everybody if {rule, other} <= fired] == []
