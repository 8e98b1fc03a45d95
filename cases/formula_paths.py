"""What a formula's tree uses and what in it we do not accept: paths, closures around a piece, days(…).

Trees in, paths and sentences out; nothing is worked out here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from difflib import get_close_matches

from django.utils.translation import gettext as _

from cases.formula_text import Binary, Call, Closure, Index, Interval, Literal, Member, Name, Node

_DEEPEST_CLOSURE = 3


def root_of(path: str) -> str:
    """The name a path begins with."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def path_of(node: Node, scope: Mapping[str, str | None]) -> str | None:
    """The piece as a path, if it is one that needs no working out."""
    match node:
        case Name(name):
            return scope.get(name, name)
        case Member(inside, name):
            start = path_of(inside, scope)
            return None if start is None else f"{start}.{name}"
        case Index(inside, Literal(text)) if (start := path_of(inside, scope)) is not None:
            if re.fullmatch("[0-9]{1,6}", text):
                return f"{start}[{int(text)}]"
            return f"{start}.{text[1:-1]}" if re.fullmatch(r"(['\"])[\w-]+\1", text) else None
    return None


def uses(node: Node, scope: dict[str, str | None]) -> Iterator[str]:
    """Every longest path in the tree, those of items as `order.payments[*].id`."""
    path = path_of(node, scope)
    if path is not None:
        yield path
        return
    if isinstance(node, Closure):
        yield from uses(node.items, scope)
        inner = node.items
        while isinstance(inner, Closure) and inner.name == "filter":
            inner = inner.items
        start = path_of(inner, scope)
        yield from uses(node.body, {**scope, node.alias: None if start is None else f"{start}[*]"})
    elif not (isinstance(node, Name) and node.name in scope):
        for child in node.children():
            yield from uses(child, scope)


def outer_paths(node: Node) -> Iterator[str]:
    """Paths that do not begin at an item of a closure: these can be looked at before zen starts."""

    def walk(piece: Node, scope: frozenset[str]) -> Iterator[str]:
        path = path_of(piece, {})
        if path is not None:
            if root_of(path) not in scope:
                yield path
            return
        for child in piece.children():
            bound = isinstance(piece, Closure) and child is piece.body
            yield from walk(child, scope | {piece.alias} if bound and isinstance(piece, Closure) else scope)

    return walk(node, frozenset())


def undeclared(tree: Node, declared: Set[str]) -> Iterator[str]:
    """A sentence for each name that is not declared."""
    for path in sorted(set(uses(tree, {}))):
        start, *rest = re.split(r"[.\[]", path, maxsplit=2)
        dotted = {name for name in declared if name.startswith(f"{start}.")}
        if start not in declared and not dotted:
            yield _not_there(start, declared)
        elif dotted and rest and f"{start}.{rest[0]}" not in dotted:
            yield _not_there(f"{start}.{rest[0]}", dotted)


def _not_there(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, sorted(known), 1)
    if near:
        return _("The formula uses “%(name)s”, which is not there; did you mean “%(near)s”?") % {
            "name": name,
            "near": near[0],
        }
    return _("The formula uses “%(name)s”, which is not there.") % {"name": name}


def misused(tree: Node) -> list[str]:
    """What zen would accept and we do not."""
    problems = []
    for node, depth in pieces(tree, 0):
        if isinstance(node, Call) and node.name == "days":
            if depth:
                problems.append(_("days(…) cannot stand inside map or filter."))
            elif len(node.arguments) != 1 or not _is_difference(node.arguments[0]):
                problems.append(_("days(…) needs one difference, such as days(today - order.promised_on)."))
        if isinstance(node, Closure) and isinstance(node.items, Interval):
            problems.append(_("An interval cannot be gone through item by item."))
        if depth > _DEEPEST_CLOSURE:
            problems.append(_("map and filter stand inside each other too deeply."))
            break
    return problems


def _is_difference(node: Node) -> bool:
    return isinstance(node, Binary) and node.sign == "-"


def pieces(node: Node, depth: int) -> Iterator[tuple[Node, int]]:
    """Every piece with the number of closures around it (their item lists count as inside, too)."""
    yield node, depth
    for child in node.children():
        yield from pieces(child, depth + isinstance(node, Closure))
