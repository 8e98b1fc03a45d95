"""Who is asked when several rules ask: teams, people, time, and which ask covers which. Pure.

On one line of `escalates_to` only the highest team is asked, other teams each at once; the most people and
the shortest time of all of them count. Stages that one rule spells out stay apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cases.calendars import duration

_WORKING_DAY = 8 * 3600  # seconds; only to say which of two times is the shorter
_NEVER = 10**12


@dataclass(frozen=True, slots=True)
class EscalationLines:
    """team -> the team it passes up to (None or absent: the top)."""

    up: Mapping[str, str | None] = field(default_factory=dict)

    def above(self, team: str) -> tuple[str, ...]:
        """Return the teams above, nearest first. A circle ends where it closes."""
        found: list[str] = []
        following = self.up.get(team)
        while following and following not in found and following != team:
            found.append(following)
            following = self.up.get(following)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Ask:
    """One team that must answer. `within` is a length of time ("2h"), in `calendar`'s working time if named.

    `rules`: what asks for it (none: the type's lead, because no rule does). `stage` 0 begins at once, 1 when
    stage 0 has agreed. `shared`: its rule lets who answers here answer for another stage as well. `above`: the
    teams above this one, nearest first.
    """

    team: str
    people: int = 1
    within: str | None = None
    calendar: str | None = None
    if_nobody: dict[str, Any] | None = None
    rules: tuple[str, ...] = ()
    stage: int = 0
    staged: bool = False
    shared: bool = False
    above: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The names of its rules in one text."""
        return ", ".join(self.rules)

    def as_json(self) -> dict[str, Any]:
        """Return it for the record and the API."""
        return {
            "team": self.team,
            "people": self.people,
            "within": self.within,
            "calendar": self.calendar,
            "if_nobody": self.if_nobody,
            "rules": list(self.rules),
            "stage": self.stage,
        }


def covers(had: Ask, wanted: Ask) -> bool:
    """Return whether an answer to `had` answers `wanted`: the same team or one above it, enough people."""
    return had.people >= wanted.people and (had.team == wanted.team or had.team in wanted.above)


def ask_of(data: Mapping[str, Any]) -> Ask:
    """Return what was stored of an ask."""
    return Ask(
        team=data["team"],
        people=data["people"],
        within=data.get("within"),
        calendar=data.get("calendar"),
        if_nobody=data.get("if_nobody"),
        rules=tuple(data.get("rules", ())),
        stage=data.get("stage", 0),
        above=tuple(data.get("above", ())),
    )


def unanswered(had: Sequence[Ask], wanted: Sequence[Ask]) -> list[Ask]:
    """Return what of `wanted` answers to `had` leave open. What one ask took of an answer is gone for the next.

    The highest team is served first, by the ask that comes closest to it.
    """
    left = {index: ask.people for index, ask in enumerate(had)}
    open_: list[Ask] = []
    for ask in sorted(wanted, key=lambda one: (len(one.above), -one.people, one.stage, one.team)):
        fitting = [n for n, one in enumerate(had) if covers(replace(one, people=left[n]), ask)]
        best = min(fitting, key=lambda n: (had[n].team != ask.team, left[n], -len(had[n].above)), default=None)
        if best is None:
            open_.append(ask)
        else:
            left[best] -= ask.people
    return open_


def unanswered_by(teams: Iterable[str], wanted: Sequence[Ask]) -> list[Ask]:
    """Return the same for single answers, one of each of `teams`: two of them answer an ask of two people."""
    each = [replace(ask, people=1) for ask in wanted for _n in range(ask.people)]
    return unanswered([Ask(team) for team in teams], each)


def merge(asks: Iterable[Ask]) -> tuple[tuple[Ask, ...], set[str]]:
    """Return the asks that remain, lowest stage first, and the names of the rules they come from. The order
    of what comes in does not matter."""
    given = sorted(asks, key=_key)
    staged = _by_place([ask for ask in given if ask.staged])
    plain = _highest([ask for ask in given if not ask.staged])
    for ask in plain:
        staged = _absorb(staged, ask)
    merged = tuple(sorted(staged, key=lambda ask: (ask.stage, ask.team)))
    return merged, {name for ask in merged for name in ask.rules}


def seconds(ask: Ask) -> int:
    """Return how long an ask may take, in seconds, to compare two; a working day counts as 8 hours."""
    try:
        length = duration(ask.within) if ask.within else None
    except ValueError:
        length = None
    if length is None:
        return _NEVER
    return length.seconds + length.working_days * (_WORKING_DAY if ask.calendar else 86_400)


def _key(ask: Ask) -> tuple[Any, ...]:
    return (ask.stage, ask.team, -ask.people, _time_key(ask), _nobody_key(ask), ask.rules, str(ask.if_nobody))


def _time_key(ask: Ask) -> tuple[int, int, str, str]:
    """The shorter first; of two equal lengths clock time is never later than working time."""
    return seconds(ask), ask.calendar is not None, ask.calendar or "", ask.within or ""


def _nobody_key(ask: Ask) -> tuple[bool, int, str]:
    """One that passes up before one that does not, the sooner first."""
    then = ask.if_nobody or {}
    length = seconds(Ask("", within=then.get("within"))) if then else _NEVER
    return not then, length, str(then.get("pass_to", ""))


def _joined(into: Ask, others: Sequence[Ask]) -> Ask:
    """`into` with the most people and the shortest time of all; where nobody answers, its own way up, else
    one of the others that leads above it."""
    everyone = [into, *others]
    quickest = min(everyone, key=_time_key)
    ways = sorted((ask for ask in everyone if ask.team == into.team and ask.if_nobody), key=_nobody_key)
    leading_up = (ask for ask in others if (ask.if_nobody or {}).get("pass_to") in into.above)
    ways += sorted(leading_up, key=_nobody_key)
    same_team = [ask for ask in everyone if ask.team == into.team]
    people = max(ask.people for ask in everyone)
    raising = [ask for ask in everyone if ask.people == people > max(a.people for a in same_team)]
    hurrying = [ask for ask in everyone if _time_key(ask) == _time_key(quickest)] if quickest.within else []
    rules = {name for ask in (*same_team, *raising, *hurrying) for name in ask.rules}
    return replace(
        into,
        people=people,
        within=quickest.within,
        calendar=quickest.calendar,
        if_nobody=ways[0].if_nobody if ways else None,
        rules=tuple(sorted(rules)),
        shared=into.shared and all(ask.shared for ask in everyone if ask.staged),
    )


def _by_place(asks: Sequence[Ask]) -> list[Ask]:
    places: dict[tuple[int, str], list[Ask]] = {}
    for ask in asks:
        places.setdefault((ask.stage, ask.team), []).append(ask)
    return [_joined(group[0], group[1:]) for group in places.values()]


def _highest(asks: Sequence[Ask]) -> list[Ask]:
    """On one line the highest team; what the lower ones demand goes up to it."""
    teams = {ask.team for ask in asks}
    tops = sorted({ask.team for ask in asks if not teams & set(ask.above)} or set(sorted(teams)[:1]))
    merged = []
    for top in tops:
        own = [ask for ask in asks if ask.team == top]
        below = [ask for ask in asks if ask.team != top and top in ask.above]
        merged.append(_joined(own[0], [*own[1:], *below]))
    return merged


def _absorb(staged: list[Ask], ask: Ask) -> list[Ask]:
    """Put an ask into the last stage whose team is its own or above; else it joins the last stage."""
    fitting = [one for one in staged if one.team == ask.team or one.team in ask.above]
    if not fitting:
        return [*staged, replace(ask, stage=max((one.stage for one in staged), default=0))]
    place = max(fitting, key=lambda one: (one.stage, -len(one.above), one.team))
    return [_joined(one, [ask]) if one is place else one for one in staged]
