"""A06 where people and programs come in: a page, a token, the admin site. (Services and cover: `tests/approvals`.)"""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from approvals.models import Approval, Decision, Rule
from cases.models import Case, Team
from orchestrator.desk.services import take_over
from orchestrator.flow.calls import call
from tests.api.program import program
from tests.company import Small
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

Attempt = Callable[[Small, Approval], int]


def handed_in(company: Small) -> tuple[Case, Approval]:
    """May handed the request in herself; her own team is asked."""
    case = company.go(company.receive("refund", actor=company.as_("may"), form={"order_number": "A100"}))
    return case, Approval.objects.get(case=case, state="waiting")


def handed_in_for_the_heads(company: Small) -> tuple[Case, Approval]:
    """Only the team above hers is asked."""
    company.rule("heads", {"ask": "heads"})
    return handed_in(company)


def called(company: Small) -> tuple[Case, Approval]:
    """May works the case by hand and asks for a refund."""
    case = take_over(actor=company.as_("may"), case_id=company.go(company.receive("refund")).pk)
    answer = call(
        actor=company.as_("may"),
        case_id=case.pk,
        operation="shop.refund",
        arguments={"payment_id": "p1", "amount": 5},
        turn=case.turn,
    )
    return case, Approval.objects.get(pk=answer.approvals[0])


def chosen(approval: Approval) -> str:
    return next(o["name"] for o in approval.proposal.options if o["name"] != "reject")


def signed_in(company: Small) -> Client:
    client = Client()
    client.force_login(company.as_("may").user)
    return client


def on_the_page(company: Small, approval: Approval) -> int:
    form = {"option": chosen(approval), "fingerprint": approval.fingerprint, "nonce": "n", "text": "because"}
    return int(signed_in(company).post(f"/approvals/{approval.pk}/decide/", form).status_code)


def in_a_second_role(company: Small, approval: Approval) -> int:
    """She is in the team that is asked as well as in her own."""
    company.as_("may").user.groups.add(Team.objects.get(name="heads").group)
    return on_the_page(company, approval)


def with_a_token(company: Small, approval: Approval) -> int:
    body = {"option": chosen(approval), "fingerprint": approval.fingerprint, "reason": "because"}
    own = program("staff", "decide", user=company.as_("may").user)
    return int(own.post(f"approvals/{approval.pk}/decision/", body).status_code)


def _as_admin(company: Small) -> Client:
    user = company.as_("may").user
    user.is_staff = user.is_superuser = True
    user.save()
    return signed_in(company)


def on_the_admin_site(company: Small, approval: Approval) -> int:
    """As a superuser: neither the approval nor a decision can be written there."""
    client = _as_admin(company)
    form: dict[str, Any] = {"state": "decided", "decided_option": chosen(approval), "fingerprint": approval.fingerprint}
    statuses = {client.post(f"/admin/approvals/approval/{approval.pk}/change/", form).status_code}
    form |= {"approval": str(approval.pk), "label": "Ken (ken)", "team": "managers", "option": chosen(approval)}
    statuses.add(client.post("/admin/approvals/decision/add/", form).status_code)
    return max(statuses) if len(statuses) == 1 else 200


WAYS: list[tuple[Callable[[Small], tuple[Case, Approval]], Attempt]] = [
    (handed_in, on_the_page),
    (called, on_the_page),
    (handed_in_for_the_heads, in_a_second_role),
    (called, with_a_token),
    (handed_in, with_a_token),
    (handed_in, on_the_admin_site),
]


@guarantee("A06", ci=len(WAYS))
def test_nobody_decides_their_own_request_by_any_door(company: Small, size: Size) -> None:
    for n in size.each():
        cache.clear()
        arranged, attempt = WAYS[n]
        case, approval = arranged(company)
        told = company.codes(case).count("approval.refused")
        status = attempt(company, approval)
        name = f"{arranged.__name__} {attempt.__name__}"
        if status not in (403, 404, 409):
            size.failed(f"{name}: {status}")
        if Decision.objects.filter(approval=approval, undone_at=None).exists() or company.shop.done:
            size.failed(f"{name}: it was decided")
        if attempt is not on_the_admin_site and company.codes(case).count("approval.refused") != told + 1:
            size.failed(f"{name}: the attempt is not in the ledger")
        company.decide(approval, chosen(approval), by="grace" if attempt is in_a_second_role else "ken")
        Rule.objects.filter(name="heads").delete()
        company.go(case)
        assert len(company.shop.done) == 1, "somebody else's decision counts"
        company.shop.done.clear()
