"""Roll-ups say what counting every case says, for everybody, whatever happened since they were made."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.services import undo
from cases.clock import database_now
from cases.models import Case, Company, RequestType, Team
from orchestrator.desk import services as desk
from orchestrator.reports import rolling, selectors
from orchestrator.reports.models import CaseLine, DayCount, RollUp
from tests.company import Small, small

EVER = {"since": date(2020, 1, 1), "until": date(2090, 1, 1)}


@pytest.fixture
def company(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    monkeypatch.setattr(rolling, "MARGIN", timedelta())  # nobody else writes here
    with small() as company:
        yield company


def asked(user: User, **more: Any) -> dict[str, Any]:
    types = set(RequestType.objects.with_right(user, "see").values_list("pk", flat=True))
    values = {**EVER, "type_name": "", "now": database_now(), **more}
    return selectors.summary(Case.objects.visible_to(user), types=types, **values).as_json()


def agree(**more: Any) -> None:
    """Everybody is told the same with the roll-ups as without."""
    everybody = list(User.objects.filter(is_active=True))
    rolled = {user.username: asked(user, **more) for user in everybody}
    mark = RollUp.objects.get()
    RollUp.objects.all().delete()
    plain = {user.username: asked(user, **more) for user in everybody}
    mark.save(force_insert=True)
    assert rolled == plain
    assert any(told["received"] for told in plain.values())


def roll() -> int:
    return rolling.roll_up(now=database_now())


def test_they_agree_with_counting_after_everything_that_happens(company: Small) -> None:
    Company.objects.update(hold_seconds=30)
    done, approval = company.waiting()
    company.decide(approval)
    company.later(done, 100)
    waiting, other = company.waiting(order="A101")
    roll()
    assert CaseLine.objects.count() == 2 and DayCount.objects.exists()
    agree()
    company.decide(other)  # after the roll-up
    agree()
    undo(actor=company.as_("may"), approval_id=other.pk)
    agree()
    desk.take_over(actor=company.as_("ka"), case_id=waiting.pk)
    company.receive("two")
    unsorted = company.receive("refund")
    agree()
    roll()
    agree()
    company.go(unsorted)
    agree(type_name="two")
    agree(type_name="refund")


def test_a_case_of_another_type_or_a_secret_one_is_counted_where_it_is_seen(company: Small) -> None:
    case, _approval = company.waiting()
    roll()
    desk.sort(actor=company.as_("ka"), case_id=case.pk, type_name="two")
    agree()
    roll()
    agree()
    assert CaseLine.objects.get(case=case).type.name == "two"
    RequestType.objects.filter(name="refund").update(confidential=True)
    desk.sort(actor=company.as_("ka"), case_id=case.pk, type_name="refund")
    agree()
    roll()
    agree()
    assert not CaseLine.objects.filter(case=case).exists()


def test_what_was_asked_above_stays_so_when_the_type_gets_another_team(company: Small) -> None:
    """A report says what happened: whose team works the type today changes nothing of it."""
    company.waiting()
    _case, approval = company.waiting(order="A101")
    may = User.objects.get(username="may")
    roll()
    assert asked(may)["to_supervisor"] == 2
    for team in ("managers", "support"):
        RequestType.objects.filter(name="refund").update(team=Team.objects.get(name=team))
        agree()
        assert asked(may)["to_supervisor"] == 2
    RequestType.objects.filter(name="refund").update(team=Team.objects.get(name="managers"))
    company.decide(approval)  # and something happens to one of them
    agree()
    roll()
    agree()
    assert asked(may)["to_supervisor"] == 2
    company.waiting()  # asked of those who work the type themselves
    assert asked(may)["to_supervisor"] == 2


def test_the_first_building_goes_on_where_it_was_cut(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    for _n in range(5):
        company.receive()
    monkeypatch.setattr(rolling, "TOGETHER", 2)
    monkeypatch.setattr(rolling, "SECONDS", -1.0)  # one commit a run
    assert [roll() for _n in range(3)] == [2, 2, 1]
    assert RollUp.objects.get().at is None
    agree()
    assert roll() == 0 and RollUp.objects.get().at is not None
    agree()


def test_days_of_another_zone_are_counted_anew(company: Small) -> None:
    company.go(company.receive())
    roll()
    Company.objects.update(time_zone="Pacific/Kiritimati")
    agree()
    assert roll() == 1
    assert RollUp.objects.get().time_zone == "Pacific/Kiritimati"
    agree()


def test_a_run_beside_another_leaves_it_the_work(company: Small) -> None:
    company.receive()
    roll()
    before = RollUp.objects.get().at
    rolling._mark(Company.objects.get(), database_now())
    roll()
    assert RollUp.objects.get().at >= before


def test_a_report_reads_no_settled_case(company: Small) -> None:
    """Ten settled cases or one: the same number of queries, and the rows of none are fetched."""
    user = User.objects.get(username="may")
    asked_for = []
    for number in (1, 9):
        for _n in range(number):
            case, approval = company.waiting()
            company.decide(approval)
            company.later(case, 10)
        roll()
        RollUp.objects.update(at=database_now())
        with CaptureQueriesContext(connection) as queries:
            assert asked(user)["received"] >= number
        asked_for.append(len(queries))
    assert asked_for[0] == asked_for[1] <= 15
