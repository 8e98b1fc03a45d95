"""Reads a formula's text into a tree, and writes the tree back as text for zen with every bracket in place.

zen gives Python no tree of its own, and without one nobody can tell which names a formula uses or that a path
is not there. The grammar is zen's (same precedences) without assignments, `$root` and unary tests.
Only text in, tree or text out: nothing is worked out here (see formulas.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

LONGEST = 2_000  # characters
_DEEPEST = 40


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLOSURES = frozenset({"all", "some", "none", "one", "filter", "map", "flatMap", "count"})
# zen's functions without `rand` (not repeatable).
FUNCTIONS = _words(
    "len contains flatten upper lower trim startsWith endsWith matches extract fuzzyMatch split abs "
    "sum avg min max median mode floor ceil round trunc isNumeric string number bool type keys "
    "values d merge mergeDeep date time duration year dayOfWeek dayOfMonth dayOfYear weekOfYear "
    "monthOfYear monthString dateString weekdayString startOf endOf days"
)
METHODS = _words(
    "add sub tz format startOf endOf diff set isSame isBefore isAfter isSameOrBefore isSameOrAfter "
    "second minute hour day dayOfYear week weekday month quarter year timestamp offsetName isValid "
    "isLeapYear"
)

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9]+)?)
    |(?P<string>'[^']*'|"[^"]*")|(?P<template>`[^`]*`)|(?P<word>[A-Za-z_$\#][A-Za-z0-9_$\#]*)
    |(?P<sign>==|!=|>=|<=|\.\.|\?\?|[-+*/%^<>!?:,.()\[\]{}]))""",
    re.VERBOSE,
)
_IN_TEMPLATE = re.compile(r"\$\{([^{}]*)\}")
_BINARY = {
    "or": 10, "and": 15, "==": 20, "!=": 20, "<": 20, ">": 20, "<=": 20, ">=": 20, "in": 20, "not in": 20,
    "+": 30, "-": 30, "*": 60, "/": 60, "%": 60, "^": 70, "??": 80,
}  # fmt: skip
_UNARY = {"not": 50, "!": 50, "+": 200, "-": 200}
OWN = "zz_"  # begins the names that we add
_RESERVED = frozenset({"and", "or", "in", "not", "as"})


class FormulaError(ValueError):
    """The formula cannot be read."""


@dataclass(frozen=True, slots=True)
class Node:
    """One piece of a formula."""

    def children(self) -> Iterator["Node"]:
        """Yield the direct parts, in the order they are written."""
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, Node):
                yield value
            elif isinstance(value, tuple):
                yield from (item for item in value if isinstance(item, Node))


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number, a text with its quotes, true, false or null, as written."""

    text: str


@dataclass(frozen=True, slots=True)
class Template(Node):
    """Text in backticks with `${…}` pieces."""

    parts: tuple["str | Node", ...]


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name: of a value from outside, or of the item of a closure (`#` is read as that item's name)."""

    name: str


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`node.name`"""

    node: Node
    name: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`node[index]`"""

    node: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Slice(Node):
    """`node[start:end]`"""

    node: Node
    start: Node
    end: Node


