"""The handbook: what its pages say, that they say it of every rule, and that the committed ones are those of the content."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from content import CONTENT, HOOKS, ROOT

from cds_service.errors import ContentError
from cds_service.knowledge.article import unplaced
from cds_service.knowledge.catalogue import load
from cds_service.knowledge.content import Content
from cds_service.knowledge.lint import check
from cds_service.knowledge.queries import all_nodes
from cds_service.model.criteria import Fact, children
from cds_service.publish import facts, library
from cds_service.publish.attributes import attributes
from cds_service.publish.handbook import page, sections
from cds_service.publish.notes import notes_of
from cds_service.publish.overview import coverage
from cds_service.publish.page import Bullets, Grid, Heading, Line, Paragraph, html, link, markdown, plain, strong
from cds_service.publish.reach import reach
from cds_service.publish.transparency import as_json
from cds_service.record.calculations import CALCULATIONS

CATALOGUE = load(CONTENT)
NOTES = notes_of(CONTENT)
RULES = list(CATALOGUE.rules.values())
PAGES = library.pages(CATALOGUE)
THIRTEEN = [
    "Bibliographic citation",
    "Developer",
    "Funding source",
    "Release and revision dates",
    "Use of race",
    "Use of ethnicity",
    "Use of language",
    "Use of sexual orientation",
    "Use of gender identity",
    "Use of sex",
    "Use of date of birth",
    "Use of social determinants of health data",
    "Use of health status assessments data",
]


def every_fact():
    seen, waiting = set(), [node for rule in RULES for node in all_nodes(rule)]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            waiting.extend(children(node))
            if isinstance(node, Fact):
                yield node


def said(rule):
    return dict(attributes_of(rule))


def attributes_of(rule):
    return [(item.name, item.said) for item in attributes(CATALOGUE, rule, NOTES.changes)]


# ------------------------------------------------------------------ the handbook as a whole


def test_the_committed_handbook_is_what_the_content_says():
    assert library.stale(CATALOGUE, HOOKS / "handbook") == [], "run `cds docs` and read the difference"


def test_there_is_a_page_for_every_rule_an_index_and_the_coverage():
    assert set(PAGES) == {f"{rule.id}.md" for rule in RULES} | {"index.md", "coverage.md"}
    assert all(f"({rule.id}.md)" in PAGES["index.md"] for rule in RULES)


def test_pages_do_not_depend_on_the_order_of_hashes():
    program = "from cds_service.publish import library; from cds_service.knowledge.catalogue import load; import hashlib; print(hashlib.sha256(repr(library.pages(load())).encode()).hexdigest())"
    made = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(made) == 1
    assert made != {b""}


def test_every_link_of_the_handbook_leads_somewhere():
    for name, text in PAGES.items():
        for target in re.findall(r"(?<!\\)\]\(([^)]+)\)", text):
            assert target.startswith("https://") or target in PAGES, (name, target)


def test_writing_makes_what_is_missing_mends_what_differs_and_takes_away_what_is_no_page(tmp_path):
    (tmp_path / "gone-01.md").write_text("an old page")
    (tmp_path / "fe-01.md").write_text("something else")
    library.write(CATALOGUE, tmp_path)
    assert library.stale(CATALOGUE, tmp_path) == []
    assert not (tmp_path / "gone-01.md").exists()
    assert library.write(CATALOGUE, tmp_path) == []


# ------------------------------------------------------------------ what a page says


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_page_has_every_part_a_clinician_signs(rule):
    titles = [part.title for part in sections(CATALOGUE, rule, NOTES)]
    needed = ["Why it exists", "When it speaks", "What it says", "Where it is shown", "Sources", "Source attributes"]
    assert [title for title in needed if title not in titles] == []
    assert ("Cases" in titles) is (HOOKS / "rules" / rule.id / "cases.yaml").is_file()
    assert ("Known limits" in titles) is bool(rule.limits)
    text = PAGES[f"{rule.id}.md"]
    for outcome in rule.outcomes:
        for template in (outcome.summary, outcome.line):
            assert markdown([Paragraph(template)]).strip() in text
    for name in reach(CATALOGUE, rule).names:
        assert re.search(rf"^- \*\*{re.escape(name)}\*\*( \(on cards: [^)]+\))?: ", text, re.M), name
    for name in reach(CATALOGUE, rule).parameters:
        assert f"| **{name}** |" in text, name


def test_criteria_are_sentences():
    text = PAGES["dvt-02.md"]
    assert "- **calf-larger** (on cards: calf larger than the other): **calf-difference**" in text
    assert "): **wells** at least 2 points (**wells-likely**)" in text
    assert "| **wells** | -2 | **alternative** |" in text
    assert "a report of “Ultrasound of the leg veins” in the last 7 days (**scan-window**)" in text
    assert (
        "(**tender** or **entire-leg** or **calf-larger** or **pitting** or **collateral**) is known to be so" in text
    )


def test_what_a_calculation_does_is_told_where_it_is_used():
    used = {name for rule in RULES for name in reach(CATALOGUE, rule).calculations}
    assert used == set(CALCULATIONS)
    for rule in RULES:
        for name in reach(CATALOGUE, rule).calculations:
            assert re.search(rf"^- \*\*{name.replace('-', ' ')}\*\*: \S.{{20,}}", PAGES[f"{rule.id}.md"], re.M), (
                rule.id,
                name,
            )


def test_every_option_of_a_fact_has_words_of_its_own():
    wordless = {
        (name, str(value))
        for fact in every_fact()
        for name, value in fact.options
        if name not in facts._SAID_ELSEWHERE
        and name not in facts._LENGTHS
        and name not in facts._NAMED
        and (name, value) not in facts._OPTIONS
    }
    assert wordless == set()


def test_a_table_of_cases_shows_what_was_given_and_what_must_come():
    text = PAGES["dvt-02.md"]
    assert "The moment of the call is 2026-03-02T10:00:00Z." in text
    assert (
        "| two points | as **likely** | likely; critical; orders leg-vein-ultrasound, d-dimer; says “Wells 2:”" in text
    )
    assert "could not be read: DiagnosticReport, ServiceRequest" in text


def test_relations_are_told_in_both_directions():
    for rule in RULES:
        for hidden in rule.hides:
            assert f"({hidden}.md)" in PAGES[f"{rule.id}.md"]
            assert f"({rule.id}.md)" in PAGES[f"{hidden}.md"]


def test_codes_say_where_they_were_seen():
    for rule in RULES:
        for blocks in [part.blocks for part in sections(CATALOGUE, rule, NOTES) if part.title == "Codes"]:
            for grid in (block for block in blocks if isinstance(block, Grid)):
                assert all(row[2] and row[3] and row[4] for row in grid.rows), rule.id


# ------------------------------------------------------------------ source attributes, limits, honest sources


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_thirteen_source_attributes_stand_in_the_order_of_the_regulation(rule):
    found = attributes_of(rule)
    assert [name for name, _ in found] == THIRTEEN
    assert all(text and not text.lower().startswith("not stated") for _, text in found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_what_a_rule_reads_of_a_person_is_not_denied(rule):
    read = reach(CATALOGUE, rule).read
    if "patient.sex" in read:
        assert said(rule)["Use of sex"].startswith("Used")
    if "patient.age" in read:
        assert said(rule)["Use of date of birth"].startswith("Used")
    if read & {"VS-PREGNANCY", "pregnancy", "alcohol-use", "activity-days"}:
        assert said(rule)["Use of health status assessments data"].startswith("Used")


def test_a_rule_that_reads_nothing_of_the_kind_says_so():
    assert said(CATALOGUE.rules["cvi-03"])["Use of health status assessments data"] == "Not used"
    assert said(CATALOGUE.rules["cvi-03"])["Use of race"] == "Not used"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_source_nobody_has_read_is_shown_as_verified(rule):
    unread = [item for item in rule.references if not item.verified]
    told = {item["key"]: item for item in as_json(CATALOGUE, rule, NOTES)["references"]}
    for item in unread:
        assert f"{item.citation}" in said(rule)["Bibliographic citation"]
        for text in (PAGES[f"{rule.id}.md"], html(page(CATALOGUE, rule, NOTES))):
            line = next(line for line in re.split(r"\n|</li>", text) if plain(item.citation)[:40] in line)
            assert "(to be verified)" in line
        assert told[item.key]["verified"] is False
        assert told[item.key]["note"] == "to be verified"
    text = said(rule)["Bibliographic citation"]
    assert text.count("(to be verified)") == len(unread)
    for name, parameter in reach(CATALOGUE, rule).parameters.items():
        source = CATALOGUE.references[parameter.source]
        row = next(line for line in PAGES[f"{rule.id}.md"].splitlines() if line.startswith(f"| **{name}** |"))
        assert ("(to be verified)" in row) is (not source.verified), name


def test_the_changelog_lists_the_sources_to_be_verified_and_no_other():
    text = (HOOKS / "CHANGELOG.md").read_text(encoding="utf-8")
    listed = re.search(r"## Sources to be verified\n(.*?)\n## ", text, re.S)[1]
    assert re.findall(r"^- `([a-z0-9-]+)`: ", listed, re.M) == [
        key for key, reference in CATALOGUE.references.items() if not reference.verified
    ]


# ------------------------------------------------------------------ coverage of the article


def test_every_statement_of_the_article_has_a_rule_and_every_rule_a_place():
    statements = [row for block in coverage(CATALOGUE) if isinstance(block, Grid) for row in block.rows]
    assert len(statements) > 20
    assert all(rules for _, rules in statements)
    assert unplaced(CONTENT, CATALOGUE.rules) == []


def test_the_check_finds_a_rule_without_a_place_and_an_attribute_nobody_asks_for(tmp_path):
    folder = tmp_path / "hooks"
    shutil.copytree(HOOKS, folder, ignore=shutil.ignore_patterns("handbook", "schemas"))
    article, rule = folder / "article.yaml", folder / "rules" / "wt-01" / "rule.yaml"
    article.write_text(
        article.read_text(encoding="utf-8").replace("rules: [wt-01]", "rules: [fev-01]"), encoding="utf-8"
    )
    rule.write_text(
        rule.read_text(encoding="utf-8").replace("attributes: {sex:", "attributes: {sexx:"), encoding="utf-8"
    )
    found = [str(item) for item in check(Content.at(folder))]
    assert (
        "hooks/article.yaml:1: wt-01 has no place. Name it beside the statement it answers, or under `beyond`." in found
    )
    assert any("wt-01/rule.yaml:1: no source attribute is called `sexx`" in item for item in found)
    article.write_text(
        article.read_text(encoding="utf-8").replace("rules: [fev-01]", "rules: [wt-10]"), encoding="utf-8"
    )
    with pytest.raises(ContentError, match="no rule is called `wt-10`"):
        coverage(load(Content.at(folder)))


# ------------------------------------------------------------------ one text, two dresses


class Tags(HTMLParser):
    """Every tag must be closed by its own; collects text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.seen = [], "", []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(blocks):
    parser = Tags()
    parser.feed(html(blocks))
    parser.close()
    assert parser.open == []
    return parser


