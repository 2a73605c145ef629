"""One rule, one verdict. An outcome fires on true only; a rule asks only when it says so."""

from __future__ import annotations

from cds_service.model.rule import Ask, Indicator, Outcome, Rule
from cds_service.model.truth import Truth, all_of
from cds_service.model.verdict import Verdict
from cds_service.reasoning.evaluate import Evaluation


def decide(rule: Rule, evaluation: Evaluation) -> Verdict:
    """What the rule says of this patient. A collected card has no criteria: undecided until lines are gathered."""
    for label, gate in rule.gates:
        if evaluation.truth(gate) is True:
            return Verdict(rule, "closed", why=label)
    if rule.collected:
        met = True if rule.when is None else evaluation.truth(rule.when)
        return Verdict(rule, "undecided" if met is True else "false")
    if rule.when is None:
        return Verdict(rule, "false")
    met = evaluation.truth(rule.when)
    if met is False or any(evaluation.truth(exclusion) is True for exclusion in rule.unless):
        return Verdict(rule, "false")
    undecided = met is None
    for outcome in rule.outcomes:
        truth = _speaks(met, outcome, evaluation)
        if truth is True:
            return Verdict(rule, "fired", outcome, indicator_of(outcome, evaluation))
        undecided = undecided or truth is None
    if asks := _questions(rule, evaluation):
        return Verdict(rule, "asked", asks=asks)
    return Verdict(rule, "undecided" if undecided else "false")


def _speaks(met: Truth, outcome: Outcome, evaluation: Evaluation) -> Truth:
    if outcome.when is None:
        return met
    return all_of((met, evaluation.truth(outcome.when)))


def _questions(rule: Rule, evaluation: Evaluation) -> tuple[Ask, ...]:
    return tuple(ask for ask in rule.ask if ask.when is None or evaluation.truth(ask.when) is True)


def indicator_of(outcome: Outcome, evaluation: Evaluation) -> Indicator:
    """The first level whose criterion is true."""
    for when, level in outcome.indicator:
        if when is None or evaluation.truth(when) is True:
            return level
    return "info"
