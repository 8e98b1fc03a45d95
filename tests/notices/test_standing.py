"""Near a cap the named person of a standing approval is told, once, through a real SMTP server."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import StandingApproval
from approvals.usage import usage
from cases.clock import database_now
from orchestrator.notices import planning, services, standing
from orchestrator.notices.models import MailChoice, Notice
from tests.company import Small, small
from tests.notices.smtp import MailServer


@pytest.fixture
def company(db: None) -> Any:
    with small() as made:
        User.objects.filter(username="may").update(email="may@example.com")
        yield made


@pytest.fixture
def told(mails: MailServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What May is told by one more run: the subjects."""
    monkeypatch.setattr(planning, "slot_of", lambda now, zone: None)

    def run() -> list[str]:
        before = len(mails.taken)
        services.tell()
        return [mail["Subject"] for to, mail in mails.taken[before:] if to == "may@example.com"]

    return run


def use(company: Small, n: int) -> None:
    for _time in range(n):
        done = len(company.shop.done)
        company.go(company.receive())
        assert len(company.shop.done) == done + 1


def test_near_a_cap_the_named_person_is_told_once_a_day(company: Small, mails: MailServer, told: Any) -> None:
    company.standing(up_to=300, per_day=5)
    use(company, 3)
    assert told() == []
    use(company, 1)
    assert told() == ["Your standing approval is near its limit: small"]
    text = next(mails.to("may@example.com")[0].iter_parts()).get_content()
    assert "4 of 5 today" in text and "https://work.example.com/standing-approvals/" in text
    assert "pause it, withdraw it" in text
    use(company, 1)
    assert told() == []  # full now: it was said already
    row = Notice.objects.get(item__startswith="standing:")
    Notice.objects.update(kind=row.kind.replace("per_day:", "per_day:the day before "))
    assert len(told()) == 1


@pytest.mark.parametrize("caps", [{"total": 440}, {"total_per_day": 440}])
def test_money_counts_as_well(company: Small, mails: MailServer, told: Any, caps: Any) -> None:
    company.standing(up_to=300, **caps)
    use(company, 3)
    assert told() == []
    use(company, 1)
    assert len(told()) == 1
    text = next(mails.to("may@example.com")[0].iter_parts()).get_content()
    assert "HK$400.00 of HK$440.00" in text


def test_two_caps_at_once_are_one_mail(company: Small, mails: MailServer, told: Any) -> None:
    company.standing(up_to=300, per_day=1, total=110)
    use(company, 1)
    assert len(told()) == 1 and told() == []
    text = next(mails.to("may@example.com")[0].iter_parts()).get_content()
    assert "1 of 1 today; HK$100.00 of HK$110.00 in all" in text


def test_its_last_days_are_told_too(company: Small, told: Any) -> None:
    company.standing(up_to=300, until=str(timezone.localdate() + timedelta(days=30)))
    assert told() == []
    company.standing(up_to=300, until=str(timezone.localdate() + timedelta(days=5)))
    assert len(told()) == 1 and told() == []


def test_nobody_is_told_of_what_is_withdrawn_or_who_wants_no_mails(company: Small, told: Any) -> None:
    company.standing(up_to=300, per_day=1)
    use(company, 1)
    may = User.objects.get(username="may")
    MailChoice.objects.create(user=may, mode="none")
    assert told() == []
    MailChoice.objects.all().delete()
    Notice.objects.all().delete()
    for row in StandingApproval.objects.all():
        row.withdrawn_at = row.confirmed_at
        row.save()
    assert told() == [] and not Notice.objects.filter(item__startswith="standing:").exists()


def rows() -> list[tuple[str, str, Any]]:
    """Every notice of a standing approval: its kind without the period, its state, when it was made."""
    found = Notice.objects.filter(item__startswith="standing:").order_by("kind")
    return [(row.kind.split(":")[0], row.state, row.reserved_at) for row in found]


def test_who_wants_no_mails_or_has_left_is_planned_nothing(company: Small, told: Any) -> None:
    company.standing(up_to=300, per_day=1)
    use(company, 1)
    choice = MailChoice.objects.create(user=User.objects.get(username="may"), mode="none")
    assert told() == [] and rows() == []
    choice.delete()
    User.objects.filter(username="may").update(is_active=False)
    assert told() == [] and rows() == []
    User.objects.filter(username="may").update(is_active=True)
    assert len(told()) == 1  # it can be said now, and still is so


def test_what_a_newer_mail_said_is_not_taken_up_again(company: Small, told: Any) -> None:
    company.standing(up_to=300, per_day=1, until=str(timezone.localdate() + timedelta(days=5)))
    services.plan()  # and the mail server is away
    use(company, 1)
    assert len(told()) == 1
    ended = rows()
    assert [(kind, state) for kind, state, _at in ended] == [("per_day", "sent"), ("until", "dropped")]
    assert told() == [] and rows() == ended


def test_what_is_so_again_is_told_though_something_else_was_told_meanwhile(company: Small, told: Any) -> None:
    company.standing(up_to=300, per_day=1, until=str(timezone.localdate() + timedelta(days=5)))
    assert len(told()) == 1
    said = Notice.objects.get()
    use(company, 1)
    services.plan()
    Notice.objects.exclude(pk=said.pk).update(state="dropped", reserved_at=said.reserved_at - timedelta(minutes=5))
    Notice.objects.filter(pk=said.pk).update(id=said.pk + 1_000)  # made after it, that is
    assert len(told()) == 1 and told() == []
    assert [(kind, state) for kind, state, _at in rows()] == [("per_day", "sent"), ("until", "sent")]


def test_of_the_days_gone_by_nothing_is_read(company: Small, told: Any) -> None:
    company.standing(up_to=300, per_day=1)
    use(company, 1)
    assert len(told()) == 1
    row = Notice.objects.get()
    old = [Notice(user=row.user, item=row.item, kind=f"per_day:{n}", covers=["until:x"], state="sent",
                  try_at=row.try_at, reserved_at=row.reserved_at) for n in range(9)]  # fmt: skip
    Notice.objects.bulk_create(old)
    (used,) = usage(StandingApproval.objects.all(), now=database_now(), zone=timezone.get_current_timezone()).values()
    assert standing.told([used]) == {(row.user_id, row.item): {row.kind}}
    assert told() == []
