"""What of an answer an agent may see: the fields its grant names, and the items that belong to the case.
Pure.

Both fail closed: what is not named is dropped, and an answer of another shape than expected lets nothing
through.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from cases.values import UNKNOWN

NAME = re.compile(r"[^.\[\]\s][^.\[\]]*")
ITEMS = "[*]"

Tree = dict[str, "Tree"]
"""Granted names; an empty branch means everything below. `[*]` stands for each item of a list."""


def keep_fields(value: Any, fields: Sequence[str] | None) -> Any:
    """`value` with only the granted paths (`number`, `customer.name`, `items[*].id`); None grants everything.

    A list answer is filtered item by item. Fields that are not there are left out, and a path that does not
    lead through the value as it is shaped grants nothing. A value of which nothing is granted becomes None,
    an object {}.
    """
    if fields is None:
        return value
    tree: Tree = {}
    for path in fields:
        steps = _steps(path)
        # A leading [*] says the same as a list answer does by itself.
        while steps and steps[0] == ITEMS:
            steps = steps[1:]
        if steps:
            _grow(tree, steps)
    return _keep_top(value, tree)


def seen_through(value: Any, path: object, fields: Sequence[str] | None) -> Any:
    """A looked-up value as a grant with `fields` shows it; UNKNOWN if it shows nothing of it.

    `path`: where in the answer the value stands (None: it is the answer itself).
    """
    if fields is None:
        return value
    if not path:
        kept = keep_fields(value, fields)
        return UNKNOWN if kept is None else kept
    whole = str(path)
    if any(whole == field or whole.startswith((f"{field}.", f"{field}[")) for field in fields):
        return value
    inner = [field[len(whole) + 1 :] for field in fields if field.startswith(f"{whole}.")]
    kept = keep_fields(value, inner) if inner else None
    return UNKNOWN if kept is None else kept


def problems_of_fields(fields: object) -> list[str]:
    """What is wrong with the `fields` of a grant as written."""
    if fields is None:
        return []
    if not isinstance(fields, list):
        return [_("fields must be a list of paths.")]
    bad = [path for path in fields if not isinstance(path, str) or not _steps(path)]
    return [_("fields: %(path)s is not a path like total, customer.name or items[*].id.") % {"path": p} for p in bad]


def filter_items(answer: Any, keep: Mapping[str, Any]) -> Any:
    """`answer` with only the items that belong to the case.

    keep: {items: PATH of the list (left out: the answer is the list), where: {PATH in an item: value, or a
    list of values}}; the values are the case's, already filled in. All of `where` must hold. Counts, cursors
    and everything else beside the list are dropped: they would tell about records of others. If there is no
    list at the path, or no value to compare with, no item passes.
    """
    names = [name for name in str(keep.get("items") or "").split(".") if name]
    found = answer
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    where = keep.get("where")
    items = found if isinstance(found, list) and isinstance(where, Mapping) and where else []
    kept: Any = [item for item in items if all(_matches(item, path, value) for path, value in (where or {}).items())]
    for name in reversed(names):
        kept = {name: kept}
    return kept


def problems_of_keep(keep: object) -> list[str]:
    """What is wrong with the `keep` of an operation as written."""
    if not keep:
        return []
    if not isinstance(keep, Mapping) or set(keep) - {"items", "where"}:
        return [_("keep has the keys items and where.")]
    found = []
    if keep.get("items") and not all(NAME.fullmatch(name) for name in str(keep["items"]).split(".")):
        found.append(_("keep: items must be a path of names, like results or data.orders."))
    where = keep.get("where")
    if not isinstance(where, Mapping) or not where:
        found.append(_("keep: where must say which field of an item equals which value of the case."))
    elif any(not _steps(path) or ITEMS in _steps(path) for path in where):
        found.append(_("keep: where compares plain fields, like customer_id or owner.id."))
    return found


def _steps(path: object) -> list[str]:
    """The steps of a path, `[*]` included; empty if it is no such path."""
    steps: list[str] = []
    for piece in str(path).split("."):
        name, lists = piece, 0
        while name.endswith(ITEMS):
            name, lists = name.removesuffix(ITEMS), lists + 1
        if name and NAME.fullmatch(name):
            steps.append(name)
        elif name or steps or not lists:
            return []
        steps += [ITEMS] * lists
    return steps


def _grow(tree: Tree, steps: list[str]) -> None:
    for index, step in enumerate(steps):
        if step in tree and not tree[step]:
            return  # everything below is granted already
        if index == len(steps) - 1:
            tree[step] = {}
            return
        tree = tree.setdefault(step, {})


def _keep_top(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_keep_top(item, tree) for item in value]
    return _keep(value, tree) if isinstance(value, Mapping) else None


def _keep(value: Mapping[str, Any], tree: Tree) -> dict[str, Any]:
    kept = {}
    for name, below in tree.items():
        if name in value:
            fits, inner = _inside(value[name], below)
            if fits:
                kept[name] = inner
    return kept


def _inside(value: Any, tree: Tree) -> tuple[bool, Any]:
    """Whether anything of `value` is granted by `tree`, and what."""
    if not tree:
        return True, value
    if isinstance(value, Mapping):
        names = {name: below for name, below in tree.items() if name != ITEMS}
        return bool(names), _keep(value, names)
    if isinstance(value, list) and ITEMS in tree:
        inner = [_inside(item, tree[ITEMS]) for item in value]
        return True, [item for fits, item in inner if fits]
    return False, None


def _matches(item: Any, path: object, wanted: Any) -> bool:
    found = item
    for step in _steps(path) or [""]:
        if not isinstance(found, Mapping) or step not in found:
            return False
        found = found[step]
    if isinstance(wanted, list | tuple):
        return any(_same(found, one) for one in wanted)
    return _same(found, wanted)


def _same(found: Any, wanted: Any) -> bool:
    # Nothing equals nothing: a case without a customer must not get the records that have none either.
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if isinstance(wanted, str):
        return wanted != "" and isinstance(found, str) and found == wanted
    if isinstance(wanted, int | Decimal | float):
        return isinstance(found, int | Decimal | float) and found == wanted
    return False
