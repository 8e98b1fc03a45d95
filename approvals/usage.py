"""How much of each standing approval is used: what its page says, and when its person is warned.

Counted as `judging` counts it: the writes that have a place, those of the day by the company's time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum

from agents.models import Write
from approvals.models import StandingApproval
from cases.values import UNKNOWN, number

NEAR = Decimal("0.8")  # of a cap: the named person is warned
LAST_DAYS = timedelta(days=7)  # before it ends
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cap:
    """One cap and how much of it is used. `name` as in the rule; `period`: what it counts for, a day or `all`."""

    name: str  # per_day | total_per_day | total
    used: Decimal
    most: Decimal
    period: str

    @property
    def near(self) -> bool:
        return self.used >= self.line

    @property
    def line(self) -> Decimal:
        """From here on it is near."""
        return NEAR * self.most

    @property
    def full(self) -> bool:
        return self.used >= self.most

    @property
    def is_money(self) -> bool:
        return self.name != "per_day"


@dataclass(frozen=True, slots=True)
class Usage:
    """The caps of one standing approval; `ends`: its last day, if that is near."""

    row: StandingApproval
    caps: tuple[Cap, ...]
    ends: date | None

    @property
    def near(self) -> bool:
        return self.ends is not None or any(cap.near for cap in self.caps)

    @property
    def warnings(self) -> list[str]:
        """What the named person is told once each: `per_day:2026-11-25`, `total:all`, `until:2027-01-31`."""
        found = [f"{cap.name}:{cap.period}" for cap in self.caps if cap.near]
        return found + ([f"until:{self.ends.isoformat()}"] if self.ends else [])


def usage(rows: Iterable[StandingApproval], *, now: datetime, zone: tzinfo) -> dict[int, Usage]:
    """By standing approval. One query for all of them."""
    rows = list(rows)
    local = now.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    today = Q(placed_at__gte=midnight)
    places = Write.objects.filter(permit_rule__in=[row.rule_id for row in rows], placed_at__isnull=False)
    counted = places.values("permit_rule").annotate(
        n=Count("pk", filter=today), on_day=Sum("money", filter=today), in_all=Sum("money")
    )
    found = {one["permit_rule"]: one for one in counted} if rows else {}
    return {row.pk: _of(row, found.get(row.rule_id, {}), local.date()) for row in rows}


def _of(row: StandingApproval, counted: Any, today: date) -> Usage:
    said = row.rule.then.get("standing_approval") or {}
    used = {
        "per_day": Decimal(counted.get("n") or 0),
        "total_per_day": counted.get("on_day") or ZERO,
        "total": counted.get("in_all") or ZERO,
    }
    caps = []
    for name, n in used.items():
        most = number(said[name]) if said.get(name) is not None else UNKNOWN
        if isinstance(most, Decimal) and most > 0:
            caps.append(Cap(name, n, most, "all" if name == "total" else today.isoformat()))
    return Usage(row, tuple(caps), _near_end(said.get("until"), today))


def _near_end(until: Any, today: date) -> date | None:
    try:
        last = date.fromisoformat(str(until))
    except ValueError:
        return None
    return last if today <= last <= today + LAST_DAYS else None
