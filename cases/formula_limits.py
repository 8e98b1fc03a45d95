"""How much work a formula could make for zen, always guessed from above, so that none runs for long."""

from collections.abc import Collection, Mapping

from cases.formula_paths import path_of, root_of
from cases.formula_text import Array, Binary, Call, Closure, Literal, Node, Unary
from cases.values import dig

MOST_WORK = 150_000  # pieces worked out, checks included; zen does about two million a second
MOST_WEIGHT = 200_000  # values in one record, and sixteenths of its texts' characters
_LONG_ANSWERS = frozenset(
    [
        "split",
        "flatten",
        "keys",
        "values",
        "extract",
        "upper",
        "lower",
        "trim",
        "string",
        "merge",
        "mergeDeep",
    ]
)


class Work:
    """Estimates, always from above, how many pieces zen would work out."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self.values = values
        self.total = 0

    def fits(self, tree: Node, roots: Collection[str], checks: int) -> bool:
        """Whether formula and checks stay within bounds."""
        if sum(weight_of(self.values.get(root)) for root in roots) > MOST_WEIGHT:
            return False
        weight, _items = self.size(tree, {}, 1)  # the result itself is made into Python's values
        return self.total * (1 + checks) + weight <= MOST_WORK

    def size(self, node: Node, scope: dict[str, int], times: int) -> tuple[int, int]:
        """Return (weight, items) of what the piece gives, and count the work of getting it `times` times."""
        weight, items = self._size(node, scope, times)
        self.total += times * (1 + weight // 200)
        return weight, items

    def _size(self, node: Node, scope: dict[str, int], times: int) -> tuple[int, int]:
        path = path_of(node, {})
        if path is not None:
            if root_of(path) in scope:
                return scope[root_of(path)], scope[root_of(path)]
            value = dig(self.values, path)
            return weight_of(value), len(value) if isinstance(value, list | tuple | Mapping | str) else 1
        if isinstance(node, Closure):
            weight, items = self.size(node.items, scope, times)
            inner, many = self.size(node.body, {**scope, node.alias: weight}, times * max(1, items))
            if node.name in ("map", "flatMap"):
                return items * inner, items * (many if node.name == "flatMap" else 1)
            return (weight, items) if node.name == "filter" else (1, 1)
        sizes = [self.size(child, scope, times)[0] for child in node.children()]
        weight = sum(sizes) + (len(node.text) // 16 if isinstance(node, Literal) else 1)
        if isinstance(node, Call) and node.name in ("fuzzyMatch", "matches", "extract"):
            self.total += times * (weight * weight if node.name == "fuzzyMatch" else 2_000 + weight)
        if isinstance(node, Array):
            return weight, len(node.items)
        if isinstance(node, Unary) or (isinstance(node, Call) and node.name not in _LONG_ANSWERS):
            return 1, 1
        if isinstance(node, Binary) and node.sign not in ("+", "??"):
            return 1, 1
        if isinstance(node, Call) and node.name == "split":
            self.total += times * weight * 16 // 3  # three of its pieces cost what one of others does
            return weight * 16, weight * 16
        return weight, weight


def weight_of(value: object) -> int:
    """Values in a record or list and sixteenths of the texts' length; stops counting when it is too much."""
    total, waiting = 0, [value]
    while waiting and total <= MOST_WEIGHT:
        piece = waiting.pop()
        total += 1 + (len(piece) // 16 if isinstance(piece, str) else 0)
        if isinstance(piece, Mapping):
            waiting.extend(piece.values())
        elif isinstance(piece, list | tuple):
            waiting.extend(piece)
    return total
