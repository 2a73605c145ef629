"""Builds fact nodes: which keys each kind takes, its conventions, its window and its side."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cds_service.errors import ContentError
from cds_service.knowledge.limits import unit_of
from cds_service.knowledge.reader import Rows, Table
from cds_service.knowledge.scope import Scope
from cds_service.knowledge.shapes import as_names, as_rows, as_span, as_table, nearest, need, only, span_of
from cds_service.knowledge.vocabulary import ORDER_PREFIX
from cds_service.model.criteria import Anchor, Fact, Node, Parameter, SameSide, Span, Type, Window

if TYPE_CHECKING:
    from cds_service.knowledge.builder import Builder

_WINDOW = ("within", "between", "since", "side")
_SETS, _SPANS, _WORDS, _FLAGS = "sets", "spans", "words", "flags"

# Of each kind: the options it takes beside its window, by how they are read.
KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "condition": {
        _SETS: ("except", "at", "not_followed_by"),
        _SPANS: ("older_than",),
        _WORDS: ("status", "certainty", "undated", "if_none"),
        _FLAGS: ("also_procedure", "no_status_days"),
    },
    "symptom": {
        _SETS: ("except", "not_at", "denied_by", "not_followed_by"),
        _SPANS: ("encounters_within", "answers_within"),
        _WORDS: ("answer", "if_none", "undated", "conditions_window", "preliminary"),
        _FLAGS: ("no_status_days", "also", "encounters_needed"),
    },
    "sign": {
        _SETS: ("except", "not_at", "denied_by", "not_followed_by"),
        _SPANS: ("encounters_within", "answers_within"),
        _WORDS: ("answer", "if_none", "undated", "conditions_window", "preliminary"),
        _FLAGS: ("no_status_days", "also", "encounters_needed"),
    },
    "answer": {_SPANS: ("days_each",), _WORDS: ("if_none", "unit"), _FLAGS: ("choices",)},
    "result": {_WORDS: ("take", "ties", "preliminary", "implausible"), _FLAGS: ("per_side",)},
    "medication": {_SPANS: ("given_within", "supply", "completed"), _WORDS: ("plan", "intended", "if_none")},
    "exposure": {_SPANS: ("bridge", "given_within", "supply", "completed"), _WORDS: ("plan", "intended")},
    "procedure": {_WORDS: ("if_none", "undated"), _FLAGS: ("also_condition", "also_medication")},
    "encounter": {_WORDS: ("if_none",)},
    "report": {_SETS: ("conclusion",), _WORDS: ("if_none",), _FLAGS: ("also_procedure",)},
    "requested": {_WORDS: ("if_none",), _FLAGS: ("unanswered", "devices")},
    "draft": {_SETS: ("reason", "not_route"), _FLAGS: ("basket",)},
    "missing": {_SPANS: ("pending_within",), _WORDS: ("pending", "preliminary", "implausible"), _FLAGS: ("or_both",)},
    "pending": {_SPANS: ("pending_within",), _WORDS: ("preliminary",)},
    "side": {_WORDS: ("answer",)},
    "patient": {},
    "hook": {},
    "read": {},
}
# Options that are one of a few words, and options that are true or false.
OPTION_WORDS: dict[str, tuple[str, ...]] = {
    "status": ("current", "ever", "past"),
    "certainty": ("any", "established", "suspected"),
    "undated": ("unknown", "counts", "ignored"),
    "if_none": ("unknown", "absent"),
    "conditions_window": ("same", "any"),
    "take": ("newest", "highest", "lowest"),
    "ties": ("lowest", "highest"),
    "preliminary": ("counts",),
    "implausible": ("discarded",),
    "plan": ("counts",),
    "intended": ("counts",),
    "pending": ("ignored",),
}
SWITCHES = (
    "also_procedure",
    "also_condition",
    "also_medication",
    "encounters_needed",
    "per_side",
    "unanswered",
    "devices",
    "basket",
)
_FIXED: dict[str, Type] = {"result": "quantity", "exposure": "quantity", "side": "choice"}
_OF_ANALYTES = ("result", "missing", "pending")
READABLE = ("conditions", "observations", "medicines", "orders", "procedures", "encounters", "reports")
OF_PATIENT = ("age", "sex", "deceased")
SIDES = ("left", "right", "both")


def type_of(table: Table) -> Type:
    kind = next(iter(table))
    if kind == "answer":
        return "quantity" if table.get("unit") else "choice" if table.get("choices") else "truth"
    if kind == "patient":
        return {"age": "quantity", "sex": "choice"}.get(str(table["patient"]), "truth")  # type: ignore[return-value]
    return _FIXED.get(kind, "truth")


def fact(builder: Builder, scope: Scope, table: Table) -> Fact:
    """A fact node with its pack's conventions merged in."""
    kind = next(iter(table))
    reading = KINDS[kind]
    allowed = {kind, *_WINDOW, *(name for names in reading.values() for name in names)}
    only(table, allowed, f"`{kind}`")
    convention = builder.conventions.get(scope.pack, Table("", 1)).get(kind)
    merged: dict[str, Any] = dict(convention) if isinstance(convention, Table) else {}
    merged |= {name: value for name, value in table.items() if name != kind}
    options = tuple(
        (name, option)
        for name, value in merged.items()
        if name not in _WINDOW and (option := _option(builder, scope, table, reading, name, value)) is not None
    )
    inner: tuple[Node, ...] = ()
    if kind == "side":
        inner = tuple(builder.truth(scope, item, table.where()) for item in as_rows(table[kind], table.where(), "side"))
        if table.get("answer"):
            inner = (*inner, _side_answer(builder, scope, table))
    return Fact(
        type_of(table),
        kind,
        _sets(builder, table, kind) if kind != "side" else (),
        _window(builder, scope, table, merged),
        _side(builder, scope, table),
        scope.pack,
        options,
        inner,
        where=table.where(),
    )


