"""Two workers at once, a worker killed while it sends, a second row: nobody is told twice."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from cases.clock import database_now
from orchestrator.notices import planning, services, transitions
from orchestrator.notices.models import Notice
from orchestrator.notices.planning import Plan
from tests.company import at_once
from tests.notices.smtp import MailServer
from tests.world import World, add_approval, add_case_row

CHILD = """
import django; django.setup()
from orchestrator.notices import planning, services
planning.slot_of = lambda now, zone: None
services.tell()
"""


@pytest.fixture(autouse=True)
def no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "slot_of", lambda now, zone: None)


def test_two_workers_at_once_tell_each_person_once(racing: World, mails: MailServer) -> None:
    for _round in range(3):
        for _n in range(4):
            add_approval(racing, add_case_row(racing.refund, racing.now))
        mails.taken.clear()
        Notice.objects.all().delete()
        found = at_once([services.tell, services.tell, services.tell])
        assert not [one for one in found if isinstance(one, Exception)], found
        services.tell()
        told = [(to, mail["Subject"]) for to, mail in mails.taken]
        assert len(told) == len(set(told)) == Notice.objects.count() == sum(found)


def test_the_database_refuses_a_second_row_for_the_same(world: World) -> None:
    now = database_now()
    plan = Plan(f"approval:{world.approval.pk}", "asked")
    transitions.reserve([plan], now=now, user_id=world.manager.pk)
    transitions.reserve([plan], now=now, user_id=world.manager.pk)
    assert Notice.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.create(user=world.manager, item=plan.item, kind=plan.kind, try_at=now, reserved_at=now)


def test_a_worker_that_slept_past_its_claim_ends_nothing(world: World) -> None:
    now = database_now()
    transitions.reserve([Plan("digest", "x")], now=now, user_id=world.manager.pk)
    slow = transitions.claim(now, mails=True, hooks=True)
    late = now + timedelta(hours=1)
    again = transitions.claim(late, mails=True, hooks=True)
    assert slow and again and slow.pk == again.pk
    transitions.settle(slow, "failed", now=late)
    assert Notice.objects.get().state == "sending"
    transitions.settle(again, "sent", now=late)
    assert Notice.objects.get().state == "sent"


def test_a_worker_killed_while_it_sends_is_followed_by_one_more_try_and_no_third(
    racing: World, mails: MailServer, child_environment: dict[str, str]
) -> None:
    racing.deputy.groups.clear()
    environment: dict[str, Any] = child_environment | {
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(mails.port),
        "PUBLIC_URL": "https://work.example.com",
    }
    for _time in range(2):
        mails.got.clear()
        mails.faults[:] = ["hang"]
        child = subprocess.Popen([sys.executable, "-c", CHILD], env=environment)
        assert mails.got.wait(60)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(20)
        assert Notice.objects.get().state == "sending"
        services.tell()  # its claim still holds
        Notice.objects.update(try_at=database_now() - timedelta(seconds=1))
    mails.faults.clear()
    services.tell()
    assert Notice.objects.get().state == "unknown"
    assert len(mails.taken) == 2
    assert len({mail["Message-ID"] for _to, mail in mails.taken}) == 1
