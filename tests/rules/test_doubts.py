"""Every number of the content is shown from both sides: moved by one step, it makes a case fail.

What stands in `UNSHOWN` is no threshold that a patient could show; each says why. Leaving out criteria one by one is for
whoever writes a rule (`cds test --doubt RULE`): it takes longer, and some criteria only repeat others for safety.
"""

import shutil
from functools import cache

import pytest

from cds_service.batch.doubts import _Bench, doubts
from cds_service.batch.places import GONE, Held, moved, places
from cds_service.bootstrap import catalogue_of, house_of
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.content import Content
from cds_service.settings import read_settings

SETTINGS = read_settings({})
UNSHOWN = {
    "ck-limit-printed": "zero divides nothing: any printed limit is above it",
    "onset-days": "days are days: the factor of a number already in days",
    "compression-window": "shown, decides nothing",
    "activity-top": "shown beside the advice, decides nothing",
    "`0 days` in facts": "nothing has lasted less than no day",
    "fertile-from": "the cards that say it are for adults",
}


def numbers(content):
    """file -> its places that hold a number."""
    found = {}
    for place in places(content):
        if place.changes and place.changes[0][1] is not GONE:
            found.setdefault(place.where.rpartition(":")[0], []).append(place)
    return found


@cache
def bench():
    content = Held(Content.at().root)
    return _Bench(house_of(SETTINGS, load(content)), content), numbers(content)


@pytest.mark.slow
@pytest.mark.parametrize("file", numbers(Held(Content.at().root)))
def test_every_number_is_shown_from_both_sides(file):
    cases, by_file = bench()
    found = [
        str(doubt)
        for place in by_file[file]
        for doubt in cases.doubt(place)
        if place.what not in UNSHOWN and place.owner not in UNSHOWN
    ]
    assert found == []


# ------------------------------------------------------------------------------------------------ the doubting itself


@pytest.mark.parametrize(
    ("value", "up", "down"),
    [
        (45, "46", "44"),
        ("30 days", "31 days", "29 days"),
        ("25 /min", "26 /min", "24 /min"),
        ("1.5 m", "1.6 m", "1.4 m"),
    ],
)
def test_a_number_moves_by_its_last_digit(value, up, down):
    assert (str(moved(value, 1)), str(moved(value, -1))) == (up, down)


@pytest.fixture
def doubted(tmp_path):
    """Doubts of one rule after its cases were changed."""
    hooks = tmp_path / "hooks"
    shutil.copytree(Content.at().root, hooks, ignore=shutil.ignore_patterns("handbook", "schemas", "__pycache__"))

    def run(rule, keep):
        file = hooks / "rules" / rule / "cases.yaml"
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(line for line in lines if not line.startswith("  - ") or keep(line)), encoding="utf-8")
        settings = read_settings({}, {"content": str(hooks)})
        return [str(doubt) for doubt in doubts(house_of(settings, catalogue_of(settings)), [rule])]

    return run


def test_a_rule_whose_cases_show_everything_is_not_doubted(doubted):
    assert doubted("fe-02", lambda line: True) == []


def test_an_exclusion_without_its_case_is_doubted(doubted):
    (told,) = doubted("fe-02", lambda line: "iron overload" not in line)
    assert "`{not: iron-overload}` of `all` in when may be left out, and no case of fe-02 fails" in told


def test_the_content_is_put_back():
    cases, by_file = bench()
    place = by_file["hooks/definitions/blood.yaml"][0]
    before = dict(place.holder)
    list(cases.doubt(place))
    assert dict(place.holder) == before
    assert load(cases.content).parameters.keys() == cases.house.catalogue.parameters.keys()
