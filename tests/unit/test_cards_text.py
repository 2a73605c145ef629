"""Templates: slots, optional parts, and a summary that always fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cards.escaping import plain
from cds_service.cards.text import COUNTS, NOTHING, SUMMARY_MOST, cut, fill, fit, joined, size, slots


def saying(**words):
    return lambda name, attribute: words.get(f"{name}_{attribute}" if attribute else name, "")


def test_slots_and_attributes_are_filled():
    assert fill("Ferritin {ferritin} on {ferritin.date}.", saying(ferritin="12 ng/mL", ferritin_date="2026-05-01")) == (
        "Ferritin 12 ng/mL on 2026-05-01."
    )
    assert [(slot.name, slot.attribute) for slot in slots("{a}[ {b.date}]")] == [("a", ""), ("b", "date")]


def test_an_optional_part_goes_when_a_name_in_it_has_nothing_to_say():
    template = "Potassium {k}[ on {drug}][, {risk.name}]."
    assert fill(template, saying(k="3.1 mmol/L", drug="digoxin")) == "Potassium 3.1 mmol/L on digoxin."
    assert fill(template, saying(k="3.1 mmol/L", risk_name="x")) == "Potassium 3.1 mmol/L, x."


def test_what_may_not_be_left_out_says_that_it_is_not_known():
    assert fill("TSAT {tsat}.", saying()) == f"TSAT {NOTHING}."


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_an_optional_part_that_counts_none_is_left_out(name):
    assert fill(f"A[ and {{{name}}} more].", saying(**{name: "0"})) == "A."
    assert fill(f"A[ and {{{name}}} more].", saying(**{name: "2"})) == "A and 2 more."
    assert fill(f"{{{name}}} left", saying(**{name: "0"})) == "0 left"


def test_a_score_of_nought_is_no_reason_to_leave_it_out():
    assert fill("DVT[ (Wells {wells})]", saying(wells="0")) == "DVT (Wells 0)"


def test_brackets_without_a_name_and_links_stay():
    assert fill("[see] {a} [page](https://x.example/{a})", saying(a="1")) == "[see] 1 [page](https://x.example/1)"


def test_markdown_content_opens_no_tag():
    assert fill("ECG if <3.0 [and {a}<b]", saying(a="x"), markdown=True) == "ECG if &lt;3.0 and x&lt;b"
    assert fill("ECG if <3.0", saying()) == "ECG if <3.0"


@pytest.mark.parametrize(("length", "whole"), [(138, True), (139, True), (140, False), (141, False)])
def test_a_summary_of_139_stays_and_one_of_140_is_cut(length, whole):
    text = ("word " * 40)[: length - 1] + "x"
    shown = fit(text, saying())
    assert (shown == text) is whole
    assert size(shown) <= SUMMARY_MOST and (whole or shown.endswith("…"))


def test_optional_parts_go_first_and_the_last_of_them_first():
    say = saying(a="a" * 40, b="b" * 40)
    assert fit("x" * 99 + "[{a}][{b}]", say) == "x" * 99 + "a" * 40
    assert fit("x" * 60 + "[{a}][{b}]", say) == "x" * 60 + "a" * 40
    assert fit("x" * 59 + "[{a}][{b}]", say) == "x" * 59 + "a" * 40 + "b" * 40
    assert fit("x" * 100 + "[{a}][{b}]", say) == "x" * 100


def test_a_cut_keeps_whole_words():
    assert cut("one two three", 11) == "one two…"
    assert cut("one two three", 13) == "one two three"
    assert cut("one two, three", 10) == "one two…"
    assert cut("x" * 20, 10) == "x" * 9 + "…"


@given(value=st.text(max_size=300), other=st.text(max_size=300))
def test_whatever_the_chart_holds_a_summary_is_one_line_of_at_most_139(value, other):
    shown = fit("On {a}: look[ for {b}]. {b}", saying(a=plain(value), b=plain(other)))
    assert len(shown) <= SUMMARY_MOST and size(shown) <= SUMMARY_MOST
    assert shown == " ".join(shown.split()) and shown


@given(st.text(alphabet="😀x ", min_size=1, max_size=200))
def test_signs_beyond_the_basic_plane_count_as_two(text):
    shown = cut(text, 20)
    assert len(shown.encode("utf-16-le")) <= 40
    assert shown == text or shown.endswith("…")


def test_words_are_joined_as_one_says_them():
    assert [joined(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
