"""No text from a chart ever makes markup, a link, a code block or a second line; what a reader sees is what it says."""

import re
import unicodedata

import mistune
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cds_service.cards.escaping import LONGEST, clean, entities, markdown, plain

MARKS = [
    *"\\`*_{}[]()<>#+-.!|~&^=:@/\"'$ \n\t\r\u2028\u200b\u202e",
    "www.",
    "http://",
    "https://",
    "a@b.c",
    "1. ",
    "12) ",
    "    ",
    "```",
    "~~~",
    "---",
    "&lt;",
    "<script>",
    "x",
    "9",
    "é",
    "[x](y)",
]
nasty = st.lists(st.sampled_from(MARKS), max_size=30).map("".join) | st.text(max_size=60)
# Every place a value has on a card: a bullet's label, its value, a sentence, the start of a line, a nested line.
PLACES = [
    "- **{}** 12, `Observation/o1`",
    "- **Ferritin** {}, 2026-05-01",
    "{}",
    "**Why now:** legs, {} today",
    "- a\n  - {}",
    "- {}",
    "a\n{}",
]
GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MISTUNE = mistune.create_markdown(
    renderer="ast", escape=False, plugins=["strikethrough", "table", "url", "footnotes", "task_lists"]
)
LINKED = re.compile(r"(?i)https?://|\bwww\.|[-.\w+]@[-\w]+\.")


def shape(text):
    """The tree without its words: kinds of block and inline, in order."""
    found = []
    for token in GFM.parse(text):
        found.append(token.type)
        found += [child.type for child in token.children or () if child.type != "text"]
    return found


def shape_again(nodes):
    """The same by another parser, one that makes links of bare addresses."""
    return [
        (node["type"], shape_again(node.get("children", ())))
        for node in nodes
        if node["type"] not in ("text", "blank_line")
    ]


def words(text):
    return "".join(
        child.content
        for token in GFM.parse(text)
        for child in token.children or ()
        if child.type in ("text", "text_special")
    )


@pytest.mark.parametrize("place", PLACES)
@given(value=nasty)
@example(value="1. first")
@example(value="<img src=x onerror=alert(1)>")
@example(value="[click](javascript:alert(1))")
@example(value="https://evil.example/x")
@example(value="# heading\n\n```\ncode\n```")
@example(value="a\n===\n")
@example(value="\\")
@example(value="\\<b>")
@example(value="a@b.example")
def test_a_value_changes_no_tree(place, value):
    shown = markdown(value)
    if not shown:
        return
    assert "\n" not in shown
    assert shape(place.format(shown)) == shape(place.format("x"))
    assert shape_again(MISTUNE(place.format(shown))) == shape_again(MISTUNE(place.format("x")))


@given(value=nasty)
def test_no_client_finds_an_address_to_link(value):
    assert not LINKED.search(words(markdown(value)))


@given(value=nasty)
def test_the_reader_sees_what_the_chart_says(value):
    shown = words(f"x {markdown(value)}").removeprefix("x")
    assert shown.replace(" ", "") == clean(value).replace(" ", "")


@given(value=nasty)
def test_plain_text_is_one_visible_line_that_opens_no_tag(value):
    shown = plain(value)
    assert not re.search(r"<[A-Za-z/!?]", shown)
    assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in shown)
    assert not set(shown) & set("\u200b\u202a\u202b\u202d\u202e\u2066\u2067\ufeff")
    assert shown == shown.strip() and len(shown) <= LONGEST


@given(value=st.text(alphabet=st.characters(), max_size=300))
def test_what_leaves_can_be_written_as_utf_8(value):
    assert (markdown(value).encode() and plain(value).encode()) or not clean(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("12 ng/mL", "12 ng/mL"),
        ("<5 ng/mL", "&lt;5 ng/mL"),
        ("70-110 mg/dL", "70-110 mg/dL"),
        ("2026-05-01", "2026-05-01"),
        ("5.0 %", "5.0 %"),
        ("HLA-B*27", "HLA-B\\*27"),
        ("-3", "\\-3"),
        ("Fe & folate", "Fe &amp; folate"),
        ("1. x", "1\\. x"),
        ("12.5", "12.5"),
        ("2.", "2\\."),
        ("3) x", "3\\) x"),
        ("10^3/uL", "10\\^3/uL"),
    ],
)
def test_ordinary_values_stay_readable(value, shown):
    assert markdown(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("<5 ng/mL", "<5 ng/mL"), ("< 5", "< 5"), ("<b>x", "‹b>x"), ("a_b*c", "a_b*c"), ("a\nb", "a b")],
)
def test_plain_has_no_backslash_and_keeps_comparisons(value, shown):
    assert plain(value) == shown


def test_the_longest_value_is_cut_and_one_shorter_is_not():
    assert clean("x" * LONGEST) == "x" * LONGEST
    assert clean("x" * (LONGEST + 1)) == "x" * (LONGEST - 1) + "…"


def test_signed_content_opens_no_tag_but_keeps_its_markdown():
    assert entities("**ECG** if <3.0") == "**ECG** if &lt;3.0"
