"""Which changes of a record loosen what the company allows, so that a second person must publish them. Pure.

A change is taken for loosening unless it is known not to be: keys listed as neutral, and changes that are
provably stricter. Rules have a module of their own, `loosening_rules.py`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from agents import schemas
from approvals.variants import ticks_of
from cases.calendars import duration
from orchestrator.workmap import loosening_rules
from orchestrator.workmap.loosening_rules import Surroundings
from orchestrator.workmap.records import Record, same

Spot = tuple[str, ...]
"""A key of a record, or (`facts`, NAME) in a request type."""
Stricter = Callable[[Any, Any], bool]
"""(old, new) -> whether the new value allows nothing that the old one did not. None: the key is not said."""

LOWER = ("reference", "case", "internal")
"""Levels that need no approval of themselves."""
LEVELS = ("reference", "case", "internal", "controlled")
RISKS = ("low", "medium", "high")
WORDS = ("title", "description", "examples")
"""What a schema says to people, and nothing checks."""


def _rises(names: tuple[str, ...], default: str) -> Stricter:
    return lambda old, new: names.index(new or default) >= names.index(old or default)


def _shrinks(old: Any, new: Any) -> bool:
    """A list that gives rights: fewer is stricter; not said gives none."""
    return set(map(str, new or [])) <= set(map(str, old or []))


def _narrows(old: Any, new: Any) -> bool:
    """A list that restricts: not said restricts nothing."""
    return new is not None and (old is None or set(map(str, new)) <= set(map(str, old)))


def _only_falls(old: Any, new: Any) -> bool:
    """A cap: not said is no cap."""
    return new is not None and (old is None or new <= old)


def _caps(old: Any, new: Any) -> bool:
    """Several caps: each stays or falls, new ones may come."""
    return all(_only_falls(cap, (new or {}).get(key)) for key, cap in (old or {}).items())


def _appears(old: Any, new: Any) -> bool:
    """A protection that was not there before."""
    return not old or old == "none"


def _longer(old: Any, new: Any) -> bool:
    return bool(duration(new or "30s").seconds >= duration(old or "30s").seconds)


def _shorter(old: Any, new: Any) -> bool:
    return bool(duration(new or "5m").seconds <= duration(old or "5m").seconds)


def _asked_earlier(old: Any, new: Any) -> bool:
    """From which risk on a second factor is asked for: not said is never."""
    return not old or (bool(new) and RISKS.index(new) <= RISKS.index(old))


def _off(old: Any, new: Any) -> bool:
    return not new


def _on(old: Any, new: Any) -> bool:
    return bool(new)


def _more_keys(old: Any, new: Any) -> bool:
    """A case key: touching no record may become bound; a bound one may be bound by more arguments."""
    if old == "none":
        return True
    return isinstance(old, dict) and isinstance(new, dict) and all(same(new.get(key), old[key]) for key in old)


def _ticks_stay(old: Any, new: Any) -> bool:
    """What an approval shows may change, but what has to be ticked stays, with what it was filled from."""
    slots = [slot.name for slot in ticks_of(old)]
    kept = {slot.name for slot in ticks_of(new)} >= set(slots)
    return kept and all(same((old or {}).get(name), (new or {}).get(name)) for name in slots)


def _same_but_for_words(old: Any, new: Any) -> bool:
    return same(_bare_schema(old), _bare_schema(new))


def _bare_schema(schema: Any) -> Any:
    """Without its words for people: those stand in a schema, not among names of arguments nor in values."""
    if not isinstance(schema, Mapping):
        return schema
    return {key: _bare_part(key, part) for key, part in schema.items() if key not in WORDS}


def _bare_part(key: str, part: Any) -> Any:
    if key in schemas.NAMED and isinstance(part, Mapping):
        return {name: _bare_schema(one) for name, one in part.items()}
    if key in schemas.LISTED and isinstance(part, list):
        return [_bare_schema(one) for one in part]
    return _bare_schema(part) if key in schemas.ONE else part


NEUTRAL: dict[str, set[str]] = {
    "company": {"name", "languages"},
    "calendar": {"title", "hours", "holidays"},
    "team": {"title"},
    "system": {"title", "owner", "timeout"},
    "operation": {"title", "undo"},
    "agent": {"title", "purpose", "owner"},
    "grant": {"reason"},
    "request_type": {"title", "examples", "phrases", "due", "fallback", "reasons", "templates"},
    "facts": {"name", "title", "required"},
    "steps": {"name", "after", "when", "does", "procedure", "on_failure"},
}
STRICTER: dict[str, dict[str, Stricter]] = {
    "company": {"hold": _longer, "step_up": _asked_earlier, "step_up_lasts": _shorter},
    "team": {"step_up": _on},
    "system": {"private_network": _off},
    "operation": {
        "level": _rises(LEVELS, "controlled"),
        "editable": _shrinks,
        "secret": lambda old, new: _shrinks(new, old),
        "masked": lambda old, new: _shrinks(new, old),
        "shows": _ticks_stay,
        "risk": _rises(RISKS, "medium"),
        "high_above": _only_falls,
        "case_key": _more_keys,
        "keep": _appears,
        "money": _appears,
        "effect_key": _appears,
        "version": _appears,
        "read_back": _appears,
        "arguments": _same_but_for_words,
        "suspended": _on,
    },
    "agent": {"limits": _caps, "active": lambda old, new: new is False},
    "grant": {
        "fields": _narrows,
        "types": _narrows,
        "steps": _narrows,
        "limits": _caps,
        "until": lambda old, new: new <= old,
        "since": lambda old, new: new is not None and (old is None or new >= old),
    },
    "request_type": {"risk": _rises(RISKS, "medium"), "confidential": _on, "suggestion_after_choice": _on},
    "facts": {},
    "steps": {"operations": _narrows, "team": lambda old, new: old is None},
}


def spots(what: str, old: Record | None, new: Record | None, around: Surroundings) -> list[Spot]:
    """Where the change from `old` to `new` loosens: keys, and () when the whole record does. None: not there."""
    if what == "rule":
        return loosening_rules.spots(old, new, around)
    hold = around.hold
    if old is None:
        return [()] if _loosens_by_being_there(what, new or {}) else []
    if new is None:
        return []
    found = [(key,) for key in _changed(old, new) if key not in ("facts", "steps") or what != "request_type"]
    found = [spot for spot in found if not _is_stricter(what, spot[0], old, new)]
    if what == "operation" and ("hold",) in found and _longer(old.get("hold", hold), new.get("hold", hold)):
        found.remove(("hold",))
    if what == "request_type":
        grounds = {*around.grounds.get("", ()), *around.grounds.get(str(old["name"]), ())}
        return [*found, *_facts(old, new, grounds), *_steps(old, new)]
    return list(found)


def _loosens_by_being_there(what: str, new: Record) -> bool:
    """A grant gives; an operation that writes below level 4 could be called by people with no approval."""
    if what == "operation":
        return bool(new.get("kind", "write") == "write" and new.get("level", "controlled") != "controlled")
    return what == "grant"


def _changed(old: Record, new: Record) -> list[str]:
    return [key for key in {**old, **new} if not same(old.get(key), new.get(key))]


def _is_stricter(what: str, key: str, old: Record, new: Record) -> bool:
    if key in NEUTRAL[what]:
        return True
    test = STRICTER.get(what, {}).get(key)
    return test is not None and test(old.get(key), new.get(key))


def _named(key: str, record: Record) -> dict[str, Record]:
    return {str(part["name"]): part for part in record.get(key, [])}


def _facts(old: Record, new: Record, grounds: Collection[str]) -> list[Spot]:
    """Facts that loosen. One that is gone takes its rules' ground away. A new one does not, but where something stands
    on a fact of its name: what was unknown there asked a person, or touched no record."""
    before, after = _named("facts", old), _named("facts", new)
    gone = before.keys() - after.keys()
    new_grounds = (after.keys() - before.keys()) & set(grounds)
    changed = {name for name in before.keys() & after.keys() if _part_loosens("facts", before[name], after[name])}
    return [("facts", name) for name in sorted({*gone, *new_grounds, *changed})]


def _steps(old: Record, new: Record) -> list[Spot]:
    """Steps that loosen: by what they let an agent do, or by passing by people whose look at the case came first."""
    before, after = _named("steps", old), _named("steps", new)
    looked, looks = _looks(before), _looks(after)
    found = [name for name, step in before.items() if name not in after and "team" in step]
    for name, step in after.items():
        if name not in before:
            own = [
                (one.get("operations"), looked[n]) for n, one in before.items() if one.get("agent") == step.get("agent")
            ]
            if "agent" in step and _gives_more(step, looks[name], own):
                found.append(name)
        elif _part_loosens("steps", before[name], step) or _passes_by(before[name], step, looked[name] - looks[name]):
            found.append(name)
    return [("steps", name) for name in sorted(found)]


def _part_loosens(key: str, old: Record, new: Record) -> bool:
    return not all(_is_stricter(key, k, old, new) for k in _part_changes(old, new))


def _passes_by(old: Record, new: Record, no_longer: Collection[str]) -> bool:
    """Whether an agent's step begins before people whose look it waited for (`no_longer`), or a step of people is for
    fewer cases than before: its condition may only go."""
    if "agent" in new:
        return bool(no_longer)
    return "team" in old and bool(new.get("when")) and not same(old.get("when"), new.get("when"))


def _looks(steps: Mapping[str, Record]) -> dict[str, frozenset[str]]:
    """Step name -> the steps of people that come before it, through however many steps between."""
    found: dict[str, frozenset[str]] = {}
    for name in steps:
        ahead, seen = [*map(str, steps[name].get("after", []))], set[str]()
        while ahead:
            one = ahead.pop()
            if one in steps and one not in seen:
                seen.add(one)
                ahead += map(str, steps[one].get("after", []))
        found[name] = frozenset(one for one in seen if "team" in steps[one])
    return found


def _gives_more(step: Record, looks: frozenset[str], own: Iterable[tuple[Any, frozenset[str]]]) -> bool:
    """Whether a new step lets its agent call what none of the agent's steps here let it call before, or before people
    look at the case. `own`: of each of those, what it may call and who looks first.

    Otherwise a step could be dropped, or kept beside it, and added without the limits that a second person has to lift.
    """
    calls = step.get("operations")
    return not any((was is None or _narrows(was, calls)) and looked <= looks for was, looked in own)


def _part_changes(old: Record, new: Record) -> list[str]:
    changed = _changed(old, new)
    # From an agent to people: the agent's key goes, the team's comes, and no agent acts there any more.
    return [k for k in changed if k not in ("agent", "operations")] if "team" in new and "agent" in old else changed
