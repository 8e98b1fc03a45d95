"""Plain counts over cases. What may be counted is handed in: nothing here widens anybody's sight."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from agents.models import Write
from approvals.models import Asked, Decision
from cases.models import Case, Company, Event
from cases.models.running import CaseQuerySet

DAYS: Final = 30  # when no time is asked for
# Where a person did what the AI would have: such a case was not finished automatically.
HANDS: Final = ("case.taken_over", "case.with_people", "case.reopened", "request.unsorted")


@dataclass(frozen=True, slots=True)
class Summary:
    """`money` is the sum of the refunds that were written, in the company's currency."""

    since: date
    until: date
    type_name: str
    received: int
    finished: int
    finished_automatically: int
    to_supervisor: int
    refunds: int
    money: Decimal
    currency: str
    lacked_data: int
    lacked: list[tuple[str, int]]
    late: int
    by_status: dict[str, int]
    by_type: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The counts as the API gives them; money as text with its currency."""
        return {
            "from": self.since.isoformat(),
            "to": self.until.isoformat(),
            "type": self.type_name or None,
            "received": self.received,
            "finished": self.finished,
            "finished_automatically": self.finished_automatically,
            "to_supervisor": self.to_supervisor,
            "refunds": {
                "count": self.refunds,
                "money": {"amount": f"{self.money:.2f}", "currency": self.currency},
            },
            "lacked_data": {
                "count": self.lacked_data,
                "facts": [{"fact": fact, "count": count} for fact, count in self.lacked],
            },
            "late": self.late,
            "by_status": self.by_status,
            "by_type": self.by_type,
        }


def summary(cases: CaseQuerySet, *, since: date | None, until: date | None, type_name: str, now: datetime) -> Summary:
    """Counts of the `cases` received from `since` to `until`, both days included, in the company's zone."""
    company = Company.objects.first()
    zone = ZoneInfo(company.time_zone if company else "UTC")
    currency = company.currency if company else "HKD"
    until = until or max(now.astimezone(zone).date(), since or date.min)
    since = since or until - timedelta(days=DAYS - 1)
    asked = _between(cases, since, until, zone)
    if type_name:
        asked = asked.filter(type__name=type_name)
    ids = asked.order_by().values("pk")
    done = asked.filter(status=Case.Status.DONE)
    refunds, money = _refunds(ids, currency)
    lacked = Counter(
        fact for facts in asked.exclude(lacked=[]).values_list("lacked", flat=True) for fact in _names(facts)
    )
    counts = _counts(asked)
    return Summary(
        since=since,
        until=until,
        type_name=type_name,
        received=sum(one.received for one in counts),
        finished=sum(one.received for one in counts if one.status == Case.Status.DONE),
        finished_automatically=done.filter(~_by_hand()).count(),
        to_supervisor=asked.filter(Exists(_asked_above())).count(),
        refunds=refunds,
        money=money,
        currency=currency,
        lacked_data=sum(one.lacked for one in counts),
        lacked=sorted(lacked.items(), key=lambda pair: (-pair[1], pair[0])),
        late=sum(one.late for one in counts),
        by_status=_by(counts, "status"),
        by_type=_by(counts, "type_name"),
    )


def _between(cases: CaseQuerySet, since: date, until: date, zone: ZoneInfo) -> CaseQuerySet:
    first = datetime(since.year, since.month, since.day, tzinfo=zone)
    found = cases.filter(created_at__gte=first)
    if until == date.max:
        return found
    after = until + timedelta(days=1)
    return found.filter(created_at__lt=datetime(after.year, after.month, after.day, tzinfo=zone))


def _by_hand() -> Q:
    """A person decided or worked on the case."""
    decided = Decision.objects.filter(approval__case=OuterRef("pk"), undone_at=None)
    worked = Event.objects.filter(case=OuterRef("pk"), code__in=HANDS)
    return Q(Exists(decided)) | Q(Exists(worked)) | Q(holder_kind=Case.Holder.PERSON)


def _asked_above() -> QuerySet[Asked]:
    """The lead team of the type, or a team that the question was passed up to, was asked."""
    rows = Asked.objects.filter(approval__case=OuterRef("pk"))
    return rows.filter(~Q(team=OuterRef("type__team")))


def _refunds(ids: QuerySet[Any, Any], currency: str) -> tuple[int, Decimal]:
    """Refunds that were written: how many and how much. An operation whose own name begins with refund is
    one.
    """
    found = Write.objects.filter(
        case__in=ids,
        state__in=[Write.State.WRITTEN, Write.State.DIFFERS],
        money__isnull=False,
        currency__in=[currency, ""],
        operation__name__iregex=r"\.refund",
    ).aggregate(count=Count("pk"), money=Sum("money"))
    return found["count"], found["money"] or Decimal(0)


@dataclass(frozen=True, slots=True)
class _Count:
    """How many cases of one status and type there are, and how many of them were late or lacked data."""

    status: str
    type_name: str
    received: int
    late: int
    lacked: int


def _counts(cases: CaseQuerySet) -> list[_Count]:
    """One query for all that is counted by case alone."""
    late, lacked = Count("pk", filter=Q(late_since__isnull=False)), Count("pk", filter=~Q(lacked=[]))
    rows = cases.order_by().values_list("status", "type__name").annotate(n=Count("pk"), n_late=late, n_lacked=lacked)
    return [_Count(status, name or "", *numbers) for status, name, *numbers in rows]


def _by(counts: list[_Count], field: str) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for one in counts:
        sums[getattr(one, field)] += one.received
    return dict(sorted(sums.items()))


def _names(lacked: Any) -> list[str]:
    """Names of the facts a case lacked, each once."""
    names = [item.get("fact", "") if isinstance(item, dict) else str(item) for item in lacked or []]
    return sorted({name for name in names if name})
