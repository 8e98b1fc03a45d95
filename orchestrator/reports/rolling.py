"""Keeps the roll-ups true: works out the lines of cases that something happened to, and sums their days anew.

A run may be lost, late or repeated. A report adds for itself whatever happened since the last one.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from cases.models import Case, Company, Event
from orchestrator.reports.counting import lines_of
from orchestrator.reports.models import CaseLine, DayCount, RollUp

# A transaction takes its time before it commits; none lasts so long (idle_in_transaction_session_timeout).
MARGIN: Final = timedelta(minutes=10)
TOGETHER: Final = 5_000  # cases a commit while the lines are first built
SECONDS: Final = 40.0  # a run of the first building; the next run goes on

_SUM = """
INSERT INTO reports_daycount (day, type_id, status, received, automatic, above, late, lacked, facts, refunds, money)
SELECT day, type_id, status, count(*), count(*) FILTER (WHERE automatic), count(*) FILTER (WHERE above),
  count(*) FILTER (WHERE late), count(*) FILTER (WHERE lacked <> '[]'),
  coalesce((
    SELECT jsonb_object_agg(fact, n) FROM (
      SELECT fact, count(*) AS n FROM reports_caseline own, jsonb_array_elements_text(own.lacked) fact
      WHERE own.day = line.day AND own.type_id = line.type_id AND own.status = line.status GROUP BY fact) facts), '{}'),
  sum(refunds), sum(money)
FROM reports_caseline line WHERE day = ANY(%s) GROUP BY day, type_id, status
"""


def roll_up(*, now: datetime) -> int:
    """Bring the roll-ups up to date; returns how many cases were looked at. `now` is the database's time."""
    company = Company.objects.filter(pk=1).first()
    if company is None:
        return 0
    looked, until = 0, time.monotonic() + SECONDS
    while True:
        with transaction.atomic():
            mark = _mark(company, now)
            if mark is None:
                return looked  # somebody else is at it
            ids = _next(mark, now)
            _count(ids, mark)
            mark.save()
        looked += len(ids)
        if mark.at is not None or time.monotonic() > until:
            return looked


def _mark(company: Company, now: datetime) -> RollUp | None:
    """The row, locked; anew when days or money mean something else since. None if another run has it."""
    RollUp.objects.bulk_create(
        [RollUp(pk=1, began=now, time_zone=company.time_zone, currency=company.currency)], ignore_conflicts=True
    )
    mark = RollUp.objects.select_for_update(skip_locked=True).filter(pk=1).first()
    if mark is not None and (mark.time_zone, mark.currency) != (company.time_zone, company.currency):
        CaseLine.objects.all().delete()
        DayCount.objects.all().delete()
        mark.at, mark.began, mark.reached = None, now, 0
        mark.time_zone, mark.currency = company.time_zone, company.currency
    return mark


def _next(mark: RollUp, now: datetime) -> list[int]:
    """The cases to work out now. Moves the mark to what is true once they are."""
    if mark.at is None:
        ids = list(Case.objects.filter(pk__gt=mark.reached).order_by("pk").values_list("pk", flat=True)[:TOGETHER])
        mark.reached = ids[-1] if ids else mark.reached
        mark.at = None if ids else mark.began - MARGIN
        return ids
    since, mark.at = mark.at, max(now - MARGIN, mark.at)
    return changed(since, mark.at)


def changed(since: datetime, until: datetime | None = None) -> list[int]:
    """Cases with an event in this time: whatever a report counts changes with an event of the case. One query."""
    rows = Event.objects.filter(case__isnull=False, at__gte=since)
    rows = rows.filter(at__lt=until) if until else rows
    return list(rows.order_by().values_list("case_id", flat=True).distinct())


def _count(ids: Sequence[int], mark: RollUp) -> None:
    """Store the lines of these cases as they are now, and sum the days that they were or are in."""
    old = CaseLine.objects.filter(case__in=ids)
    days = set(old.values_list("day", flat=True))
    old.delete()
    found = lines_of(Case.objects.filter(pk__in=ids), zone=ZoneInfo(mark.time_zone), currency=mark.currency)
    lines = [
        CaseLine(
            case_id=line.case,
            day=line.day,
            type_id=line.type,
            status=line.status,
            automatic=line.automatic,
            above=line.above,
            late=line.late,
            lacked=line.lacked,
            refunds=line.refunds,
            money=line.money,
        )
        for line in found
        if line.type is not None and not line.confidential
    ]
    CaseLine.objects.bulk_create(lines, batch_size=1_000)
    _sum(days | {line.day for line in lines})


def _sum(days: Iterable[date]) -> None:
    wanted = sorted(days)
    DayCount.objects.filter(day__in=wanted).delete()
    with connection.cursor() as cursor:
        cursor.execute(_SUM, [wanted])
