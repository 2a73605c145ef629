"""Named calculations: the one exit from the rule language.

Each is a pure function of answers and limits, given by name from the content; no number that decides anything stands
here. `CALCULATIONS[name]` holds the type it gives, its argument names and the function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cds_service.model.answer import Answer
from cds_service.model.criteria import Type
from cds_service.model.quantity import Limit
from cds_service.record.calculations import arithmetic, blood, clots, persons

Argument = Answer | Limit


@dataclass(frozen=True, slots=True)
class Named:
    """`optional` arguments may be left out by the content."""

    type: Type
    arguments: tuple[str, ...]
    function: Callable[..., Answer]
    optional: tuple[str, ...] = ()


CALCULATIONS: Mapping[str, Named] = {
    "altitude-adjusted": Named("quantity", ("of", "altitude", "from", "linear", "square"), blood.altitude_adjusted),
    "transferrin-saturation": Named("quantity", ("reported", "iron", "tibc"), blood.transferrin_saturation),
    "adjusted-calcium": Named(
        "quantity", ("reported", "total", "albumin", "factor", "reference"), blood.adjusted_calcium
    ),
    "ratio": Named("quantity", ("over", "under"), arithmetic.ratio, ("factor",)),
    "product": Named("quantity", ("a", "b"), arithmetic.product),
    "change": Named("quantity", ("from", "to"), arithmetic.change),
    "percent-fall": Named("quantity", ("from", "to"), arithmetic.percent_fall),
    "trimester": Named("choice", ("age_weeks", "second_from", "third_from"), persons.trimester),
    "d-dimer-feu": Named(
        "quantity", ("result", "feu_from", "feu_to", "ddu_from", "ddu_to", "ratio"), clots.d_dimer_feu
    ),
    "age-adjusted-limit": Named("quantity", ("age", "base", "per_year", "from"), clots.age_adjusted_limit),
    "calf-difference": Named("quantity", ("left", "right", "side", "flag", "at_least"), clots.calf_difference),
    "anticoagulant-intensity": Named("choice", ("of", "therapeutic", "prophylactic"), clots.anticoagulant_intensity),
}


def calculate(name: str, arguments: Mapping[str, Argument], now: datetime) -> Answer:
    """The answer of a named calculation. Argument names are those of the content."""
    safe = {"from_" if key == "from" else key: value for key, value in arguments.items()}
    return CALCULATIONS[name].function(now, **safe)
