"""What a rule would have done: judged again on what was stored, with what people really decided."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agents.configuration import current
from agents.models import Proposal
from approvals.live_rules import live_rules
from approvals.models import Rule, StandingApproval
from cases.actors import Actor
from orchestrator.workmap import services
from orchestrator.workmap.ruling import past, previewing
from orchestrator.workmap.ruling.replaying import Replay, Result, spec_of
from tests.workmap.maps import named, of, shop
from tests.workmap.pasts import finished
from tests.workmap.test_admin import address, filled

BY = Actor("control", "test")
OVER = {"argument": "amount", "is": "more than", "value": 300}
SMALL = {"standing_approval": {"by": "may.lee", "up_to": 1000, "until": "2030-01-31"}}


def load() -> None:
    """A shop with one rule over 300, one for repeats, and a lead; nothing else."""
    whole = shop()
    whole["rules"] = [named(whole["rules"], "refund-over-300"), named(whole["rules"], "repeat-refund")]
    services.load(actor=BY, text=of(whole))


@pytest.fixture
def page(db: None) -> Client:
    load()
    client = Client()
    client.force_login(User.objects.create_superuser("boss", "boss@example.com", "a-long-test-password"))
    return client


def rule(name: str, then: dict[str, Any], *conditions: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "when": {"operations": ["payments.refund"], "all": list(conditions)}, "then": then}


def replay(changed: dict[str, Any]) -> Result:
    found = previewing.preview(changed, current())
    assert found is not None
    return found


def standing(limit: int) -> dict[str, Any]:
    return rule("small", {"standing_approval": {"by": "may.lee", "up_to": limit, "until": "2030-01-31"}},
                {"argument": "amount", "is": "at most", "value": limit})  # fmt: skip


@pytest.mark.django_db
def test_it_counts_what_is_no_longer_asked_and_what_people_had_said() -> None:
    load()
    finished(["100", "200", "250", "400"], ["agreed", "refused", "changed", "agreed"])
    Proposal.objects.update(facts={"refunds_90d": 0})
    found = replay(standing(250))
    assert (found.proposals, found.matched, found.asked_now, found.asked_with, found.asked_then) == (4, 3, 4, 1, 4)
    assert (found.new, found.gone) == (0, 3)
    assert dict(found.gone_answers) == {"agreed": 1, "refused": 1, "changed": 1}
    assert found.money == 550 and [line.money for line in found.refused_lines] == [200]


@pytest.mark.django_db
def test_it_counts_what_is_newly_asked() -> None:
    whole = shop()
    whole["rules"] = [standing(1000)]
    services.load(actor=BY, text=of(whole))
    StandingApproval.objects.update(confirmed_at=timezone.now(), rule_version=1, confirmed_label="May Lee")
    finished(["100", "600", "700"], ["nobody", "nobody", "nobody"])
    found = replay(rule("over-500", {"ask": "heads"}, {"argument": "amount", "is": "more than", "value": 500}))
    assert (found.asked_now, found.asked_with, found.new, found.asked_then) == (0, 2, 2, 0)
    assert found.teams_with == {"heads": 2} and found.new_answers == {"nobody": 2}


@pytest.mark.django_db
def test_it_says_what_it_cannot_know_and_counts_it() -> None:
    load()
    finished(["100", "400"], ["agreed", "agreed"], known=False)
    found = replay(rule("repeat-refund", {"ask": "heads"}, {"fact": "refunds_90d", "is": "at least", "value": 2}))
    assert found.cannot_know == 2 and found.lacking == {"refunds_90d": 2} and found.matched == 0
    assert "refunds_90d (2)" in " ".join(previewing.words(found, current()))


@pytest.mark.django_db
def test_what_was_unknown_then_is_known_to_have_been_unknown() -> None:
    load()
    finished(["400"], ["agreed"])
    Proposal.objects.update(facts={"refunds_90d": None})
    found = replay(rule("repeat-refund", {"ask": "heads"}, {"fact": "refunds_90d", "is": "at least", "value": 2}))
    assert found.cannot_know == 0 and found.asked_with == 1


@pytest.mark.django_db
def test_the_short_way_gives_what_judging_everything_gives() -> None:
    """A verdict is judged a second time only where the rule bears; the sums are those of judging each twice."""
    load()
    finished([str(n * 37) for n in range(1, 60)], ["agreed", "refused", "changed"] * 19 + ["agreed", "nobody"])
    config, live = current(), live_rules(current())
    changed = spec_of(rule("refund-over-300", {"ask": "heads"}, {**OVER, "value": 900}))
    short = Replay(config, live, name="refund-over-300", changed=changed)
    pasts = past.read(past.last_finished(list(config.types), 200), config)
    short.add(pasts)
    whole = Replay(config, live, name="refund-over-300", changed=changed)
    whole._own = lambda one: (short_own(one)[0], True, set())  # type: ignore[method-assign]
    short_own = short._own
    whole.add(pasts)
    ours, theirs = short.result.as_json(), whole.result.as_json()
    assert ours == theirs and ours["proposals"] == 59 and short.result.lines


def test_the_preview_asks_six_questions_at_any_number_of_cases(page: Client) -> None:
    data = {**filled(page, address(Rule.objects.get(name="refund-over-300"))), "s_0_value": "150"}
    counted = []
    for n in (10, 200):
        finished(["200"] * n, ["agreed"] * n)
        page.post(reverse("admin:approvals_rule_preview"), data)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            begun = time.perf_counter()
            answer = page.post(reverse("admin:approvals_rule_preview"), data)
            seconds = time.perf_counter() - begun
        counted.append(len(queries))
        assert answer.status_code == 200 and "match" in answer.content.decode()
    # Who it is (2) and the frame of the page (2) have ceilings of their own.
    assert counted[0] == counted[1] and counted[0] - 4 <= 6, "\n".join(q["sql"][:110] for q in queries)
    assert seconds < 1


def test_the_preview_button_works_without_a_script_and_saves_nothing(page: Client) -> None:
    finished(["200", "400"], ["refused", "agreed"])
    row = Rule.objects.get(name="refund-over-300")
    data = {**filled(page, address(row)), "s_0_value": "150", "_preview": "1"}
    text = page.post(address(row), data).content.decode()
    assert "HK$150.00" in text and "2 of 2 past proposals match (HK$600.00)" in text
    row.refresh_from_db()
    assert row.version == 1


def test_the_preview_is_for_who_may_change_rules(page: Client) -> None:
    client = Client()
    client.force_login(User.objects.create_user("looker", is_staff=True))
    assert client.post(reverse("admin:approvals_rule_preview"), {}).status_code == 403
    assert page.get(reverse("admin:approvals_rule_preview")).status_code == 405
