"""What a card may suggest, and the sources it may name: the content of both, held to what the specification settled."""

import re

from content import CONTENT, orders, systems, vocabulary

WORK_UP = [
    "cbc",
    "ferritin",
    "iron-tibc",
    "bmp",
    "cmp",
    "magnesium",
    "tsh",
    "free-t4",
    "b12",
    "holotc",
    "mma",
    "homocysteine",
    "hba1c",
    "fasting-glucose",
    "ck",
    "vitamin-d",
    "folate",
    "crp",
]
BY_WORDS_ALONE = {"toe-pressure", "vital-signs", "vascular-referral", "cardiology-referral", "nephrology-referral"}


def test_the_work_up_offers_its_tests_in_the_order_of_the_specification():
    assert sorted(WORK_UP, key=lambda name: orders()[name].rank) == WORK_UP
    assert orders()["cmp"].replaces == ("bmp",)


def test_an_order_is_loinc_or_else_snomed_ct():
    for name, order in orders().items():
        codes = [*order.codes, *(code for each in order.by_side.values() for code in each)]
        assert bool(codes) is (name not in BY_WORDS_ALONE), name
        assert all(code.system in (systems()["loinc"], systems()["snomed"]) and code.display for code in codes), name


def test_no_label_gives_a_judgement():
    assert [order.label for order in orders().values() if not order.label.startswith("Order ")] == []


def test_an_order_by_side_has_every_side_and_its_place_on_the_body():
    sided = [order for order in orders().values() if order.by_side]
    assert len(sided) == 4
    for order in sided:
        assert set(order.by_side) == set(order.body_site) == {"left", "right", "both"}
        for side, codes in order.by_side.items():
            assert [vocabulary().side("loinc", code.code) for code in codes] == [side]
            assert vocabulary().side("snomed", order.body_site[side].code) in (side, "")


def test_every_source_says_whether_it_was_read():
    table = CONTENT.table("references.yaml")
    for key in table:
        body = table[key]
        assert body["tag"] in ("V", "V2", "M", "L"), key
        assert body["label"] and body["citation"], key
        assert body.get("url", "https://").startswith("https://"), key
        assert re.fullmatch(r"(19|20)\d\d", body.get("year", "2000")), key
    assert {"local", "practice"} <= set(table)
