"""Whether a change of a rule is provably stricter; all others loosen. Pure.

A rule that asks or forbids gets stricter by matching more and asking more; a standing approval by matching less and
allowing less.
"""

from collections.abc import Mapping
from typing import Any

from cases.calendars import duration
from orchestrator.workmap.records import Record, same

Spot = tuple[str, ...]
UPWARDS = ("more than", "at least")
DOWNWARDS = ("less than", "at most")


def spots(old: Record | None, new: Record | None, lines: Mapping[str, str]) -> list[Spot]:
    """Where the change loosens: `when`, `then`, `active`, or () for the whole rule. None: not there."""
    was = None if old is None or old.get("active", True) is False else old
    is_ = None if new is None or new.get("active", True) is False else new
    if was is None:
        return [()] if is_ is not None and is_standing(is_) else []
    if is_ is None:
        return [] if is_standing(was) else [("active",) if new is not None else ()]
    if is_standing(was) and is_standing(is_):
        return _standing(was, is_)
    if is_standing(was):
        return []
    if is_standing(is_):
        return [("then",)]
    found: list[Spot] = [] if covers(is_.get("when", {}), was.get("when", {})) else [("when",)]
    if not _asks_no_less(was["then"], is_["then"], lines):
        found.append(("then",))
    return found


def is_standing(rule: Record) -> bool:
    return "standing_approval" in rule["then"]


def _standing(old: Record, new: Record) -> list[Spot]:
    found: list[Spot] = [] if covers(old.get("when", {}), new.get("when", {})) else [("when",)]
    was, is_ = old["then"]["standing_approval"], new["then"]["standing_approval"]
    caps = all(key in is_ and is_[key] <= was[key] for key in was if key != "by")
    beside = same(_without(old["then"], "standing_approval"), _without(new["then"], "standing_approval"))
    if not (caps and was["by"] == is_["by"] and beside):
        found.append(("then",))
    return found


def covers(wide: Mapping[str, Any], narrow: Mapping[str, Any]) -> bool:
    """Whether `wide` provably matches whenever `narrow` does."""
    for key in ("types", "operations"):
        if wide.get(key) and not (narrow.get(key) and set(narrow[key]) <= set(wide[key])):
            return False
    for key in ("any", "not"):
        if wide.get(key) and not same(wide.get(key), narrow.get(key)):
            return False
    return all(any(_implies(strong, weak) for strong in narrow.get("all", [])) for weak in wide.get("all", []))


def _implies(strong: Any, weak: Any) -> bool:
    """Whether `weak` holds wherever `strong` does: the same condition, or a bound that is further out."""
    if same(strong, weak):
        return True
    if not isinstance(strong, Mapping) or not isinstance(weak, Mapping):
        return False
    if not same(_without(strong, "value"), _without(weak, "value")) or not (_number(strong) and _number(weak)):
        return False
    if strong.get("is") in UPWARDS:
        return bool(weak["value"] <= strong["value"])
    return strong.get("is") in DOWNWARDS and bool(weak["value"] >= strong["value"])


def _number(condition: Mapping[str, Any]) -> bool:
    value = condition.get("value")
    return isinstance(value, int | float) and not isinstance(value, bool)


def _without(record: Mapping[str, Any], *keys: str) -> Record:
    return {key: value for key, value in record.items() if key not in keys}


def _asks_no_less(old: Mapping[str, Any], new: Mapping[str, Any], lines: Mapping[str, str]) -> bool:
    if not same(old.get("if_unknown"), new.get("if_unknown")):
        return False
    if "forbid" in old or "forbid" in new:
        return "forbid" in new
    if "stages" in old or "stages" in new:
        return same(old, new)
    kept = _without(old, "ask", "people", "within", "if_nobody")
    if not same(kept, _without(new, "ask", "people", "within", "if_nobody")):
        return False
    return (
        _is_at_or_above(new["ask"], old["ask"], lines)
        and new.get("people", 1) >= old.get("people", 1)
        and _not_longer(old.get("within"), new.get("within"))
        and (old.get("if_nobody") is None or same(old["if_nobody"], new.get("if_nobody")))
    )


def _is_at_or_above(team: str, other: str, lines: Mapping[str, str]) -> bool:
    """Whether `team` is `other` or stands above it on the line it passes up."""
    seen: set[str] = set()
    while other and other not in seen:
        if other == team:
            return True
        seen.add(other)
        other = lines.get(other, "")
    return False


def _not_longer(old: str | None, new: str | None) -> bool:
    if old is None or old == new:
        return True
    if new is None:
        return False
    was, is_ = duration(old), duration(new)
    return was.working_days >= is_.working_days and was.seconds >= is_.seconds
