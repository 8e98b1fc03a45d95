"""How well decisions are made, for the person who made them; and how many there are, for who leads a team. Pure.

A person's figures go to that person alone. Of a team only its load is told, and only if enough people share it that no
figure is one person's. What is too much always ends in something to do.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from statistics import median

FAST = 3.0  # seconds; under it at medium or high risk nobody has read the page (ux.md 5.1)
DAY, HOUR = 25, 6  # decisions of one person; more suggests another rule (issue: oversight quality)
FEWEST = 3  # approvers, under which a team's figures would be a person's
AS_SUGGESTED = 0.9  # of a rule's decisions, over which its limit may be raised
APART = 0.2  # of a type's decisions, over which people answer its cases differently
ENOUGH = 10  # decisions, under which a share says nothing
MEDIUM_UP = ("medium", "high")


@dataclass(frozen=True, slots=True)
class Made:
    """One decision. None: unknown. `later`: what was written had to be repaired, or was reversed."""

    at: datetime
    risk: str
    option: str
    as_suggested: bool  # the suggestion, with nothing changed
    rejected: bool
    changed: bool
    undone: bool
    later: bool
    seconds: float | None = None
    words: int | None = None
    folded: int | None = None
    opened: int | None = None
    rules: tuple[str, ...] = ()

    @property
    def fast(self) -> bool:
        return self.risk in MEDIUM_UP and self.seconds is not None and self.seconds < FAST


@dataclass
class Figures:
    """Of the decisions of one risk. Shares are of `count`, but those of what is known of `known` and `foldable`."""

    risk: str
    count: int = 0
    known: int = 0
    seconds: float | None = None  # in the middle
    words: int | None = None
    a_hundred: float | None = None  # seconds for a hundred words, in the middle
    foldable: int = 0  # decisions of which it is known what was unfolded, where there was something
    opened: int = 0  # of these, with something opened
    rejected: int = 0
    changed: int = 0
    undone: int = 0
    later: int = 0
    fast: int = 0


def figures(made: Sequence[Made]) -> list[Figures]:
    """One line a risk, the highest first; only those of which there are decisions."""
    return [_of(risk, rows) for risk in ("high", "medium", "low") if (rows := [m for m in made if m.risk == risk])]


def _of(risk: str, made: Sequence[Made]) -> Figures:
    timed = [one for one in made if one.seconds is not None]
    rates = [one.seconds / one.words * 100 for one in timed if one.words and one.seconds is not None]
    folds = [one for one in made if one.folded]
    return Figures(
        risk=risk,
        count=len(made),
        known=len(timed),
        seconds=median(one.seconds for one in timed if one.seconds is not None) if timed else None,
        words=round(median(one.words or 0 for one in timed)) if timed else None,
        a_hundred=median(rates) if rates else None,
        foldable=len(folds),
        opened=sum(bool(one.opened) for one in folds),
        rejected=sum(one.rejected for one in made),
        changed=sum(one.changed for one in made),
        undone=sum(one.undone for one in made),
        later=sum(one.later for one in made),
        fast=sum(one.fast for one in made),
    )


def longest_run(made: Sequence[Made]) -> int:
    """How often the same answer was given one after the other: as suggested, changed, or rejected."""
    longest = run = 0
    last: tuple[bool, bool] | None = None
    for one in sorted(made, key=lambda m: m.at):
        answer = (one.as_suggested, one.rejected)
        run = run + 1 if answer == last else 1
        last, longest = answer, max(longest, run)
    return longest


def busiest_hour(made: Sequence[Made], zone: tzinfo) -> int | None:
    """The hour of the day with the most decisions; None if there are none."""
    hours = Counter(one.at.astimezone(zone).hour for one in made)
    return max(hours, key=lambda hour: (hours[hour], -hour)) if hours else None


# ---------------------------------------------------------------------- load


@dataclass(frozen=True, slots=True)
class Count:
    """How many decisions one person made in one hour of one day; who, is known to nobody who reads the answer."""

    person: int
    day: date
    hour: int
    count: int


@dataclass(frozen=True, slots=True)
class Share:
    """How many decisions a rule (or type) caused, and how many of them were as suggested."""

    name: str
    count: int
    as_suggested: int


@dataclass
class Load:
    """The load of one team (or of one person for themselves). `too_few`: nothing is told of it."""

    people: int = 0
    count: int = 0
    person_days: int = 0  # days of work: one for each person and day with a decision
    over_day: int = 0  # of them with more than 25
    over_hour: int = 0  # person-hours with more than 6
    too_few: bool = False
    steps: list["Step"] = field(default_factory=list)

    @property
    def a_day(self) -> float:
        return self.count / self.person_days if self.person_days else 0.0

    @property
    def too_much(self) -> bool:
        return bool(self.over_day or self.over_hour)


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do about a load: `raise` the limit of a rule, `split` a type, or add `cover`."""

    kind: str
    name: str = ""
    count: int = 0
    as_suggested: int = 0


def load(counts: Iterable[Count], rules: Sequence[Share], types: Sequence[Share], *, fewest: int = FEWEST) -> Load:
    """The load that `counts` are, and what to do if it is too much. Under `fewest` people: only that they are few."""
    rows = list(counts)
    days: Counter[tuple[int, date]] = Counter()
    for row in rows:
        days[row.person, row.day] += row.count
    people = {row.person for row in rows}
    if len(people) < fewest:
        return Load(too_few=True)
    found = Load(
        people=len(people),
        count=sum(days.values()),
        person_days=len(days),
        over_day=sum(count > DAY for count in days.values()),
        over_hour=sum(row.count > HOUR for row in rows),
    )
    if found.too_much:
        found.steps = steps(rules, types)
    return found


def steps(rules: Sequence[Share], types: Sequence[Share]) -> list[Step]:
    """What to do, the most telling first. There is always something: cover, if no rule or type stands out."""
    heavy = sorted(rules, key=lambda one: (-one.count, one.name))[:3]
    found = [
        Step("raise", one.name, one.count, one.as_suggested)
        for one in heavy
        if one.count >= ENOUGH and one.as_suggested / one.count >= AS_SUGGESTED
    ]
    mixed = [one for one in types if one.count >= ENOUGH and 1 - one.as_suggested / one.count >= APART]
    mixed.sort(key=lambda one: (-one.count, one.name))
    found += [Step("split", one.name, one.count, one.as_suggested) for one in mixed[:2]]
    if not found and heavy:
        found.append(Step("look", heavy[0].name, heavy[0].count, heavy[0].as_suggested))
    return [*found, Step("cover")]