def _side_answer(builder: Builder, scope: Scope, table: Table) -> Node:
    """The form's own word on the side, which wins over the chart's."""
    asked = Table(table.file, table.own_line)
    asked["answer"] = table["answer"]
    asked["choices"] = Rows(table.file, table.own_line)
    asked["choices"].extend(SIDES)
    return fact(builder, scope, asked)


def _sets(builder: Builder, table: Table, kind: str) -> tuple[str, ...]:
    if table[kind] is None:
        if kind != "sign":
            raise ContentError(f"`{kind}` needs a value set", table.where())
        return ()
    names = as_names(table[kind], table.where(), kind)
    if kind == "read":
        for name in names:
            if name not in READABLE:
                raise ContentError(f"`read` knows {', '.join(READABLE)}, not `{name}`", table.where())
        return names
    if kind == "answer":
        _check_questions(builder, names, table)
    if kind == "patient" and (strange := set(names) - set(OF_PATIENT)):
        raise ContentError(f"a patient has {', '.join(OF_PATIENT)}, not `{strange.pop()}`", table.where())
    if kind in ("answer", "patient", "hook"):
        return names
    vocabulary = builder.vocabulary
    known = vocabulary.analytes if kind in _OF_ANALYTES else vocabulary.sets
    found = []
    for name in names:
        if name in known or (kind in ("requested", "draft", "report", "symptom") and name in vocabulary.analytes):
            found.append(name)
        elif kind in ("requested", "draft", "report") and name in builder.orders:
            found.append(ORDER_PREFIX + name)
        else:
            what = "analyte" if kind in _OF_ANALYTES else "value set"
            raise ContentError(f"no {what} is called `{name}`{nearest(name, known)}", table.where())
    return tuple(found)


def _check_questions(builder: Builder, items: tuple[str, ...], table: Table) -> None:
    """Every form item must be one of the leg form's, where there is a form."""
    questions = builder.vocabulary.questions
    for item in items if questions else ():
        if item not in questions:
            raise ContentError(f"the leg form has no item `{item}`{nearest(item, questions)}", table.where())


