"""What a case counts for, worked out from its rows. The one place that knows: reports and roll-ups both ask here."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum

from agents.models import Write
from approvals.models import Asked, Decision
from cases.models import Case, Event

# Where a person did what the AI would have: such a case was not finished automatically.
HANDS: Final = ("case.taken_over", "case.with_people", "case.reopened", "request.unsorted")


@dataclass(frozen=True, slots=True)
class Line:
    """One case. `money` is the sum of its written refunds in the company's currency."""

    case: int
    day: date
    type: int | None
    confidential: bool
    status: str
    automatic: bool
    above: bool
    late: bool
    lacked: list[str]
    refunds: int
    money: Decimal


@dataclass
class Tally:
    """Sums over many cases."""

    received: int = 0
    finished: int = 0
    automatic: int = 0
    above: int = 0
    late: int = 0
    lacked: int = 0
    refunds: int = 0
    money: Decimal = Decimal(0)
    facts: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    by_type: Counter[int | None] = field(default_factory=Counter)

    def add(self, line: Line) -> None:
        self.add_sums(
            line.type,
            line.status,
            {
                "received": 1,
                "automatic": line.automatic,
                "above": line.above,
                "late": line.late,
                "lacked": bool(line.lacked),
                "refunds": line.refunds,
                "money": line.money,
            },
        )
        self.facts.update(line.lacked)

    def add_sums(self, type_id: int | None, status: str, sums: Mapping[str, Any]) -> None:
        """Add the sums of one type and status."""
        self.received += sums["received"]
        self.finished += sums["received"] if status == Case.Status.DONE else 0
        self.automatic += sums["automatic"]
        self.above += sums["above"]
        self.late += sums["late"]
        self.lacked += sums["lacked"]
        self.refunds += sums["refunds"]
        self.money += sums["money"]
        self.by_status[status] += sums["received"]
        self.by_type[type_id] += sums["received"]


def lines_of(cases: QuerySet[Case], *, zone: ZoneInfo, currency: str) -> Iterator[Line]:
    """The line of each of `cases`. One query."""
    refunds = _refunds(currency)
    rows = cases.order_by().annotate(
        by_hand=_by_hand(),
        asked_above=Exists(_asked_above()),
        refunds=Subquery(refunds.values("n")),
        money=Subquery(refunds.values("sum")),
    )
    for pk, at, type_id, confidential, status, by_hand, above, late, lacked, number, money in rows.values_list(
        "pk", "created_at", "type_id", "confidential", "status", "by_hand", "asked_above", "late_since", "lacked",
        "refunds", "money",
    ).iterator(chunk_size=2_000):  # fmt: skip
        yield Line(
            case=pk,
            day=at.astimezone(zone).date(),
            type=type_id,
            confidential=confidential,
            status=status,
            automatic=status == Case.Status.DONE and not by_hand,
            above=above,
            late=late is not None,
            lacked=_names(lacked),
            refunds=number or 0,
            money=money or Decimal(0),
        )


def _by_hand() -> Q:
    """A person decided or worked on the case."""
    decided = Decision.objects.filter(approval__case=OuterRef("pk"), undone_at=None)
    worked = Event.objects.filter(case=OuterRef("pk"), code__in=HANDS)
    return Q(Exists(decided)) | Q(Exists(worked)) | Q(holder_kind=Case.Holder.PERSON)


def _asked_above() -> QuerySet[Asked]:
    """The lead team of the type, or a team that the question was passed up to, was asked. As it was then: who works
    the type today changes nothing of what happened, and no event would tell the roll-ups.
    """
    return Asked.objects.filter(approval__case=OuterRef("pk"), above=True)


def _refunds(currency: str) -> Any:
    """Refunds of a case that were written: how many and how much. An operation whose own name begins with refund is
    one.
    """
    rows = Write.objects.filter(
        case=OuterRef("pk"),
        state__in=[Write.State.WRITTEN, Write.State.DIFFERS],
        money__isnull=False,
        currency__in=[currency, ""],
        operation__name__iregex=r"\.refund",
    )
    return rows.order_by().values("case").annotate(n=Count("pk"), sum=Sum("money"))


def _names(lacked: Iterable[Any] | None) -> list[str]:
    """Names of the facts a case lacked, each once."""
    names = [item.get("fact", "") if isinstance(item, dict) else str(item) for item in lacked or []]
    return sorted({name for name in names if name})
