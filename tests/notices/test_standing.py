"""Near a cap the named person of a standing approval is told, once, through a real SMTP server."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import StandingApproval
from orchestrator.notices import planning, services
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
