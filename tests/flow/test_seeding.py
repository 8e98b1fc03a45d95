"""Copies for trials: each a case of its own that the product reads like any other, with a chain that holds."""

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from agents.models import Proposal, Run, Write
from approvals.models import Approval, Decision
from cases import ledger
from cases.models import Case, Event, Message
from tests.company import Small, small

COPIES = 24


@pytest.fixture
def company(db: None) -> Iterator[Small]:
    with small() as company:
        yield company


def seeded(company: Small, **options: int) -> tuple[Case, Case, set[int]]:
    """One closed and one waiting case, and the numbers of their copies."""
    done, approval = company.waiting()
    company.decide(approval, "full")
    done = company.later(done, 10)
    waiting, _approval = company.waiting()
    assert (done.status, waiting.status) == ("done", "waiting_approval")
    call_command("seed_cases", cases=COPIES, stdout=io.StringIO(), **options)
    return done, waiting, set(Case.objects.exclude(pk__in=[done.pk, waiting.pk]).values_list("pk", flat=True))


def test_every_row_of_a_case_is_copied_once(company: Small) -> None:
    done, waiting, copies = seeded(company, open=4)
    assert len(copies) == COPIES
    assert Case.objects.filter(pk__in=copies, status="waiting_approval").count() == 4
    for model in (Message, Run, Proposal, Write, Approval, Event):
        of_done = model.objects.filter(case=done).count()
        of_waiting = model.objects.filter(case=waiting).count()
        assert model.objects.filter(case__in=copies).count() == (COPIES - 4) * of_done + 4 * of_waiting, model
    assert Decision.objects.count() == COPIES - 4 + 1
    for write in Write.objects.filter(case__in=copies).select_related("proposal"):
        assert write.proposal is None or write.proposal.case_id == write.case_id
    for proposal in Proposal.objects.filter(case__in=copies):
        own = {str(pk) for pk in proposal.writes.values_list("pk", flat=True)}
        assert {ref["id"] for option in proposal.options for ref in option["writes"]} == own


def test_their_chains_hold_and_tell_of_themselves(company: Small) -> None:
    _done, _waiting, copies = seeded(company)
    verdict = ledger.verify()
    assert verdict.first_broken is None and verdict.chains > COPIES
    for asked in Event.objects.filter(case__in=copies, code="approval.asked").select_related("detail"):
        assert Approval.objects.get(pk=asked.detail.data["approval"]).case_id == asked.case_id


def test_closed_ones_reach_back_and_nothing_is_to_be_done_for_them(company: Small) -> None:
    _done, _waiting, copies = seeded(company, days=100, open=0)
    oldest = Case.objects.filter(pk__in=copies).order_by("created_at")[0]
    assert timedelta(days=99) < timezone.now() - oldest.created_at < timedelta(days=101)
    assert not Case.objects.filter(pk__in=copies, wake_at__isnull=False).exists()


def test_the_pages_show_them(company: Small) -> None:
    _done, _waiting, copies = seeded(company)
    client = Client()
    client.force_login(company.as_("may").user)
    for pk in sorted(copies)[:3] + sorted(copies)[-1:]:
        assert client.get(f"/cases/C-{pk}/").status_code == 200
    for approval in Approval.objects.filter(case__in=copies)[:3]:
        assert client.get(f"/approvals/{approval.pk}/").status_code == 200


def test_where_it_refuses_nothing_is_made(company: Small, settings: LazySettings) -> None:
    with pytest.raises(CommandError, match="no case to copy"):
        call_command("seed_cases", cases=3)
    company.receive()
    settings.DEMO = False
    with pytest.raises(CommandError, match="not a demo"):
        call_command("seed_cases", cases=3)
    assert Case.objects.count() == 1