def _option(
    builder: Builder, scope: Scope, table: Table, reading: dict[str, tuple[str, ...]], name: str, value: Any
) -> object:
    where = table.where(name) if name in table else table.where()
    if value is None:
        return None
    _check_word(name, value, where)
    if name in reading.get(_SETS, ()):
        names = as_names(value, where, name)
        for item in names:
            if item not in builder.vocabulary.sets:
                raise ContentError(f"no value set is called `{item}`{nearest(item, builder.vocabulary.sets)}", where)
        return names
    if name in reading.get(_SPANS, ()):
        return span(scope, value, where).length
    if name == "answer":
        _check_questions(builder, (str(value),), table)
    if name == "unit":
        return unit_of(str(value))
    if name == "choices":
        return as_names(value, where, name)
    if name == "or_both":
        return as_names(value, where, name)
    if name == "also":
        return tuple(_also(builder, item, where) for item in as_rows(value, where, name))
    if name == "no_status_days" and isinstance(value, str):
        return span(scope, value, where).length.days
    return value


def _check_word(name: str, value: Any, where: str) -> None:
    allowed = OPTION_WORDS.get(name)
    if allowed and value not in allowed:
        raise ContentError(f"`{name}` is {' or '.join(allowed)}{nearest(str(value), allowed)}", where)
    if name in SWITCHES and not isinstance(value, bool):
        raise ContentError(f"`{name}` is true or false", where)


def _also(builder: Builder, item: object, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    body = as_table(item, where, "also")
    only(body, ("set", "at"), "also")
    pair = tuple(as_names(body.get(key) or Rows("", 1), where, key) for key in ("set", "at"))
    for name in (*pair[0], *pair[1]):
        if name not in builder.vocabulary.sets:
            raise ContentError(f"no value set is called `{name}`{nearest(name, builder.vocabulary.sets)}", where)
    return pair[0], pair[1]


def span(scope: Scope, value: object, where: str) -> Span:
    """ "90 days", or the name of a parameter in days or hours."""
    if found := as_span(value):
        return found
    if isinstance(value, str) and scope.has(value):
        parameter = scope.find(value, where)
        if isinstance(parameter, Parameter) and parameter.limit:
            length = parameter.limit.printed[0].interval.low
            assert length is not None
            return span_of(length, parameter.unit, f"{length} {parameter.unit}", parameter.name)
    raise ContentError(f"`{value}` is no span of time: write `90 days`, `72 hours` or a parameter's name", where)


def _window(builder: Builder, scope: Scope, table: Table, merged: dict[str, Any]) -> Window | None:
    if table.get("between") is not None:
        ends = as_rows(table["between"], table.where("between"), "between")
        if len(ends) != 2:
            raise ContentError("between needs two ends", table.where("between"))
        start, end = (_anchor(builder, scope, item, table.where("between")) for item in ends)
        return Window(None, start, end)
    if table.get("since") is not None:
        within = span(scope, table["within"], table.where("within")) if table.get("within") else None
        return Window(within, _anchor(builder, scope, table["since"], table.where("since")), Anchor())
    if merged.get("within") is not None:
        return _reaching_back(span(scope, merged["within"], table.where("within")))
    return None


@lru_cache(maxsize=4096)
def _reaching_back(within: Span) -> Window:
    """One window for all facts that reach back as far, so that their frame is worked out once a patient."""
    return Window(within)


def _anchor(builder: Builder, scope: Scope, raw: object, where: str) -> Anchor:
    if raw == "now":
        return Anchor()
    body = as_table(raw, where, "an end of a window")
    only(body, ("date_of", "start_of", "ago", "minus", "plus"), "an end of a window")
    if body.get("ago") is not None:
        return Anchor(shift=span(scope, body["ago"], where))
    kind = "date_of" if body.get("date_of") is not None else "start_of"
    names = need(body, kind, "an end of a window")
    of = tuple(builder.any_type(scope, item, where) for item in (names if isinstance(names, Rows) else [names]))
    later = body.get("plus") is not None
    shifted = body.get("plus") or body.get("minus")
    shift = span(scope, shifted, where) if shifted is not None else None
    return Anchor(of, "date" if kind == "date_of" else "start", shift, later)


def _side(builder: Builder, scope: Scope, table: Table) -> SameSide | None:
    if table.get("side") is None or next(iter(table)) == "side":
        return None
    body = as_table(table["side"], table.where("side"), "side")
    only(body, ("same_as", "unstated"), "side")
    of = builder.choice(scope, need(body, "same_as", "side"), table.where("side"))
    return SameSide(of, "ignored" if body.get("unstated") == "ignored" else "counts")
