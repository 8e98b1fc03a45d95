"""What a person should know before a rule is published: nothing here is wrong, but somebody would be surprised.

`of_rules` is pure and also told by `check_map`; the rest needs to know who is there, or what a replay found.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import combinations
from typing import Any

from django.utils.translation import gettext as _

from approvals.asking import EscalationLines
from cases.calendars import WorkingHours, add, duration
from orchestrator.workmap.loosening_rules import DOWNWARDS, UPWARDS, covers, is_standing
from orchestrator.workmap.publishing import teams_asked
from orchestrator.workmap.records import Record, same
from orchestrator.workmap.ruling.results import Result
from orchestrator.workmap.ruling.staffing import Staff


def of_rules(rule: Record, others: Iterable[Record], lines: EscalationLines) -> list[tuple[str, str]]:
    """(code, words): circles in the way up, and other rules that leave this one without effect."""
    found = [("loop", words) for words in _loops(rule["then"], lines)]
    own = rule.get("when", {}).get("all", [])
    if any(_never_both(a, b) for a, b in combinations(own, 2)):
        found.append(("never", _("It never matches: its own conditions exclude each other.")))
    for other in others:
        if other["name"] == rule["name"] or other.get("active", True) is False:
            continue
        if _is_stricter(other["then"], rule["then"], lines) and covers(other.get("when", {}), rule.get("when", {})):
            text = _("It never has an effect: wherever it matches, the stricter rule %(other)s wins.")
            found.append(("never", text % {"other": other["name"]}))
    return found


def overlaps(rule: Record, others: Iterable[Record], lines: EscalationLines) -> list[str]:
    """Which rules can match together with this one, and which of the two wins then."""
    found = []
    for other in others:
        if other["name"] == rule["name"] or other.get("active", True) is False or _apart(rule, other):
            continue
        values = {"other": other["name"]}
        if _is_stricter(other["then"], rule["then"], lines):
            found.append(_("Where %(other)s matches too, %(other)s wins: it is stricter.") % values)
        elif _is_stricter(rule["then"], other["then"], lines):
            found.append(_("Where %(other)s matches too, this rule wins: it is stricter.") % values)
        else:
            found.append(_("Where %(other)s matches too, both count: what each asks for is put together.") % values)
    return found


def of_people(rule: Record, there: Staff, works: Iterable[str] = ()) -> list[str]:
    """Where nobody could answer, or only one person, or only those who ask. `works`: teams that work these requests."""
    found = []
    for team in sorted(set(teams_asked(rule["then"]))):
        found += _of_team(team, there, frozenset(works))
    if is_standing(rule):
        found += _of_named(str(rule["then"]["standing_approval"]["by"]), there, frozenset(works))
    return found


def _of_team(team: str, there: Staff, works: frozenset[str]) -> list[str]:
    members, active = there.of(team), there.active(team)
    found = []
    if not active and team not in there.filled:
        found.append(_("Team %(team)s has no active member who could decide.") % {"team": team})
    gone = sorted(one.name for one in members if not one.is_active)
    if gone:
        text = _("In team %(team)s these have no active account and cannot decide: %(names)s.")
        found.append(text % {"team": team, "names": ", ".join(gone)})
    if len(active) == 1:
        text = _("Team %(team)s has one active member: on their own requests nobody there may decide.")
        found.append(text % {"team": team})
        if not active[0].has_cover:
            text = _("%(name)s is alone in team %(team)s and has no cover: while they are away, it waits.")
            found.append(text % {"team": team, "name": active[0].name})
    if len(active) > 1 and all(one.teams & works for one in active):
        text = _(
            "Everybody in team %(team)s works on these requests too: what one of them asks for, another must decide."
        )
        found.append(text % {"team": team})
    return found


def _of_named(by: str, there: Staff, works: frozenset[str]) -> list[str]:
    person = there.known(by)
    if person is None:
        return [_("%(by)s has no active account, so this approval cannot come into force.") % {"by": by}]
    if person.teams & works:
        text = _("%(name)s works on these requests too: for what they ask for themselves it is not in force.")
        return [text % {"name": person.name}]
    return []


def of_time(
    rule: Record, calendars: Mapping[str, WorkingHours], finish: Iterable[tuple[str, str]], now: datetime
) -> list[str]:
    """Times that end when nobody works, or after the request itself is due. `finish`: how long its types have, and
    in the working time of which calendar."""
    found = []
    for one in _timed(rule["then"]):
        within, calendar = str(one["within"]), str(one.get("calendar") or "")
        if not calendar and calendars:
            text = _("%(within)s runs on the clock, so it can end at night or on a holiday. Choose a working time.")
            found.append(text % {"within": within})
        try:
            due = add(now, duration(within), calendars.get(calendar))
            ends = [add(now, duration(length), calendars.get(of)) for length, of in finish]
        except ValueError:
            text = _("Calendar %(calendar)s has no working time, so %(within)s never ends.")
            found.append(text % {"calendar": calendar, "within": within})
            continue
        if ends and due > min(ends):
            text = _("%(within)s is longer than the request itself may take.")
            found.append(text % {"within": within})
    return list(dict.fromkeys(found))


def _timed(then: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every part of a rule that has a time, with its calendar."""
    parts = (then, then.get("if_unknown") or {}, *then.get("stages", []))
    common = {"calendar": then.get("calendar")}
    nobody = [{**common, **part["if_nobody"]} for part in parts if part.get("if_nobody")]
    return [one for one in (*({**common, **part} for part in parts), *nobody) if one.get("within")]


