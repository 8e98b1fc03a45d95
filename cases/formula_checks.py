"""The tree as zen shall see it, and what is worked out beside it so that its answer can be believed.

`d(x)` is put into the company's zone, days(…) is taken out, and for each piece that could be null or compares
unlike things there is one more expression that zen must find not null. Text only; nothing is worked out here.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cases.formula_paths import path_of, pieces, root_of
from cases.formula_text import (
    OWN,
    Array,
    Binary,
    Call,
    Choice,
    Closure,
    Index,
    Interval,
    Literal,
    Member,
    Method,
    Name,
    Node,
    Record,
    Slice,
    write,
)

_PATHS = (Name, Member, Index, Slice)


def rebuilt(node: Node, change: dict[int, Node]) -> Node:
    """The tree with some pieces (by id) exchanged."""
    if id(node) in change:
        return change[id(node)]
    new: dict[str, Any] = {}
    for name in node.__dataclass_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            new[name] = rebuilt(value, change)
        elif isinstance(value, tuple):
            new[name] = tuple(rebuilt(p, change) if isinstance(p, Node) else p for p in value)
    return replace(node, **new) if new else node


def days_of(tree: Node) -> list[Call]:
    """The outermost days(…) of a tree."""
    if isinstance(tree, Call) and tree.name == "days":
        return [tree]
    return [found for child in tree.children() for found in days_of(child)]


def without_days(tree: Node) -> Node:
    """The tree with a number for each days(…), so that zen can say whether the rest is its language."""
    return rebuilt(tree, {id(call): Literal("1") for call in days_of(tree)})


def in_zone(tree: Node, key: str) -> Node:
    """`d(x)` means a time in the company's zone, and `d()` is `now`, never this machine's clock."""
    change: dict[int, Node] = {}
    for call in [node for node, _depth in pieces(tree, 0) if isinstance(node, Call) and node.name == "d"]:
        if len(call.arguments) < 2:
            inner = [in_zone(argument, key) for argument in call.arguments] or [Name("now")]
            change[id(call)] = Call("d", (*inner, Literal(f"'{key}'")))
    return rebuilt(tree, change)


_Frames = tuple[tuple[str, str, str], ...]


def checks(node: Node, frames: _Frames, top: bool = True) -> Iterator[tuple[str, int]]:
    """Yield texts that zen must find not null, with the number of lists around each answer.

    Paths are checked wherever they stand; what is worked out only where zen would get to it (the branch
    taken, the right side that still matters).
    """
    if isinstance(node, _PATHS):
        path = path_of(node, {})
        if path is None or _inside(root_of(path), frames):
            yield _framed(_there(node), tuple(f for f in frames if f[0] == "each"))
    else:
        for text in _conditions(node):
            yield _framed(text, frames)
        if not top and not isinstance(node, Literal | Array | Record | Interval | Closure):
            yield _framed(_there(node), frames)
    for child, inner in _parts(node, frames):
        yield from checks(child, inner, top=False)


def _there(node: Node) -> str:
    """Whether the piece is not null; its value, which may be long, does not come back."""
    return f"({write(node)} == null ? null : true)"


def _inside(root: str, frames: _Frames) -> bool:
    return any(kind == "each" and alias == root for kind, _text, alias in frames)


def _parts(node: Node, frames: _Frames) -> Iterator[tuple[Node, _Frames]]:
    """The parts with what stands around each; a path's own inside needs no second look."""
    match node:
        case Choice(condition, then, otherwise):
            yield condition, frames
            yield then, (*frames, ("if", write(condition), ""))
            yield otherwise, (*frames, ("unless", write(condition), ""))
        case Binary("and" | "or" as sign, left, right):
            yield left, frames
            yield right, (*frames, ("if" if sign == "and" else "unless", write(left), ""))
        case Closure(_, items, alias, body):
            yield items, frames
            yield body, (*frames, ("each", write(items), alias))
        case Member(inside, _):
            yield from _parts(inside, frames) if isinstance(inside, _PATHS) else [(inside, frames)]
        case Index(inside, index):
            yield from _parts(inside, frames) if isinstance(inside, _PATHS) else [(inside, frames)]
            yield index, frames
        case Slice(inside, start, end):
            yield from _parts(inside, frames) if isinstance(inside, _PATHS) else [(inside, frames)]
            yield start, frames
            yield end, frames
        case _:
            for child in node.children():
                yield child, frames


def _framed(text: str, frames: _Frames) -> tuple[str, int]:
    for kind, around, alias in reversed(frames):
        if kind == "each":
            text = f"map({around} as {alias}, {text})"
        else:
            text = f"({around} ? {text} : true)" if kind == "if" else f"({around} ? true : {text})"
    return text, sum(kind == "each" for kind, _around, _alias in frames)


def _conditions(node: Node) -> Iterator[str]:
    """What must hold so that zen's answer to this piece means what it says."""
    match node:
        case Binary("==" | "!=", left, right):
            if Literal("null") not in (left, right):
                one, two = write(left), write(right)
                plain = f"type({one}) in ['number', 'string', 'bool', 'date']"
                yield f"(type({one}) == type({two}) and {plain} ? true : null)"
        case Binary("in" | "not in", left, right) if not isinstance(right, Interval):
            yield _alike(write(right), write(left), "null")
        case Call("contains", (items, item)):
            yield _alike(write(items), write(item), "true")
        case Call("d") | Method(_, "add" | "sub" | "tz" | "startOf" | "endOf" | "set"):
            yield f"({write(node)}.isValid() ? true : null)"


def _alike(items: str, item: str, otherwise: str) -> str:
    same = f"all({items} as {OWN}each, type({OWN}each) == type({item}))"
    other = f"(type({items}) == 'object' ? true : {otherwise})"
    return f"(type({items}) == 'array' ? ({same} ? true : null) : {other})"