EVIL = "<script>alert(1)</script> & \"x\" 'y' | `z` *w* [a](javascript:alert(1))"


@pytest.mark.parametrize(
    "block", [Heading(2, EVIL), Paragraph(EVIL), Bullets((Line(EVIL), Line(EVIL, 1))), Grid((EVIL,), ((EVIL,),))]
)
def test_no_text_becomes_a_tag_or_a_link(block):
    found = read([block])
    assert EVIL in found.text
    assert not {tag for tag, _ in found.seen} & {"script", "a"}
    written = markdown([block])
    assert "<script" not in written
    assert "[a](" not in written.replace("\\[a\\](", "")


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", 'https://x.org/"onclick=', "javascript:x", "data:text/html,x", "//evil.org"]
)
def test_only_addresses_and_our_own_pages_are_linked(target):
    assert "a" not in [tag for tag, _ in read([Paragraph(link("here", target))]).seen]
    assert "](" not in markdown([Paragraph(link("here", target))])


def test_a_link_and_a_term_keep_their_meaning_in_both():
    text = f"{strong('a|b')} {link('x', 'https://example.org/?a=1&b=2')}"
    assert markdown([Paragraph(text)]) == "**a\\|b** [x](https://example.org/?a=1&b=2)\n"
    assert read([Paragraph(text)]).seen[-1] == ("a", {"href": "https://example.org/?a=1&b=2"})
    assert plain(text) == "a|b x"


def test_bullets_nest_and_close():
    found = read([Bullets((Line("a"), Line("b", 1), Line("c", 2), Line("d"), Line("e", 5)))])
    assert [tag for tag, _ in found.seen] == ["ul", "li", "ul", "li", "ul", "li", "li", "ul", "li"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_page_is_well_formed_html(rule):
    found = read(page(CATALOGUE, rule, NOTES))
    assert found.text.startswith(f"{rule.id.upper()}: ")
    places = [attrs["id"] for _, attrs in found.seen if "id" in attrs]
    led = {attrs["href"][1:] for tag, attrs in found.seen if tag == "a" and attrs["href"].startswith("#")}
    assert len(places) == len(set(places))
    assert led <= set(places)