@dataclass(frozen=True, slots=True)
class Array(Node):
    """`[a, b]`"""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Record(Node):
    """`{a: 1}`"""

    keys: tuple[str, ...]
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Interval(Node):
    """`[a..b]`, with ( or ) where an end does not belong to it."""

    opens: str
    start: Node
    end: Node
    closes: str


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`not node`, `-node`"""

    sign: str
    node: Node


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`left sign right`"""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`condition ? then : otherwise`"""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`name(arguments)`; `days(A - B)` is ours, the rest are zen's."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Method(Node):
    """`node.name(arguments)`, of dates"""

    node: Node
    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Closure(Node):
    """`map(items as alias, body)`; where the text has no alias (`#`) it gets one, so that closures can be put
    around a piece without changing what it means."""

    name: str
    items: Node
    alias: str
    body: Node


def parse(text: str) -> Node:
    """Return the tree. Raises FormulaError with what cannot be read and where."""
    if not isinstance(text, str) or not text.strip():
        raise FormulaError(_("it is empty"))
    if len(text) > LONGEST:
        raise FormulaError(_("it has more than 2,000 characters"))
    return _Reader(text, 0, []).whole()


def write(node: Node) -> str:  # noqa: C901  # one line for each kind of piece
    """Return text that zen reads as exactly this tree."""
    match node:
        case Literal(text):
            return text
        case Name(name):
            return name
        case Template(parts):
            inner = (part if isinstance(part, str) else "${" + write(part) + "}" for part in parts)
            return "`" + "".join(inner) + "`"
        case Member(inside, name):
            return f"{write(inside)}.{name}"
        case Index(inside, index):
            return f"{write(inside)}[{write(index)}]"
        case Slice(inside, start, end):
            return f"{write(inside)}[{write(start)}:{write(end)}]"
        case Array(items):
            return "[" + ", ".join(map(write, items)) + "]"
        case Record(keys, items):
            return "{" + ", ".join(f"{k}: {write(v)}" for k, v in zip(keys, items, strict=True)) + "}"
        case Interval(opens, start, end, closes):
            return f"{opens}{write(start)}..{write(end)}{closes}"
        case Unary(sign, inside):
            return f"({sign} ({write(inside)}))"
        case Binary(sign, left, right):
            return f"({write(left)} {sign} {write(right)})"
        case Choice(condition, then, otherwise):
            return f"({write(condition)} ? {write(then)} : {write(otherwise)})"
        case Call(name, arguments):
            return f"{name}({', '.join(map(write, arguments))})"
        case Method(inside, name, arguments):
            return f"{write(inside)}.{name}({', '.join(map(write, arguments))})"
        case Closure(name, items, alias, body):
            return f"{name}({write(items)} as {alias}, {write(body)})"
    raise FormulaError(f"a {type(node).__name__} cannot be written")


class _Reader:
    """Recursive descent with zen's precedences."""

    def __init__(self, text: str, depth: int, items: list[str]) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.depth = depth
        self.items = items  # what `#` is called, innermost last

    def whole(self) -> Node:
        node = self.expression()
        if self.at < len(self.tokens):
            raise FormulaError(_misplaced(self.tokens[self.at][1]))
        return node

    def expression(self, least: int = 0) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise FormulaError(_("it is nested too deeply"))
        left = self.unary()
        while (sign := self.operator()) is not None and _BINARY[sign] >= least:
            self.at += 2 if sign == "not in" else 1
            right = self.expression(_BINARY[sign] + (0 if sign == "^" else 1))
            left = Binary(sign, left, right)
        if least == 0 and self.take("?"):
            then = self.expression()
            self.need(":")
            left = Choice(left, then, self.expression())
        self.depth -= 1
        return left

    def operator(self) -> str | None:
        if self.peek() == "not" and self.peek(1) == "in":
            return "not in"
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        return text if kind in ("sign", "word") and text in _BINARY else None

    def unary(self) -> Node:
        kind, text = self.next()
        if kind in ("sign", "word") and text in _UNARY:
            return Unary(text, self.expression(_UNARY[text]))
        if kind == "number":
            return Literal(text)
        if kind == "string":
            return Literal(text)
        if kind == "template":
            return self.template(text)
        if kind == "word":
            return self.word(text)
        if text in ("(", "["):
            return self.bracket(text)
        if text == "{":
            return self.record()
        raise FormulaError(_misplaced(text))

    def word(self, text: str) -> Node:
        if text in ("true", "false", "null"):
            return Literal(text)
        if text == "#" and self.items:
            return self.after(Name(self.items[-1]))
        if text in _RESERVED or "$" in text or "#" in text:
            raise FormulaError(_misplaced(text))
        if self.peek() != "(":
            return self.after(Name(text))
        self.at += 1
        if text in CLOSURES:
            return self.after(self.closure(text))
        if text not in FUNCTIONS:
            raise FormulaError(_("there is no function “%s”") % text)
        arguments = self.arguments()
        if any(isinstance(a, Literal) and a.text[1:-1] == "now" for a in arguments):
            raise FormulaError(_("write now without quotes"))  # zen would read this machine's clock
        return self.after(Call(text, arguments))

    def closure(self, name: str) -> Node:
        items = self.expression()
        alias = f"{OWN}item_{len(self.items)}"
        if self.take("as"):
            kind, alias = self.next()
            if kind != "word" or not alias.isidentifier() or alias in _RESERVED or alias.startswith(OWN):
                raise FormulaError(_("“%s” is no name for an item") % alias)
        self.need(",")
        self.items.append(alias)
        body = self.expression()
        self.items.pop()
        self.need(")")
        return Closure(name, items, alias, body)

    def arguments(self, closing: str = ")") -> tuple[Node, ...]:
        found: list[Node] = []
        while not self.take(closing):
            if found:
                self.need(",")
            found.append(self.expression())
        return tuple(found)

    def bracket(self, opens: str) -> Node:
        if opens == "[" and self.take("]"):
            return self.after(Array(()))
        first = self.expression()
        if self.take(".."):
            end = self.expression()
            closes = self.next()[1]
            if closes not in (")", "]"):
                raise FormulaError(_("an interval needs a closing bracket"))
            return Interval(opens, first, end, closes)
        if opens == "(":
            self.need(")")
            return self.after(first)
        if self.take("]"):
            return self.after(Array((first,)))
        self.need(",")
        return self.after(Array((first, *self.arguments("]"))))

    def record(self) -> Node:
        keys: list[str] = []
        items: list[Node] = []
        while not self.take("}"):
            if keys:
                self.need(",")
            kind, key = self.next()
            if kind not in ("word", "string"):
                raise FormulaError(_("“%s” is no key") % key)
            self.need(":")
            keys.append(key)
            items.append(self.expression())
        return Record(tuple(keys), tuple(items))

    def template(self, text: str) -> Node:
        parts: list[str | Node] = []
        for index, part in enumerate(_IN_TEMPLATE.split(text[1:-1])):
            if index % 2 == 0 and "${" in part:
                raise FormulaError(_("a ${…} in the text is not closed"))
            parts.append(_Reader(part, self.depth + 1, self.items).whole() if index % 2 else part)
        return Template(tuple(part for part in parts if part != ""))

    def after(self, node: Node) -> Node:
        """What may follow: `.name`, `.name(…)`, `[index]`, `[start:end]`."""
        while True:
            if self.take("."):
                kind, name = self.next()
                if kind != "word" or "#" in name or "$" in name or name in ("true", "false", "null"):
                    raise FormulaError(_("“%s” is no name in a record") % name)
                node = self.method(node, name) if self.take("(") else Member(node, name)
            elif self.take("["):
                node = self.index(node)
            else:
                return node

    def method(self, node: Node, name: str) -> Node:
        if name not in METHODS:
            raise FormulaError(_("there is no function “%s”") % f".{name}")
        return Method(node, name, self.arguments())

    def index(self, node: Node) -> Node:
        start = self.expression()
        if self.take(":"):
            end = self.expression()
            self.need("]")
            return Slice(node, start, end)
        self.need("]")
        return Index(node, start)

    def peek(self, ahead: int = 0) -> str:
        index = self.at + ahead
        if index >= len(self.tokens) or self.tokens[index][0] not in ("sign", "word"):
            return ""
        return self.tokens[index][1]

    def next(self) -> tuple[str, str]:
        token = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        self.at += 1
        return token

    def take(self, text: str) -> bool:
        if self.peek() == text:
            self.at += 1
            return True
        if self.at >= len(self.tokens) and text in (")", "]", "}"):
            raise FormulaError(_("a “%s” is missing at the end") % text)
        return False

    def need(self, text: str) -> None:
        if self.peek() != text:
            raise FormulaError(_("a “%s” is missing") % text)
        self.at += 1


def _misplaced(text: str) -> str:
    return _("“%s” does not belong at this place") % text if text else _("it ends too early")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if not found or not found.lastgroup:
            raise FormulaError(_("“%s” cannot be read") % text[at : at + 12].strip())
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()
