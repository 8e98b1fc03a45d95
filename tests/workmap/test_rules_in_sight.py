"""What the page of a rule says of past cases: sums of all, of single cases only what its reader may see, none masked."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from agents.models import Write
from cases.models import Team
from orchestrator.workmap import services
from tests.workmap.maps import named, of, shop
from tests.workmap.pasts import finished
from tests.workmap.test_replaying import BY, rule

NUMBER = "HK-0042-9981-4242"


@pytest.fixture
def masked(db: None) -> Client:
    """An admin beside a shop in which the number of a payment is masked."""
    whole = shop()
    whole["rules"] = [named(whole["rules"], "refund-over-300")]
    named(whole["operations"], "payments.refund")["masked"] = ["payment_id"]
    services.load(actor=BY, text=of(whole))
    client = Client()
    client.force_login(User.objects.create_superuser("boss", "boss@example.com", "a-long-test-password"))
    return client


def preview(client: Client, changed: dict[str, Any], **more: str) -> str:
    data = {"edit_as": "data", "rule": changed["name"], "when": json.dumps(changed["when"])}
    data |= {"then": json.dumps(changed["then"]), **more}
    answer = client.post(reverse("admin:approvals_rule_preview"), data)
    assert answer.status_code == 200
    return str(answer.content.decode())


def of_payment(*numbers: str) -> dict[str, Any]:
    return rule("of-payment", {"ask": "heads"}, {"argument": "payment_id", "is": "one of", "value": list(numbers)})


def test_the_case_that_is_tried_masks_what_was_compared(masked: Client) -> None:
    finished(["200", "200"], ["agreed", "agreed"])
    Write.objects.filter(case=1002).update(proposed={"payment_id": NUMBER, "amount": 200})
    User.objects.get(username="boss").groups.add(Team.objects.get(name="support-managers").group)
    text = preview(masked, of_payment("P-1", NUMBER), case="C-1002")
    assert "Because:" in text and "payment id: •••• 4242 one of" in text
    assert NUMBER not in text.split("Because:")[1]
    text = preview(masked, of_payment("P-1"), case="C-1001").split("Because:")[1]
    assert "payment id: •••• one of ••••" in text
