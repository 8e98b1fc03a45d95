"""Whether a change of a rule is provably stricter; all others loosen. Pure.

A rule that asks or forbids gets stricter by matching more and asking more; a standing approval by matching less and
allowing less.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from cases.calendars import duration
from orchestrator.workmap.records import Record, same

Spot = tuple[str, ...]
UPWARDS = ("more than", "at least")
DOWNWARDS = ("less than", "at most")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The rest of the map, as far as loosening is judged by it. `lines`: team -> the team it passes up to; `leads`:
    request type -> who decides where no rule says who; `lower`: operations below level 4; `grounds`: request type (''
    for all) -> facts that a rule compares there, or by which an operation knows its money or its records."""

    lines: Mapping[str, str] = field(default_factory=dict)
    hold: str = "30s"
    leads: Mapping[str, str] = field(default_factory=dict)
    lower: frozenset[str] = frozenset()
    grounds: Mapping[str, Collection[str]] = field(default_factory=dict)


def spots(old: Record | None, new: Record | None, around: Surroundings) -> list[Spot]:
    """Where the change loosens: `when`, `then`, `active`, or () for the whole rule. None: not there.

    Where a rule that asks begins to match, it takes the place of the type's lead: it must ask nobody below them.
    """
    was = None if old is None or old.get("active", True) is False else old
    is_ = None if new is None or new.get("active", True) is False else new
    if was is None:
        return [()] if is_ is not None and (is_standing(is_) or _asks_below_the_lead(is_, around)) else []
    if is_ is None:
        return [] if is_standing(was) else [("active",) if new is not None else ()]
    if is_standing(was) and is_standing(is_):
        return _standing(was, is_)
    if is_standing(was):
        return [("then",)] if _asks_below_the_lead(is_, around) else []
    if is_standing(is_):
        return [("then",)]
    matches_as_much = covers(is_.get("when", {}), was.get("when", {}))
    matches_more = not covers(was.get("when", {}), is_.get("when", {}))
    found: list[Spot] = []
    if not matches_as_much or (matches_more and _asks_below_the_lead(is_, around)):
        found.append(("when",))
    if not _asks_no_less(was["then"], is_["then"], around.lines):
        found.append(("then",))
    return found


def _asks_below_the_lead(rule: Record, around: Surroundings) -> bool:
    """Whether somebody could answer who is neither of the lead team of a type it is about, nor above it."""
    when, then = rule.get("when", {}), rule["then"]
    operations = set(when.get("operations") or ())
    if operations and operations <= around.lower:
        return False  # without the rule nobody would be asked at all
    leads = {around.leads[name] for name in when.get("types") or around.leads if name in around.leads}
    demands = [one for one in (then, then.get("if_unknown")) if one and "forbid" not in one]
    return any(not _is_enough(one, lead, around.lines) for one in demands for lead in leads)


def _is_enough(demand: Mapping[str, Any], lead: str, lines: Mapping[str, str]) -> bool:
    """Of several stages one is enough, since all must agree; whoever it passes to must do as well."""
    parts = demand.get("stages") or [demand]
    high = [part for part in parts if _is_at_or_above(str(part.get("ask") or lead), lead, lines)]
    nobody = [part.get("if_nobody") or demand.get("if_nobody") or {} for part in high]
    return any(_is_at_or_above(one.get("pass_to", lead), lead, lines) for one in nobody)


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
    if not _together_no_more(old.get("together"), new.get("together")):
        return False
    old, new = _without(old, "together"), _without(new, "together")
    if "stages" in old or "stages" in new:
        usual = {"order": "one_after_the_other"}
        alike = same(usual | _without(old, "exclusive"), usual | _without(new, "exclusive"))
        return alike and (_is_exclusive(new) or not _is_exclusive(old))
    kept = _without(old, "ask", "people", "within", "if_nobody")
    if not same(kept, _without(new, "ask", "people", "within", "if_nobody")):
        return False
    return (
        _is_at_or_above(new["ask"], old["ask"], lines)
        and new.get("people", 1) >= old.get("people", 1)
        and _not_longer(old.get("within"), new.get("within"))
        and _passes_no_lower(old, new, lines)
    )


def _is_exclusive(then: Mapping[str, Any]) -> bool:
    """That a person decides at most one stage holds unless it is said not to."""
    return then.get("exclusive", True) is not False


def _together_no_more(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
    """No rule that limits what is decided together means no limit."""
    return old is None or (new is not None and bool(new["total"] <= old["total"]))


def _passes_no_lower(old: Mapping[str, Any], new: Mapping[str, Any], lines: Mapping[str, str]) -> bool:
    """Who is asked as well when nobody answers in time: nobody new below the team itself."""
    was, is_ = old.get("if_nobody"), new.get("if_nobody")
    if is_ is None or was is not None:
        return same(was, is_)
    return "pass_to" not in is_ or _is_at_or_above(is_["pass_to"], new["ask"], lines)


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
