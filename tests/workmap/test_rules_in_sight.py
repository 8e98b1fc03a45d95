"""What the page of a rule says of past cases: sums of all, of single cases only what its reader may see, none masked."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Proposal, Write
from cases.clock import database_now
from cases.models import Case, CaseSight, Team
from orchestrator.workmap import services
from orchestrator.workmap.ruling import trials, warning
from tests.workmap.maps import named, of, shop
from tests.workmap.pasts import finished
from tests.workmap.test_replaying import BY, replay, rule, standing

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


# ---------------------------------------------------------------------- sight


def hide_from_the_boss(*visible: int) -> None:
    """Every case is confidential; the boss has been asked about these."""
    Case.objects.update(confidential=True)
    Proposal.objects.update(facts={"refunds_90d": 0})
    for case_id in visible:
        CaseSight.objects.create(case_id=case_id, user=User.objects.get(username="boss"), at=timezone.now())


def test_the_preview_shows_single_cases_only_to_who_may_see_them(masked: Client) -> None:
    finished(["123", "200", "250"], ["refused", "agreed", "refused"])
    hide_from_the_boss()
    for only_changed in ({}, {"only_changed": "1"}):
        text = preview(masked, standing(250), **only_changed)
        assert "3 of 3 past proposals match (HK$573.00)" in text, "the sums stay"
        assert "C-1" not in text and "HK$123.00" not in text and "<caption>Those" not in text
        assert "None of them would go another way" not in text
        assert "3 more are in cases that you may not see" in text
        assert "let 2 go without a person that people refused, in cases that you may not see." in text
    hide_from_the_boss(1001, 1002)
    text = preview(masked, standing(250))
    assert "C-1001" in text and "HK$123.00" in text and "C-1002" in text and "C-1003" not in text
    assert "that people refused: C-1001." in text and "1 more is in a case that you may not see" in text


def test_a_stored_trial_shows_single_cases_by_who_looks(masked: Client) -> None:
    finished(["123", "200", "250"], ["refused", "agreed", "refused"])
    hide_from_the_boss(1002)
    now = timezone.now()
    trial = trials.start(actor=BY, rule=standing(250), since=now - timedelta(days=60), until=now, now=now)
    trials.work(now=database_now)
    address = f"{reverse('admin:approvals_rule_trials')}?trial={trial.pk}"
    text = masked.get(address).content.decode()
    assert "3 of 3 past proposals match (HK$573.00)" in text and "2 more are in cases that you may not see" in text
    assert "C-1002" in text and "C-1001" not in text and "HK$123.00" not in text and "C-1003" not in text
    looker = User.objects.create_superuser("looker", "looker@example.com", "a-long-test-password")
    masked.force_login(looker)
    text = masked.get(address).content.decode()
    assert "C-100" not in text and "3 more are in cases that you may not see" in text


# ---------------------------------------------------------------------- gaps


@pytest.mark.parametrize("key", ["masked", "secret"])
def test_a_gap_names_no_masked_or_secret_value(db: None, key: str) -> None:
    whole = shop()
    whole["rules"] = []
    named(whole["operations"], "payments.refund")[key] = ["payment_id"]
    services.load(actor=BY, text=of(whole))
    finished(["200", "200", "200"], ["agreed", "agreed", "agreed"])
    Write.objects.filter(case=1001).update(proposed={"payment_id": NUMBER, "amount": 200, "reason": "Odd"})
    by_reason = {"argument": "reason", "is": "is", "value": "Late"}
    changed = of_payment("P-1")
    changed["when"]["all"].append({"any": [by_reason, {"argument": "reason", "is": "unknown"}]})
    found = replay(changed)
    assert found.unruled == 1
    words = " ".join(warning.of_past(found))
    assert "No rule is about any of these: reason Odd (1)." in words
    assert "HK-0042" not in str(found.as_json()) and "P-1" not in str(found.as_json())
