"""Sums, counts and last times over writes that took their place: what `history` facts, caps and limits stand on.

A write takes its place when its hold or permit is made and gives it back when it is undone, failed, withdrawn or
expired. Judging counts the places taken earlier and the earlier writes of the same option, never the write itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, QuerySet, Sum

from agents.models import Subject, Write
from cases import rows
from cases.values import UNKNOWN, number


@dataclass(frozen=True, slots=True)
class Places:
    """Which writes are counted: those of `operations`, alike in customer, case or agent, since a time."""

    operations: tuple[int, ...]
    customer: str | None = None
    case_id: int | None = None
    agent_id: int | None = None
    arguments: tuple[tuple[str, Any], ...] = ()
    since: datetime | None = None
    leave_out: tuple[Any, ...] = ()

    def counted(self) -> QuerySet[Write]:
        counted = Write.objects.filter(operation__in=self.operations, placed_at__isnull=False)
        if self.customer is not None:
            counted = counted.filter(customer=self.customer)
        if self.case_id is not None:
            counted = counted.filter(case=self.case_id)
        if self.agent_id is not None:
            counted = counted.filter(agent=self.agent_id)
        for name, value in self.arguments:
            counted = counted.filter(**{f"decided__{name.replace('.', '__')}": value})
        if self.since is not None:
            counted = counted.filter(placed_at__gte=self.since)
        return counted.exclude(pk__in=self.leave_out) if self.leave_out else counted

    def count(self) -> int:
        return self.counted().count()

    def sum_of(self, argument: str | None, currency: str) -> Any:
        """Sum of money moved, or of one argument; UNKNOWN if one of them is no amount, or of another currency."""
        if self.counted().exclude(currency__in=["", currency]).exists():
            return UNKNOWN
        if argument is None or argument == "money":
            return self.counted().aggregate(total=Sum("money"))["total"] or Decimal(0)
        total = Decimal(0)
        for arguments in self.counted().values_list("decided", flat=True):
            value = number((arguments or {}).get(argument))
            if value is UNKNOWN:
                return UNKNOWN
            total += value
        return total

    def last(self) -> datetime | None:
        last: datetime | None = self.counted().aggregate(last=Max("placed_at"))["last"]
        return last

    def count_and_sum(self) -> tuple[int, Decimal]:
        return count_and_sum(self.counted())


def count_and_sum(places: QuerySet[Write]) -> tuple[int, Decimal]:
    """How many places, and the money of all of them."""
    row = places.aggregate(n=Count("pk"), total=Sum("money"))
    return row["n"], row["total"] or Decimal(0)


def lock_subjects(keys: Iterable[str]) -> None:
    """Lock rows to serialise on, in the order of their keys; they are made when first needed.

    Called inside the reserving transaction, after case, proposal and approval (the one lock order).
    """
    wanted: Sequence[str] = sorted(set(keys))
    if not wanted:
        return
    if len(rows.execute(_LOCK, [wanted])) < len(wanted):
        Subject.objects.bulk_create([Subject(key=k) for k in wanted], ignore_conflicts=True)
        rows.execute(_LOCK, [wanted])


_LOCK = "SELECT key FROM agents_subject WHERE key = ANY ($1::text[]) ORDER BY key FOR UPDATE"
