"""Writes the map in force as YAML: what `load_map` reads, in the order and the words of its author."""

import json
import re
from typing import Any

import yaml

from orchestrator.workmap import live, schema
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.models import MapRecord
from orchestrator.workmap.reading import resolve
from orchestrator.workmap.records import ORDER, Key, Record, Records, assemble, normal, same
from orchestrator.workmap.shapes import Kinds, Many, OneOrMany, Shape
from orchestrator.workmap.shapes import Record as RecordShape


def the_map() -> Record:
    """The map in force as plain data. Records that nobody changed since are as they were written."""
    return assemble(_in_words(live.read().records))


def dump() -> str:
    """The map in force as YAML."""
    return write(the_map())


def _in_words(records: Records) -> Records:
    said = {(row.what, row.name): row for row in MapRecord.objects.all()}
    last = len(said)

    def place(key: Key) -> tuple[int, int, str]:
        return ORDER[key[0]], said[key].position if key in said else last, key[1]

    found: Records = {}
    for key in sorted(records, key=place):
        words = json.loads(said[key].said) if key in said else None
        if words is not None and same(normal(key[0], words), records[key]):
            found[key] = words
        else:
            found[key] = _ordered(records[key], schema.SHAPES[key[0]])
    return found


def _ordered(value: Any, shape: Shape | None) -> Any:
    """The value with its keys in the order of the grammar."""
    if isinstance(shape, OneOrMany):
        shape = Many(shape.of) if isinstance(value, list) else shape.of
    if isinstance(shape, Many) and isinstance(value, list):
        return [_ordered(item, shape.of) for item in value]
    if isinstance(shape, Kinds) and isinstance(value, dict):
        shape = next((shape.kinds[kind] for kind in shape.kinds if kind in value), None)
    if isinstance(shape, RecordShape) and isinstance(value, dict):
        keys = [
            *(key for key in shape.keys if key in value),
            *(key for key in value if key not in shape.keys),
        ]
        return {key: _ordered(value[key], shape.keys.get(key)) for key in keys}
    return value


# Line breaks of YAML 1.1, which the parser folds: only in double quotes do they come back as they are.
_BREAKS = re.compile("[\x85\u2028\u2029]")


class _Writer(yaml.SafeDumper):
    """YAML 1.2 text: what a 1.2 reader would take for something else than text is quoted."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(writer: _Writer, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and _fits_a_block(text) else None
    if (style is None and not _is_plainly_text(text)) or _BREAKS.search(text):
        style = '"'
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_plainly_text(text: str) -> bool:
    """PyYAML quotes what YAML 1.1 would take for something else; 1.2 takes 1e3 and 0o17 for numbers as well."""
    try:
        return isinstance(resolve(text), str)
    except Refused:
        return False


def _fits_a_block(text: str) -> bool:
    return not any(line != line.rstrip() for line in text.split("\n")) and "\t" not in text and text[:1] != " "


_Writer.add_representer(str, _text)


def write(whole: Record) -> str:
    """Plain data as YAML."""
    return yaml.dump(whole, Dumper=_Writer, allow_unicode=True, sort_keys=False, width=110, default_flow_style=False)
