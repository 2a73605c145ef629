"""What a rule says and asks, which rules stay away for it, and on which hooks it is shown: parts of its page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cds_service.knowledge.catalogue import Catalogue
from cds_service.model.rule import Coding, Order, Outcome, Rule, Word
from cds_service.publish.page import Block, Heading, Line, Paragraph, bullets, grid, link, strong
from cds_service.publish.sentences import Sentences

LEVELS = {"critical": "any critical card", "any": "any card or question"}


def says(catalogue: Catalogue, rule: Rule, writer: Sentences, to: Callable[[str], str]) -> list[Block]:
    """Each outcome with its card, the words its texts use, and the reasons a clinician may give against it."""
    blocks: list[Block] = []
    for outcome in rule.outcomes:
        blocks += [Heading(3, outcome.name.replace("-", " ").capitalize()), *_outcome(catalogue, outcome, writer, to)]
    if rule.collected is not None:
        card = rule.collected
        level = "that of its highest line" if card.indicator == "highest" else card.indicator
        more = f", at least {card.at_least}" if card.at_least else ""
        lines = [f"{strong('Level')}: {level}{more}", f"{strong('Summary')}: {card.summary}"]
        lines.append(f"{strong('Orders')}: {'those of its lines, each once' if card.orders else 'none'}")
        lines += [f"{strong('At the end')}: {' and '.join(card.footer)} tests"] if card.footer else []
        lines += [f"{strong('Pending tests shown')}: {', '.join(card.pending)}"] if card.pending else []
        blocks += bullets(lines)
    blocks += _words(rule, writer)
    also = [f"{strong('Shown as evidence')}: {', '.join(rule.evidence)}"] if rule.evidence else []
    also += [f"{strong('Consider')}: {rule.consider}"] if rule.consider else []
    reasons = [text for _, text in (*rule.override, *catalogue.override_reasons)]
    also.append(f"{strong('Reasons to set it aside')}: {'; '.join(reasons)}")
    if len(rule.outcomes) > 1:
        blocks.insert(
            0, Paragraph("The first of these that is known to hold speaks; one that is undecided is passed over.")
        )
    return blocks + bullets(also)


def _outcome(catalogue: Catalogue, outcome: Outcome, writer: Sentences, to: Callable[[str], str]) -> list[Block]:
    lines: list[Line] = []
    if outcome.when is not None:
        lines += writer.lines(outcome.when, f"{strong('When')} ")
    for when, level in outcome.indicator:
        before = f"{strong('Level')}: {level}"
        if when is None:
            lines.append(Line(before if len(outcome.indicator) == 1 else f"{before} otherwise"))
        else:
            lines += writer.lines(when, f"{before} if ")
    lines += [Line(f"{strong('Summary')}: {outcome.summary}")] if outcome.summary else []
    if outcome.joins:
        lines.append(Line(f"{strong('Line')} on {link(outcome.joins.upper(), to(outcome.joins))}: {outcome.line}"))
    lines += [Line(f"{strong('Detail')}: {outcome.detail}")] if outcome.detail else []
    blocks = bullets(lines)
    rows = []
    for line in outcome.orders:
        order = catalogue.orders[line.order]
        when_said = writer.say(line.when) if line.when is not None else "always"
        rows.append(
            (
                order.label,
                coded(order),
                "as the level" if order.priority == "by-indicator" else order.priority,
                when_said,
            )
        )
    if rows:
        choice = "one of them" if outcome.alternatives else "each on its own"
        blocks.append(Paragraph(f"Orders it offers ({choice}), as drafts:"))
        blocks += grid(("Order", "Code", "Priority", "Offered when"), rows)
    return blocks


def coded(order: Order) -> str:
    """The codes of an order; by side where the side decides."""

    def of(codes: tuple[Coding, ...]) -> str:
        return ", ".join(f"{coding.code} {coding.display}" for coding in codes)

    if order.by_side:
        return "; ".join(f"{side}: {of(codes)}" for side, codes in order.by_side.items())
    return of(order.codes) or f"by words: {order.text}"


def _words(rule: Rule, writer: Sentences) -> list[Block]:
    """What the names in braces print, where the rule says so itself."""
    lines: list[Line] = []
    for name, word in rule.words.items():
        lines += _word(name, word, writer)
    if not lines:
        return []
    intro = (
        "In these texts a name in braces prints the value on record, and what stands in square brackets is left out "
    )
    return [Paragraph(intro + "when it has nothing to say. Words of its own:"), *bullets(lines)]


def _word(name: str, word: Word, writer: Sentences) -> Iterator[Line]:
    head = f"{{{name}}}: "
    if word.decided_by is not None:
        yield Line(head + "what made the rule's criterion true")
        return
    if word.listed:
        yield Line(head + "all that hold of")
        for when, text in word.listed:
            yield from writer.lines(when, f"“{text}” if ", 1)
        return
    yield Line(head + "the first that holds of")
    for condition, text in word.table:
        if condition is not None:
            yield from writer.lines(condition, f"“{text}” if ", 1)
        elif text:
            yield Line(f"“{text}” otherwise", 1)


def asks(catalogue: Catalogue, rule: Rule, writer: Sentences) -> list[Block]:
    """The questions it puts when it cannot be decided."""
    lines: list[Line] = []
    for ask in rule.ask:
        lines.append(Line(ask.text))
        lines += writer.lines(ask.when, "asked when ", 1) if ask.when is not None else []
        lines += [Line(f"answered by “{catalogue.form.get(item, item)}” (form: {item})", 1) for item in ask.items]
    if not lines:
        return []
    return [Paragraph("When no outcome speaks and the rule is not known to be untrue:"), *bullets(lines)]


def relations(catalogue: Catalogue, rule: Rule, to: Callable[[str], str]) -> list[Block]:
    """In both directions, collected cards among them."""

    def named(names: list[str]) -> str:
        return ", ".join(f"{link(name.upper(), to(name))} ({catalogue.rules[name].title})" for name in names)

    plain = [name for name in rule.yields_to if ":" not in name]
    hiding = [other.id for other in catalogue.rules.values() if rule.id in other.hides and other.id not in plain]
    hidden = [
        other.id for other in catalogue.rules.values() if rule.id in other.yields_to and other.id not in rule.hides
    ]
    gathered = [
        other.id
        for other in catalogue.rules.values()
        if other.collected and any(name == rule.id for name, _ in other.collected.rules)
    ]
    lines = [f"It stays away when one of these speaks: {named(plain + hiding)}."] if plain + hiding else []
    for entry in rule.yields_to:
        level, _, pack = entry.partition(":")
        if pack:
            lines.append(f"It stays away when {LEVELS.get(level, level)} {_half(pack)} is shown.")
    lines += [f"When it speaks, these stay away: {named([*rule.hides, *hidden])}."] if rule.hides or hidden else []
    lines += [f"Its line is gathered by {named(gathered)}."] if gathered else []
    return bullets(lines)


def _half(pack: str) -> str:
    return "of either half" if pack == "any" else f"of the {pack} half"


def places(catalogue: Catalogue, rule: Rule) -> list[Block]:
    """The hooks that show it, and those that only evaluate it."""
    lines = []
    for service in catalogue.services.values():
        if not any(item.id == rule.id for item in service.rules):
            continue
        only = "" if rule.id in service.returns else ": not shown, it only keeps others away"
        lines.append(f"{service.hook} (service {service.id}){only}")
    return bullets(lines)
