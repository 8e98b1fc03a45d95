"""The caps of standing approvals in a replay: places are taken in the order of time, as they are when it is real. Pure.

Nothing is known of before the period, so counting begins with it, and what was used then is said to be unknown.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from approvals.rules import StandingCap

ZERO = Decimal(0)


@dataclass(slots=True)
class Used:
    """What was used of one standing approval: its last day, how many and how much on it, how much in all."""

    day: date | None = None
    n: int = 0
    on_day: Decimal = ZERO
    in_all: Decimal = ZERO


@dataclass(slots=True)
class Places:
    """The places of every standing approval, in one course of things (with the rule, or without it)."""

    used: dict[str, Used] = field(default_factory=lambda: defaultdict(Used))

    def room(
        self, caps: Sequence[StandingCap], day: date, money: Decimal, taken: Sequence[tuple[str, Decimal]]
    ) -> StandingCap | None:
        """The first that has room for one more on that day; `taken`: rule and money of earlier writes of the option."""
        return next((cap for cap in caps if self._fits(cap, day, money, taken)), None)

    def take(self, rule: str, day: date, money: Decimal) -> None:
        used = self.used[rule]
        if used.day != day:
            used.day, used.n, used.on_day = day, 0, ZERO
        used.n, used.on_day, used.in_all = used.n + 1, used.on_day + money, used.in_all + money

    def _fits(self, cap: StandingCap, day: date, money: Decimal, taken: Sequence[tuple[str, Decimal]]) -> bool:
        used = self.used[cap.rule]
        n, on_day = (used.n, used.on_day) if used.day == day else (0, ZERO)
        here = [moved for rule, moved in taken if rule == cap.rule]
        amount = sum(here, start=money)
        return not (
            (cap.per_day is not None and n + len(here) + 1 > cap.per_day)
            or (cap.total_per_day is not None and on_day + amount > cap.total_per_day)
            or (cap.total is not None and used.in_all + amount > cap.total)
        )
