"""What the approver sees is what is sent: shown whole, with what cannot be seen made visible, and sent byte for byte."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agents.models import Write
from approvals.models import Approval
from cases.plain_sight import has_hidden, visible
from orchestrator.flow.calls import call
from tests.attacks.payloads import HARMLESS, PAYLOADS
from tests.company import Small
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside


@guarantee("A14", ci=len(PAYLOADS), release=len(PAYLOADS))
def test_every_payload_is_shown_whole_and_sent_as_it_is(company: Small, size: Size) -> None:
    client = Client()
    client.force_login(User.objects.get(username="may"))
    for n in size.each():
        name, payload = list(PAYLOADS.items())[n]
        case = company.go(company.receive("outside", order="A100"))
        arguments = {"payment_id": "p1", "amount": 10 + n, "reason": payload}
        answer = call(
            actor=company.courier(), case_id=case.pk, operation="shop.refund", arguments=arguments, turn=case.turn
        )
        approval = Approval.objects.get(pk=answer.approvals[0])
        page = client.get(f"/approvals/{approval.pk}/").content.decode()
        shown = [unescape(one) for one in re.findall(r'<span class="keep">(.*?)</span>', page, re.S)]
        if name not in HARMLESS and not any("⟨U+" in one for one in shown):
            size.failed(f"{payload[:40]!r} is shown as if it were plain")
        if visible(payload) not in shown:
            size.failed(f"{payload[:40]!r} is not shown whole")
        if visible(payload) != payload and "Holds signs that are not what they look like" not in page:
            size.failed(f"{payload[:40]!r} is shown without a warning")
        for tag in ("<script>alert", "<img src=x", "<button name=x>", 'src="https://evil', 'href="javascript'):
            if tag in page:
                size.failed(f"{payload[:40]!r} became {tag}")
        company.decide(approval, "do")
        company.go(case)
        write = Write.objects.get(case=case, option="do")
        if write.state != "written" or company.shop.done[-1].get("reason") != payload:
            size.failed(f"{payload[:40]!r} was not sent as it was shown: {write.state} {write.error}")


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_only_what_is_not_what_it_looks_like_is_marked(name: str) -> None:
    assert has_hidden(PAYLOADS[name]) is (name not in HARMLESS)
