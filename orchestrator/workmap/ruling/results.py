"""What a replay found: sums, counts and the newest lines of single proposals. Pure."""

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

WEEK = 7 * 86_400
_COUNTED = (
    *("lacking", "new_answers", "gone_answers", "teams_now", "teams_with", "team_seconds_now", "team_seconds_with"),
    *("marks", "gaps"),
)
_SUMS = (
    *("proposals", "matched", "asked_now", "asked_with", "asked_then", "forbidden_with", "new", "gone", "cannot_know"),
    *("unruled", "refused", "seconds_now", "seconds_with", "used_up_now", "used_up_with", "nobody", "weeks"),
)
_MONEY = ("money", "money_new", "money_gone")


@dataclass(frozen=True, slots=True)
class Line:
    """One proposal in the table: what was asked now and would be with the rule."""

    case_id: int
    money: Decimal
    now: str  # the kind of verdict: ask, forbid, standing, nothing
    teams_now: tuple[str, ...]
    then: str
    teams_then: tuple[str, ...]
    answer: str

    @property
    def changed(self) -> bool:
        return (self.now, self.teams_now) != (self.then, self.teams_then)

    def as_json(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in self.__slots__}, "money": str(self.money)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Line":
        teams = {name: tuple(stored[name]) for name in ("teams_now", "teams_then")}
        return cls(**{**stored, **teams, "money": Decimal(stored["money"])})


@dataclass(slots=True)
class Result:
    """The sums. `new` and `gone`: asked with the rule and not now, and the other way round."""

    proposals: int = 0
    matched: int = 0
    asked_now: int = 0
    asked_with: int = 0
    asked_then: int = 0
    forbidden_with: int = 0
    new: int = 0
    gone: int = 0
    cannot_know: int = 0
    unruled: int = 0
    refused: int = 0
    money: Decimal = Decimal(0)
    money_new: Decimal = Decimal(0)
    money_gone: Decimal = Decimal(0)
    seconds_now: int = 0
    seconds_with: int = 0
    used_up_now: int = 0
    used_up_with: int = 0
    nobody: int = 0
    lacking: Counter[str] = field(default_factory=Counter)
    new_answers: Counter[str] = field(default_factory=Counter)
    gone_answers: Counter[str] = field(default_factory=Counter)
    teams_now: Counter[str] = field(default_factory=Counter)
    teams_with: Counter[str] = field(default_factory=Counter)
    team_seconds_now: Counter[str] = field(default_factory=Counter)
    team_seconds_with: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)  # `channel|email`, `fact tier|gold`: how many in all
    gaps: Counter[str] = field(default_factory=Counter)  # and how many of them no rule is about
    first: datetime | None = None
    last: datetime | None = None
    lines: deque[Line] = field(default_factory=deque)
    refused_lines: deque[Line] = field(default_factory=lambda: deque(maxlen=5))
    unseen: int = 0  # lines that were left out, because their reader may not see the case

    @property
    def weeks(self) -> float:
        """How long the cases stretch over, at least a week."""
        if self.first is None or self.last is None:
            return 1.0
        return max(1.0, (self.last - self.first).total_seconds() / WEEK)

    def of_cases(self, visible: Collection[int]) -> "Result":
        """The same sums, with single lines of these cases alone."""
        lines = deque(line for line in self.lines if line.case_id in visible)
        refused = deque(line for line in self.refused_lines if line.case_id in visible)
        return replace(self, lines=lines, refused_lines=refused, unseen=len(self.lines) - len(lines))

    def as_json(self) -> dict[str, Any]:
        """The sums for a stored run, with the newest lines of single cases."""
        return {
            **{name: getattr(self, name) for name in _SUMS},
            **{name: str(getattr(self, name)) for name in _MONEY},
            **{name: dict(getattr(self, name)) for name in _COUNTED},
            "lines": [line.as_json() for line in self.lines],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Result":
        """The sums of a stored run, to say them in words again."""
        first = datetime(2000, 1, 1)  # only the length of the period is said
        said: dict[str, Any] = {name: stored.get(name, 0) for name in _SUMS if name != "weeks"}
        said |= {name: Decimal(stored.get(name, 0)) for name in _MONEY}
        said |= {name: Counter(stored.get(name, {})) for name in _COUNTED}
        lines = deque(Line.from_json(line) for line in stored.get("lines", ()))
        last = first + timedelta(weeks=stored["weeks"])
        return cls(first=first, last=last, lines=lines, **said)
