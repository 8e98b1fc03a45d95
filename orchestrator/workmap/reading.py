"""Reads the YAML of a map safely: YAML 1.2 core types, limits on everything, the line of every key and item.

Values are built from the parser's events, with no recursion and no tag that makes an object. Nothing here
knows what a map means.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

import yaml
from django.utils.translation import gettext as _

from orchestrator.workmap.errors import Refused
from orchestrator.workmap.problems import Path

MOST_BYTES = 5_000_000
MOST_VALUES = 200_000  # after aliases are written out
MOST_ALIASES = 500
MOST_DEPTH = 60
MOST_DIGITS = 30

# YAML 1.2.2, chapter 10.3.2: the core schema. `no`, `on`, `12:30` and dates are text in it.
_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_FLAG = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_WHOLE = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_CONTROL = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}
_TEXT_TAG = "tag:yaml.org,2002:str"

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Mark:
    """Where a value stands: its line, and the marks of what is in it."""

    line: int
    inner: "dict[str, Mark] | list[Mark] | None" = None

    def line_of(self, at: Path) -> int:
        """The line of the key or item that `at` leads to, or of the nearest thing around it."""
        mark = self
        for part in at:
            inner = mark.inner
            if isinstance(inner, dict) and part in inner:
                mark = inner[str(part)]
            elif isinstance(inner, list) and isinstance(part, int) and part < len(inner):
                mark = inner[part]
            else:
                break
        return mark.line


@dataclass(frozen=True, slots=True)
class Text:
    """What was read: plain dicts, lists, texts, numbers and flags, and where each stands."""

    value: Any
    mark: Mark


def read_file(name: str) -> Text:
    """Read a map from the file `name`. Raises Refused if that cannot be done safely."""
    try:
        with File(name).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise Refused([_("%(file)s cannot be read: %(reason)s") % {"file": name, "reason": reason}]) from error
    return read(data)


def read(data: bytes) -> Text:
    """Read YAML. Raises Refused with the line and the reason."""
    if len(data) > MOST_BYTES:
        raise Refused([_("line 1: the file is larger than %(size)d MB") % {"size": MOST_BYTES // 1_000_000}])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refused(line, _("the file is not UTF-8 text")) from error
    if strange := _CONTROL.search(text):
        line = text.count("\n", 0, strange.start()) + 1
        code = f"U+{ord(strange.group()):04X}"
        raise _refused(line, _("the sign %(code)s is not allowed") % {"code": code})
    builder = _Builder()
    for event in _events(text):
        builder.take(event)
    if builder.root is None:
        raise _refused(1, _("the file is empty"))
    return builder.root


def _events(text: str) -> Iterator[Any]:
    loader = _PARSER(text)
    try:
        while loader.check_event():
            yield loader.get_event()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise _refused(mark.line + 1 if mark else 1, _("this is not YAML: %(why)s") % {"why": reason}) from error
    except (yaml.YAMLError, ValueError) as error:
        raise _refused(1, _("this is not YAML: %(why)s") % {"why": " ".join(str(error).split())}) from error
    finally:
        loader.dispose()


def _refused(line: int, reason: str) -> Refused:
    return Refused([_("line %(line)d: %(problem)s") % {"line": line, "problem": reason}])


@dataclass(slots=True)
class _Open:
    """A dict or list that is being filled; `values` counts what is in it, for aliases."""

    text: Text
    anchor: str | None
    before: int
    key: str | None = None
    key_line: int = 0


@dataclass(slots=True)
class _Builder:
    root: Text | None = None
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Text, int]] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)
    values: int = 0
    aliases: int = 0

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise _refused(line, _("a map is one document; a second one begins here"))
        if isinstance(event, yaml.ScalarEvent):
            self.scalar(event, line)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self.open(event, line)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.close()
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event.anchor, line)

    def scalar(self, event: Any, line: int) -> None:
        self.check_tag(event.tag, line)
        self.count(1, line)
        plain = event.implicit[0] or event.tag in _TAGS - {_TEXT_TAG}
        value = resolve(event.value, line) if plain else event.value
        if isinstance(value, str) and "\0" in value:
            raise _refused(line, _("the sign %(code)s is not allowed") % {"code": "U+0000"})
        if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
            raise _refused(line, _("half of a sign (a lone surrogate) is not allowed"))
        text = Text(value, Mark(line))
        if event.anchor:
            self.anchors[event.anchor] = (text, 1)
        self.put(text, line)

    def open(self, event: Any, line: int) -> None:
        self.check_tag(event.tag, line)
        self.count(1, line)
        if len(self.stack) >= MOST_DEPTH:
            raise _refused(line, _("nested deeper than %(most)d levels") % {"most": MOST_DEPTH})
        if self.stack and isinstance(self.stack[-1].text.value, dict) and self.stack[-1].key is None:
            raise _refused(line, _("a key must be text"))
        is_map = isinstance(event, yaml.MappingStartEvent)
        text = Text({} if is_map else [], Mark(line, {} if is_map else []))
        if event.anchor:
            self.anchors.pop(event.anchor, None)
            self.open_anchors.add(event.anchor)
        self.stack.append(_Open(text, event.anchor, self.values))

    def close(self) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.open_anchors.discard(done.anchor)
            self.anchors[done.anchor] = (done.text, self.values - done.before + 1)
        self.put(done.text, done.text.mark.line)

    def alias(self, name: str | None, line: int) -> None:
        name = str(name)
        self.aliases += 1
        if self.aliases > MOST_ALIASES:
            raise _refused(line, _("more than %(most)d aliases") % {"most": MOST_ALIASES})
        if name in self.open_anchors:
            raise _refused(line, _("the alias `*%(name)s` contains itself") % {"name": name})
        if name not in self.anchors:
            raise _refused(line, _("the alias `*%(name)s` stands for nothing") % {"name": name})
        text, values = self.anchors[name]
        self.count(values, line)
        self.put(Text(copy.deepcopy(text.value), text.mark), line)

    def put(self, text: Text, line: int) -> None:
        """Hand a finished value to what it stands in: as a key, a value, an item, or the whole."""
        if not self.stack:
            self.root = text
            return
        around = self.stack[-1]
        value, mark = around.text.value, around.text.mark
        if isinstance(value, list):
            value.append(text.value)
            mark.inner.append(text.mark)  # type: ignore[union-attr]
        elif around.key is None:
            self.key(around, text.value, line)
        else:
            value[around.key] = text.value
            # Named by the line of its key: that is where a person looks.
            mark.inner[around.key] = Mark(around.key_line, text.mark.inner)  # type: ignore[call-overload,index]
            around.key = None

    @staticmethod
    def key(around: _Open, key: Any, line: int) -> None:
        if not isinstance(key, str):
            raise _refused(line, _("a key must be text; write `%(key)s` in quotes") % {"key": key})
        if key in around.text.value:
            first = around.text.mark.inner[key].line  # type: ignore[call-overload,index]
            raise _refused(line, _("`%(key)s` is said twice; first in line %(first)d") % {"key": key, "first": first})
        around.key, around.key_line = key, line

    def count(self, values: int, line: int) -> None:
        self.values += values
        if self.values > MOST_VALUES:
            raise _refused(line, _("more than %(most)d values (aliases written out)") % {"most": MOST_VALUES})

    @staticmethod
    def check_tag(tag: str | None, line: int) -> None:
        if tag not in (None, "!") and tag not in _TAGS:
            raise _refused(line, _("the tag `%(tag)s` is not allowed; a map holds plain data") % {"tag": tag})


def resolve(text: str, line: int = 1) -> Any:
    """What a plain scalar stands for in the core schema. Raises Refused for numbers that cannot be used."""
    if _NULL.match(text):
        return None
    if _FLAG.match(text):
        return text.lower() == "true"
    if _NOT_FINITE.match(text):
        raise _refused(line, _("`%(value)s` is not a number that can be used") % {"value": text})
    for pattern, base in ((_WHOLE, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.match(text):
            if len(text) > MOST_DIGITS:
                raise _refused(line, _("a number with more than %(most)d digits") % {"most": MOST_DIGITS})
            return int(text, base)
    if _NUMBER.match(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise _refused(line, _("`%(value)s` is not a number that can be used") % {"value": text})
        return number
    return text
