"""Plain counts over cases: roll-ups of what is settled, and what happened since. What may be counted is handed in:
nothing here widens anybody's sight.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q

from cases.models import Company, RequestType
from cases.models.running import CaseQuerySet
from orchestrator.reports.counting import Tally, lines_of
from orchestrator.reports.models import RollUp
from orchestrator.reports.rolling import changed

DAYS: Final = 30  # when no time is asked for

_SETTLED = """
SELECT type_id, status, sum(received), sum(automatic), sum(above), sum(late), sum(lacked), sum(refunds), sum(money),
  NULL AS fact
FROM (
  SELECT type_id, status, received, automatic, above, late, lacked, refunds, money FROM reports_daycount
  WHERE day BETWEEN %(since)s AND %(until)s AND type_id = ANY(%(types)s)
  UNION ALL
  SELECT type_id, status, -1, -automatic::int, -above::int, -late::int, -(lacked <> '[]')::int, -refunds, -money
  FROM reports_caseline
  WHERE case_id = ANY(%(changed)s) AND day BETWEEN %(since)s AND %(until)s AND type_id = ANY(%(types)s)
) counted GROUP BY type_id, status
UNION ALL
SELECT NULL, NULL, sum(n), 0, 0, 0, 0, 0, 0, fact
FROM (
  SELECT key AS fact, value::int AS n FROM reports_daycount, jsonb_each_text(facts)
  WHERE facts <> '{}' AND day BETWEEN %(since)s AND %(until)s AND type_id = ANY(%(types)s)
  UNION ALL
  SELECT fact, -1 FROM reports_caseline, jsonb_array_elements_text(lacked) fact
  WHERE case_id = ANY(%(changed)s) AND day BETWEEN %(since)s AND %(until)s AND type_id = ANY(%(types)s)
) lacking GROUP BY fact
"""


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


def summary(
    cases: CaseQuerySet,
    *,
    types: Collection[int],
    since: date | None,
    until: date | None,
    type_name: str,
    now: datetime,
) -> Summary:
    """Counts of the `cases` received from `since` to `until`, both days included, in the company's zone.

    `types` are those whose cases are all among `cases`, confidential ones apart: of them the roll-ups are taken.
    """
    company = Company.objects.first()
    zone = ZoneInfo(company.time_zone if company else "UTC")
    currency = company.currency if company else "HKD"
    until = until or max(now.astimezone(zone).date(), since or date.min)
    since = since or until - min(timedelta(days=DAYS - 1), until - date.min)  # near the first day there is: from it
    names = dict(RequestType.objects.values_list("pk", "name"))
    asked = _between(cases, since, until, zone)
    wanted = {pk for pk, name in names.items() if not type_name or name == type_name}
    if type_name:
        asked = asked.filter(type__in=wanted)
    tally = Tally()
    mark = RollUp.objects.filter(pk=1, at__isnull=False, time_zone=str(zone), currency=currency).first()
    if mark is not None and mark.at is not None:
        rolled = wanted & set(types)
        moved = changed(mark.at)
        _add_settled(tally, rolled, since, until, moved)
        asked = asked.filter(pk__in={*moved, *_beside(asked, wanted - rolled)})
    for line in lines_of(asked, zone=zone, currency=currency):
        tally.add(line)
    return Summary(
        since=since,
        until=until,
        type_name=type_name,
        received=tally.received,
        finished=tally.finished,
        finished_automatically=tally.automatic,
        to_supervisor=tally.above,
        refunds=tally.refunds,
        money=tally.money,
        currency=currency,
        lacked_data=tally.lacked,
        lacked=sorted(((fact, n) for fact, n in tally.facts.items() if n), key=lambda pair: (-pair[1], pair[0])),
        late=tally.late,
        by_status={status: n for status, n in sorted(tally.by_status.items()) if n},
        by_type=dict(sorted((names.get(pk or 0, ""), n) for pk, n in tally.by_type.items() if n)),
    )


def _add_settled(tally: Tally, types: Collection[int], since: date, until: date, moved: list[int]) -> None:
    """Add the days' sums of these types without the cases in `moved`, which are counted as they are now. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLED, {"since": since, "until": until, "types": list(types), "changed": moved})
        for type_id, status, *numbers, fact in cursor.fetchall():
            if fact is not None:
                tally.facts[fact] += int(numbers[0])
                continue
            names = ("received", "automatic", "above", "late", "lacked", "refunds")
            sums: dict[str, Any] = {name: int(number) for name, number in zip(names, numbers, strict=False)}
            tally.add_sums(type_id, status, sums | {"money": numbers[-1]})


def _beside(cases: CaseQuerySet, other_types: Collection[int]) -> list[int]:
    """Those of `cases` that no roll-up of a type counts: not sorted yet, confidential, or of a type seen in part."""
    apart = cases.filter(Q(type=None) | Q(confidential=True)).order_by()
    if not other_types:
        return list(apart.values_list("pk", flat=True))
    others = cases.filter(type__in=other_types, confidential=False).order_by()
    return [*apart.values_list("pk", flat=True), *others.values_list("pk", flat=True)]


def _between(cases: CaseQuerySet, since: date, until: date, zone: ZoneInfo) -> CaseQuerySet:
    first = datetime(since.year, since.month, since.day, tzinfo=zone)
    found = cases.filter(created_at__gte=first)
    if until == date.max:
        return found
    after = until + timedelta(days=1)
    return found.filter(created_at__lt=datetime(after.year, after.month, after.day, tzinfo=zone))
