"""D11: the clock of a worker and of the web is wrong, and jumps back while they run: the database's time decides."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.db import connection

from agents.models import Run, Write
from approvals.models import Approval
from cases.clock import database_now
from cases.models import Case, Event
from tests.faults.live.works import Works
from tests.guarantees import Size, guarantee

DAY, TEN_MINUTES = 86_400, 600
SKEWS = (-DAY, -TEN_MINUTES, TEN_MINUTES, DAY)
SOON = 5  # seconds of the database's time until an approval passes up
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def clock(works: Works, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One of two workers, and the web, follow the seconds in this file."""
    file = tmp_path_factory.mktemp("clock") / "wrong_by"
    file.write_text("0")
    web = works.processes.programs[0]
    right = web.command
    web.stop()
    web.command = [*list(right)[:-1], "tests.faults.live.wrong_clock_web:application"]
    web.environment = {**web.environment, "WRONG_CLOCK": str(file)}
    web.start()
    works.start(lease=6, clock=file)
    works.wait(works.answers, "the web with the wrong clock answers")
    yield file
    web.stop()
    web.command = right
    web.start()
    works.start()
    works.wait(works.answers, "the web answers")


@pytest.mark.parametrize("skew", SKEWS)
@guarantee("D11", ci=4, release=50)
def test_a_wrong_clock_steals_no_lease_and_moves_no_deadline(skew: int, works: Works, clock: Path, size: Size) -> None:
    """Calls take 1.5 s, so that each lease is held while the worker with the wrong clock looks for work."""
    clock.write_text(str(skew))
    count = len(list(size.each()))
    works.fault("vouchers.create", "late_answer", times=count, seconds=1.5)
    asked = [works.ask("refund") for _n in range(max(2, count // 4))]
    cases = works.post_many("voucher", count, name=f"{skew}-{asked[0].pk}", clients=4)
    works.wait(lambda: _waiting(asked) == len(asked), "people are asked")
    soon, later = _deadline(asked[0], SOON), _deadline(asked[1], 3600)
    works.settle(cases)
    clock.write_text("-30" if skew > 0 else str(2 * skew))  # a step back while they run
    works.wait(lambda: _passed_up(asked[0]), "the approval whose time came is passed up", 60 + SOON)
    if not timedelta() <= _passed_up_at(asked[0]) - soon < MINUTE:
        size.failed(f"passed up {_passed_up_at(asked[0]) - soon} after its time")
    if _passed_up(asked[1]) or any(_passed_up(case) for case in asked[2:]):
        size.failed(f"passed up too early: it was due {later}")
    more = works.post_many("ticket", count, name=f"{skew}-{asked[0].pk}-back", clients=4)
    works.settle([*more, *asked])
    everything = [*cases, *more, *asked]
    if works.states(everything) != {"done": len(everything)}:
        size.failed(f"they ended {works.states(everything)}")
    for case in everything:
        _judge(size, case)


def _judge(size: Size, case: Case) -> None:
    if any(
        claim != 1 for claim in Run.objects.filter(case=case).exclude(step="work_out").values_list("claim", flat=True)
    ):
        size.failed(f"C-{case.pk}: a lease was stolen")
    if any(n != 1 for n in Write.objects.filter(case=case, state="written").values_list("attempts", flat=True)):
        size.failed(f"C-{case.pk}: something was sent twice")
    times = list(Event.objects.filter(case=case).order_by("seq").values_list("at", flat=True))
    if any(later < earlier for earlier, later in pairwise(times)):
        size.failed(f"C-{case.pk}: the ledger's times are out of order")
    if not database_now() - timedelta(minutes=10) < times[0] <= times[-1] <= database_now():
        size.failed(f"C-{case.pk}: the ledger has the time of a wrong clock")


def _waiting(cases: list[Case]) -> int:
    return Approval.objects.filter(case__in=[c.pk for c in cases], state="waiting").count()


def _deadline(case: Case, seconds: float) -> object:
    """This case's approval passes up then, by the database's clock."""
    due = database_now() + timedelta(seconds=seconds)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_approval SET due_at = %s WHERE case_id = %s", [due, case.pk])
        cursor.execute("UPDATE cases_case SET wake_at = %s WHERE id = %s", [due, case.pk])
    return due


def _passed_up(case: Case) -> bool:
    return Event.objects.filter(case=case, code="approval.passed_up").exists()


def _passed_up_at(case: Case) -> object:
    return Event.objects.get(case=case, code="approval.passed_up").at
