"""What changes between two records, in words a person reads before it happens. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cases.texts import say
from orchestrator.workmap.problems import cut
from orchestrator.workmap.records import NAMED_LISTS, Key, Record, same, title_of

DEEPER = {
    "limits",
    "due",
    "when",
    "then",
    "standing_approval",
    "customer",
    "reply",
    "undo",
    "read_back",
    "fallback",
}
SINGULAR = {"facts": "fact", "steps": "step", "templates": "template"}


@dataclass(frozen=True, slots=True)
class Difference:
    """`spot`: the keys that lead to it (parts of a type by their names). None: not there."""

    spot: tuple[str, ...]
    old: Any
    new: Any


def between(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[Difference]:
    """What differs, key by key; for a record that is new or retired, one difference with an empty spot."""
    if old is None or new is None:
        return [] if old is new else [Difference((), old, new)]
    return list(_inside(old, new, ()))


def _inside(old: Mapping[str, Any], new: Mapping[str, Any], spot: tuple[str, ...]) -> list[Difference]:
    found: list[Difference] = []
    for key in {**old, **new}:
        was, is_ = old.get(key), new.get(key)
        if same(was, is_):
            continue
        if key in NAMED_LISTS and _have_names(was) and _have_names(is_):
            found += _parts(was or [], is_ or [], (*spot, key))
        elif key in DEEPER and isinstance(was, dict) and isinstance(is_, dict):
            found += _inside(was, is_, (*spot, key))
        else:
            found.append(Difference((*spot, key), was, is_))
    return found


def _have_names(parts: Any) -> bool:
    """Not so the steps of a fallback card, which have titles, and those of a grant, which are names."""
    return all(isinstance(part, dict) and "name" in part for part in parts or [])


def _parts(old: list[Record], new: list[Record], spot: tuple[str, ...]) -> list[Difference]:
    before = {str(part["name"]): part for part in old}
    after = {str(part["name"]): part for part in new}
    found: list[Difference] = []
    for name in {**before, **after}:
        was, is_ = before.get(name), after.get(name)
        if was is None or is_ is None:
            found.append(Difference((*spot, name), was, is_))
        else:
            found += _inside(was, is_, (*spot, name))
    kept = [name for name in before if name in after]
    if not found and kept != [name for name in after if name in before]:
        found.append(Difference(spot, old, new))
    return found


def in_words(key: Key, difference: Difference) -> str:
    """`Operation payments.refund: level changes from controlled to internal`."""
    who = _who(key)
    spot = list(difference.spot)
    if spot and spot[0] in SINGULAR and len(spot) > 1:
        who = f"{who}, {title_of(SINGULAR[spot[0]])} {spot[1]}"
        spot = spot[2:]
    return f"{who}: {_change('.'.join(spot), difference)}" if spot else f"{who} {_whole(difference)}"


def lines(key: Key, difference: Difference, was: Record | None) -> list[str]:
    """One line; for a record that comes back from retirement also how it differs from `was`, what it was before."""
    if was is None:
        return [in_words(key, difference)]
    back = _("comes back")
    return [f"{_who(key)} {back}", *(in_words(key, one) for one in between(was, difference.new))]


def _who(key: Key) -> str:
    return f"{title_of(key[0]).capitalize()} {key[1]}".strip()


def _whole(difference: Difference) -> str:
    if difference.old is None:
        return _("is new")
    return _("is retired") if difference.new is None else _("are in another order")


def _change(key: str, difference: Difference) -> str:
    old, new = difference.old, difference.new
    if _is_list_of_texts(old) and _is_list_of_texts(new):
        return _list_change(key, old or [], new or [])
    if _is_short(old) and _is_short(new):
        values = {"key": key, "old": _shown(old), "new": _shown(new)}
        if old is None:
            return _("%(key)s becomes %(new)s") % values
        if new is None:
            return _("%(key)s is no longer said (it was %(old)s)") % values
        return _("%(key)s changes from %(old)s to %(new)s") % values
    return (_("%(key)s is no longer said") if new is None else _("%(key)s changes")) % {"key": key}


def _list_change(key: str, old: list[str], new: list[str]) -> str:
    gained = ", ".join(item for item in new if item not in old)
    lost = ", ".join(item for item in old if item not in new)
    values = {"key": key, "gained": cut(gained, 200), "lost": cut(lost, 200)}
    if gained and lost:
        return _("%(key)s gains %(gained)s and loses %(lost)s") % values
    if gained:
        return _("%(key)s gains %(gained)s") % values
    return (_("%(key)s loses %(lost)s") if lost else _("%(key)s is in another order")) % values


def _is_list_of_texts(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _is_short(value: Any) -> bool:
    return not isinstance(value, dict | list) or (isinstance(value, dict) and set(value) <= {"en", "zh-hant"})


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = cut(say(value) if isinstance(value, dict) else value, 120)
    return f"“{text}”" if " " in text else text
