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

    def rows(self) -> QuerySet[Write]:
        rows = Write.objects.filter(operation__in=self.operations, placed_at__isnull=False)
        if self.customer is not None:
            rows = rows.filter(customer=self.customer)
        if self.case_id is not None:
            rows = rows.filter(case=self.case_id)
        if self.agent_id is not None:
            rows = rows.filter(agent=self.agent_id)
        for name, value in self.arguments:
            rows = rows.filter(**{f"decided__{name.replace('.', '__')}": value})
        if self.since is not None:
            rows = rows.filter(placed_at__gte=self.since)
        return rows.exclude(pk__in=self.leave_out) if self.leave_out else rows

    def count(self) -> int:
        return self.rows().count()

    def sum_of(self, argument: str | None, currency: str) -> Any:
        """Sum of money moved, or of one argument; UNKNOWN if one of them is no amount, or of another currency."""
        if self.rows().exclude(currency__in=["", currency]).exists():
            return UNKNOWN
        if argument is None or argument == "money":
            return self.rows().aggregate(total=Sum("money"))["total"] or Decimal(0)
        total = Decimal(0)
        for arguments in self.rows().values_list("decided", flat=True):
            value = number((arguments or {}).get(argument))
            if value is UNKNOWN:
                return UNKNOWN
            total += value
        return total

    def last(self) -> datetime | None:
        last: datetime | None = self.rows().aggregate(last=Max("placed_at"))["last"]
        return last

    def count_and_sum(self) -> tuple[int, Decimal]:
        return count_and_sum(self.rows())


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
    held = list(Subject.objects.select_for_update().filter(key__in=wanted).order_by("key"))
    if len(held) < len(wanted):
        Subject.objects.bulk_create([Subject(key=k) for k in wanted], ignore_conflicts=True)
        list(Subject.objects.select_for_update().filter(key__in=wanted).order_by("key"))
