"""A shared name renamed wherever it is one, told by where it stands: prose, codes and analytes so spelt stay.

Layout and comments are kept. Must not decide whether the new name is free.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from cds_service.knowledge.facts import KINDS

# Keys under which a word is not the name of a definition or parameter.
_SUBJECTS = KINDS.keys() - {"side"}
_SETS = {option for kind in KINDS.values() for option in kind.get("sets", ())} | {"set", "at", "or_both", "choices"}
_OWN_WORDS = {option for kind in KINDS.values() for option in kind.get("words", ())}
_TEXTS = {"summary", "detail", "line", "text", "link", "indicator", "joins", "for", "is", "calculation", "unit"}
_ORDERS = {"orders", "order"}
_NO_NAMES = _SUBJECTS | _SETS | _OWN_WORDS | _TEXTS | _ORDERS
_CRITERIA = {"facts", "when", "unless", "outcomes", "ask", "evidence"}
Piece = tuple[int, int]  # from, to: signs of the file's text


def renamed(text: str, path: str, old: str, new: str) -> str:
    """The text of a content file (`path` below its folder) with the name changed."""
    node = yaml.compose(text, Loader=yaml.BaseLoader)
    pieces = sorted(set(_pieces(node, path, text, old)), reverse=True)
    for start, end in pieces:
        text = text[:start] + new + text[end:]
    return text


def _pieces(node: yaml.Node | None, path: str, text: str, old: str) -> Iterator[Piece]:
    if not isinstance(node, yaml.MappingNode):
        return
    folder, _, file = path.rpartition("/")
    if path.startswith("rules/") or folder == "orders":
        yield from _in_texts(node, text, old)
    for key, value in _entries(node):
        if folder == "definitions":
            yield from _keys(value, old) if key in ("definitions", "parameters") else ()
            yield from _names(value, old) if key == "definitions" else ()
        elif file == "rule.yaml":
            yield from _names(value, old) if key in _CRITERIA else ()
            yield from _in_words(value, old) if key == "words" else ()
        elif file == "cases.yaml":
            yield from _in_cases(key, value, old)
        elif folder == "orders":
            yield from (
                piece for each, item in _entries(value) if each in ("side", "after") for piece in _names(item, old)
            )
        elif file == "conventions.yaml":
            yield from _under(value, ("gates",), old)
    if file == "words.yaml":
        yield from _keys(node, old)
    if file == "attributes.yaml":
        for _, read in _entries(dict(_entries(node)).get("reads", node)):
            yield from _keys(read, old)


def _entries(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, value) for key, value in node.value)


def _under(node: yaml.Node, keys: tuple[str, ...], old: str) -> Iterator[Piece]:
    for key, value in _entries(node):
        yield from _names(value, old) if key in keys else ()


def _keys(node: yaml.Node, old: str) -> Iterator[Piece]:
    if isinstance(node, yaml.MappingNode):
        yield from (_piece(key) for key, _ in node.value if key.value == old)


def _names(node: yaml.Node, old: str) -> Iterator[Piece]:
    """Every word of a criterion that is looked up as a name."""
    if isinstance(node, yaml.ScalarNode):
        if node.value == old:
            yield _piece(node)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _names(item, old)
    else:
        for key, value in _entries(node):
            if key == "indicator" and isinstance(value, yaml.MappingNode):
                yield from _names(value, old)
            elif key == "orders" and isinstance(value, yaml.SequenceNode):
                for order in value.value:
                    yield from _under(order, ("when",), old)
            elif key not in _NO_NAMES:
                yield from _names(value, old)


def _in_words(node: yaml.Node, old: str) -> Iterator[Piece]:
    """In the words of a rule only `when` holds names; what is said is text."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _in_words(item, old)
    for key, value in _entries(node):
        yield from _names(value, old) if key == "when" else _in_words(value, old)


def _in_cases(key: str, value: yaml.Node, old: str) -> Iterator[Piece]:
    if key == "people":
        for _, person in _entries(value):
            yield from _keys(person, old)
    if key == "cases" and isinstance(value, yaml.SequenceNode):
        for case in value.value:
            for part, body in _entries(case):
                yield from _keys(body, old) if part == "given" else ()
                yield from _names(body, old) if part in ("unknown", "missing") else ()


def _in_texts(node: yaml.Node, text: str, old: str) -> Iterator[Piece]:
    """`{name}` and `{name.attribute}` in any text."""
    pattern = re.compile(rf"(?<=\{{){re.escape(old)}(?=[.}}])")
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, yaml.ScalarNode):
            start, end = part.start_mark.index, part.end_mark.index
            yield from ((start + match.start(), start + match.end()) for match in pattern.finditer(text[start:end]))
        else:
            waiting += [item for pair in part.value for item in (pair if isinstance(pair, tuple) else (pair,))]


def _piece(node: yaml.Node) -> Piece:
    """Where a word stands, quotes left as they are."""
    quoted = isinstance(node, yaml.ScalarNode) and bool(node.style)
    return node.start_mark.index + quoted, node.end_mark.index - quoted


def rename(folder: Path, old: str, new: str) -> dict[Path, str]:
    """Writes the new name in every content file below the folder; gives what the files changed held before."""
    before = {}
    for file in sorted(folder.rglob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        written = renamed(text, file.relative_to(folder).as_posix(), old, new)
        if written != text:
            file.write_text(written, encoding="utf-8")
            before[file] = text
    return before
