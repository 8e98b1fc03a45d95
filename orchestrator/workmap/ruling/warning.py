"""What a person should know before a rule is published: nothing here is wrong, but somebody would be surprised.

`of_rules` is pure and also told by `check_map`; the rest needs to know who is there, or what a replay found.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from approvals.asking import EscalationLines
from orchestrator.workmap.loosening_rules import DOWNWARDS, UPWARDS, covers, is_standing
from orchestrator.workmap.publishing import teams_asked
from orchestrator.workmap.records import Record, same
from orchestrator.workmap.ruling.replaying import Result


def of_rules(rule: Record, others: Iterable[Record], lines: EscalationLines) -> list[tuple[str, str]]:
    """(code, words): circles in the way up, and other rules that leave this one without effect."""
    found = [("loop", words) for words in _loops(rule["then"], lines)]
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


def of_people(rule: Record, manned: Mapping[str, int], active: set[str]) -> list[str]:
    """Teams in which nobody could answer, or only one person. `manned`: active members by team."""
    found = []
    for team in sorted(set(teams_asked(rule["then"]))):
        if not manned.get(team):
            found.append(_("Team %(team)s has no active member who could decide.") % {"team": team})
        elif manned[team] == 1:
            text = _("Team %(team)s has one active member: on their own requests nobody there may decide.")
            found.append(text % {"team": team})
    if is_standing(rule) and rule["then"]["standing_approval"]["by"] not in active:
        by = rule["then"]["standing_approval"]["by"]
        found.append(_("%(by)s has no active account, so this approval cannot come into force.") % {"by": by})
    return found


def of_past(result: Result) -> list[str]:
    """What the replay found that a person would not want: what was refused becoming automatic, and gaps."""
    found = []
    if result.refused_lines:
        cases = ", ".join(dict.fromkeys(f"C-{line.case_id}" for line in result.refused_lines))
        text = _("It would let %(n)s go without a person that people refused: %(cases)s.")
        found.append(text % {"n": result.refused, "cases": cases})
    if result.unruled:
        text = _("In %(n)s past proposals no rule says who decides, so the lead of the request type is asked.")
        found.append(text % {"n": result.unruled})
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
