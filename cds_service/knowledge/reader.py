"""Reads YAML strictly, so that what a clinician wrote is what the machine understands.

YAML guesses (`no` is false, `12:30` is 750, a key may stand twice); this reader does not: only `true`, `false`, `~`,
plain integers and decimals are anything but text, a repeated key is refused, and every table remembers its lines.
It must not know what the content means.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import yaml

from cds_service.errors import ContentError

_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+\Z")
_FOLKLORE = {"y", "n", "yes", "no", "on", "off", "null"}


class Table(dict[str, Any]):
    """A YAML mapping that knows where it stands. `line(key)` is the line of a key, for messages."""

    __slots__ = ("file", "lines", "own_line")

    def __init__(self, file: str, own_line: int):
        super().__init__()
        self.file = file
        self.own_line = own_line
        self.lines: dict[str, int] = {}

    def where(self, key: str | None = None) -> str:
        return f"{self.file}:{self.lines.get(key, self.own_line) if key is not None else self.own_line}"


class Rows(list[Any]):
    """A YAML sequence that knows where it stands."""

    __slots__ = ("file", "own_line")

    def __init__(self, file: str, own_line: int):
        super().__init__()
        self.file = file
        self.own_line = own_line

    def where(self) -> str:
        return f"{self.file}:{self.own_line}"


def read(text: str, file: str) -> Table:
    """The top-level table of a content file. `file` is its name in messages. Raises ContentError with file and line."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContentError(f"not YAML: {error.problem}", f"{file}:{line}") from None
    except yaml.YAMLError as error:
        raise ContentError(f"not YAML: {error}", file) from None
    if node is None:
        return Table(file, 1)
    if not isinstance(node, yaml.MappingNode):
        raise ContentError("the file must be a mapping", f"{file}:1")
    return _table(node, file)


def _value(node: yaml.Node, file: str) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, file)
    if isinstance(node, yaml.MappingNode):
        return _table(node, file)
    rows = Rows(file, node.start_mark.line + 1)
    rows.extend(_value(item, file) for item in node.value)
    return rows


def _table(node: yaml.MappingNode, file: str) -> Table:
    table = Table(file, node.start_mark.line + 1)
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ContentError("a key must be a word; quote text that starts with a brace", f"{file}:{line}")
        key = key_node.value
        if not key_node.style and key.lower() in _FOLKLORE and key != "on":
            raise ContentError(f"the key `{key}` reads as true or false elsewhere; quote it", f"{file}:{line}")
        if key in table:
            raise ContentError(f"`{key}` stands twice (first in line {table.lines[key]})", f"{file}:{line}")
        if isinstance(value_node, yaml.ScalarNode) and not value_node.style and value_node.value == "":
            raise ContentError(
                f"`{key}` has no value: write ~, or quote text that starts with a brace", f"{file}:{line}"
            )
        table.lines[key] = line
        table[key] = _value(value_node, file)
    return table


def _scalar(node: yaml.ScalarNode, file: str) -> Any:
    text: str = node.value
    if node.style:
        return text
    if text == "true":
        return True
    if text == "false":
        return False
    if text in ("~", ""):
        return None
    if _INTEGER.match(text):
        return int(text)
    if _DECIMAL.match(text):
        return Decimal(text)
    if text.startswith("0") and text.isdigit():
        raise ContentError(f"`{text}` starts with 0: quote it if it is a code", f"{file}:{node.start_mark.line + 1}")
    return text