def of_past(result: Result, titles: Mapping[str, str] | None = None) -> list[str]:
    """What the replay found that a person would not want: what was refused becoming automatic, and gaps."""
    found = []
    if result.refused:
        cases = ", ".join(dict.fromkeys(f"C-{line.case_id}" for line in result.refused_lines))
        text = _("It would let %(n)s go without a person that people refused: %(cases)s.")
        unseen = _("It would let %(n)s go without a person that people refused, in cases that you may not see.")
        found.append((text if cases else unseen) % {"n": result.refused, "cases": cases})
    if result.unruled:
        text = _("In %(n)s past proposals no rule says who decides, so the lead of the request type is asked.")
        found.append(text % {"n": result.unruled})
        if only := _only_there(result, titles or {}):
            text = _("No rule is about any of these: %(values)s.")
            found.append(text % {"values": ", ".join(only)})
    return found


def _only_there(result: Result, titles: Mapping[str, str]) -> list[str]:
    """A currency, channel or value of which every proposal fell through, while others did not."""
    whole = [mark for mark, n in result.gaps.most_common() if n and n == result.marks[mark] < result.proposals]
    found = []
    for mark in whole[:5]:
        name, _bar, value = mark.partition("|")
        said = {"channel": _("channel"), "currency": _("currency")}.get(name) or titles.get(name)
        found.append(f"{said or name.partition(' ')[2]} {value} ({result.gaps[mark]})")
    return found


def _loops(then: Mapping[str, Any], lines: EscalationLines) -> list[str]:
    found = []
    common = then.get("if_nobody")
    for part in (then, then.get("if_unknown") or {}, *then.get("stages", [])):
        team, other = part.get("ask"), (part.get("if_nobody") or common or {}).get("pass_to")
        if team and other and (team == other or team in lines.above(other)):
            text = _("If nobody in %(team)s answers, it passes to %(other)s, which passes up to %(team)s again.")
            found.append(text % {"team": team, "other": other})
    return found


def _rank(then: Mapping[str, Any]) -> int:
    return 2 if "forbid" in then else 0 if "standing_approval" in then else 1


def _is_stricter(one: Mapping[str, Any], other: Mapping[str, Any], lines: EscalationLines) -> bool:
    """Whether `one` alone decides where both match."""
    if _rank(one) != _rank(other):
        return _rank(one) > _rank(other)
    if _rank(one) != 1 or not {"ask"} <= set(one) & set(other):
        return False
    return (
        one["ask"] in lines.above(other["ask"])
        and one.get("people", 1) >= other.get("people", 1)
        and ("within" not in other or same(one.get("within"), other.get("within")))
    )


def _apart(one: Record, other: Record) -> bool:
    """Whether the two can never match the same write: other types, other actions, or bounds that do not meet."""
    first, second = one.get("when", {}), other.get("when", {})
    for key in ("types", "operations"):
        if first.get(key) and second.get(key) and not set(first[key]) & set(second[key]):
            return True
    return any(_never_both(a, b) for a in first.get("all", []) for b in second.get("all", []))


def _never_both(a: Any, b: Any) -> bool:
    if not isinstance(a, Mapping) or not isinstance(b, Mapping):
        return False
    sides = ("fact", "argument", "formula")
    if [(side, a.get(side)) for side in sides] != [(side, b.get(side)) for side in sides]:
        return False
    if a.get("is") == b.get("is") == "is":
        return not isinstance(a["value"], Mapping) and not isinstance(b["value"], Mapping) and a["value"] != b["value"]
    low, high = (a, b) if a.get("is") in UPWARDS else (b, a)
    if low.get("is") not in UPWARDS or high.get("is") not in DOWNWARDS:
        return False
    least: Any = low.get("value")
    most: Any = high.get("value")
    if not _is_number(least) or not _is_number(most):
        return False
    touching = low["is"] == "at least" and high["is"] == "at most"
    return bool(least > most or (least == most and not touching))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
