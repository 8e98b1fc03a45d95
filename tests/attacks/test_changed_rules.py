"""D12: rules and the map change while approvals wait. Each goes on under the version it shows, or waits again."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from agents.models import Proposal
from approvals.models import Approval, Draft, Rule
from approvals.services import decide
from cases.actors import CONTROL, person
from cases.clock import database_now
from cases.models import Case, Event
from orchestrator.workmap import services
from orchestrator.workmap.live import read
from tests.company import BY, Small
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

NAME = "over"


def rule(limit: int, then: dict[str, Any]) -> dict[str, Any]:
    over = {"argument": "amount", "is": "more than", "value": limit}
    return {"name": NAME, "when": {"operations": ["shop.refund"], "all": [over]}, "then": then}


def put(record: dict[str, Any], what: str = "rule") -> list[int]:
    done = services.change_record(actor=BY, what=what, name=record["name"], becomes=record, reason="D12")
    return done.drafts


def stricter() -> None:
    assert not put(rule(10, {"ask": "heads"}))


def two_people() -> None:
    assert not put(rule(10, {"ask": "managers", "people": 2}))


def forbidden() -> None:
    assert not put(rule(10, {"forbid": "Not any more"}))


def looser() -> None:
    """Published with a start time, and begun."""
    (draft,) = put(rule(1_000, {"ask": "managers"}))
    boss = person(User.objects.create(username=f"boss{draft}", is_staff=True, is_superuser=True))
    start_at = database_now() + timedelta(hours=1)
    services.publish_draft(actor=boss, draft_id=draft, reason="Agreed", start_at=start_at)
    Draft.objects.filter(pk=draft).update(starts_at=database_now() - timedelta(seconds=1))
    assert services.start_due_drafts(actor=CONTROL) == 1


def the_map() -> None:
    operation = {**read().records["operation", "shop.refund"], "title": "Give money back"}
    assert not put(operation, "operation")


CHANGES = {
    "stricter": (stricter, "heads"),
    "two people": (two_people, "managers"),
    "forbidden": (forbidden, ""),
    "looser": (looser, None),
    "map": (the_map, None),
}


def page_of(approval: Approval, by: str = "may") -> str:
    client = Client()
    client.force_login(User.objects.get(username=by))
    return client.get(reverse("approvals:approval", args=[approval.pk])).content.decode()


def begin(company: Small, n: int) -> list[tuple[Case, Approval]]:
    version = Rule.objects.filter(name=NAME).values_list("version", flat=True).first()
    if version is not None:
        Rule.objects.all().delete()
    assert not put(rule(10, {"ask": "managers"}))
    return [company.waiting() for _one in range(n)]


def problem(company: Small, case: Case, approval: Approval, asked: str | None, versions: tuple[int, int]) -> str:
    """What is wrong after the change; '' if nothing is."""
    first, now = versions
    shown = [(r["name"], r["version"]) for r in Proposal.objects.get(pk=approval.proposal_id).rules]
    if set(shown) != {(NAME, first)}:
        return f"it shows {shown}"
    text = page_of(approval)
    if (f"rule {NAME}, version {first}" not in text) or ((f"Version {now} is in force now" in text) != (now != first)):
        return "the page does not say which version it shows and which is in force"
    before = len(company.shop.done)
    decide(actor=company.as_("may"), approval_id=approval.pk, fingerprint=approval.fingerprint, option="full",
           reason="because")  # fmt: skip
    company.go(case)
    sent = len(company.shop.done) > before
    if asked is None:
        return "" if sent and company.write(case).state == "written" else "it was not written"
    if sent:
        return "it was sent"
    again = Approval.objects.filter(case=case, state="waiting").first()
    if not asked:
        return "" if again is None and company.write(case).state != "permitted" else "somebody may decide it still"
    if again is None or not again.reasons or {a.team.name for a in again.asked.filter(closed=False)} != {asked}:
        return "it does not wait again with the reason"
    asked_under = [
        e.detail.data["versions"] for e in Event.objects.filter(case=case, code="approval.asked").order_by("seq")
    ]
    if asked_under != [{NAME: first}, {NAME: now}] or Proposal.objects.get(pk=again.proposal_id).versions["rules"] != {
        NAME: now
    }:
        return f"it was asked under {asked_under}"
    told = [e.detail.data["rules"] for e in Event.objects.filter(case=case, code="proposal.made").order_by("seq")]
    first_told = {(r["name"], r["version"]) for r in told[0]}
    return "" if first_told == {(NAME, first)} else f"the audit names {first_told}"


@guarantee("D12", ci=10, release=200)
def test_what_waits_keeps_its_version_and_is_judged_again_before_it_is_written(company: Small, size: Size) -> None:
    each = max(2, size.number // len(CHANGES))
    for name, (change, asked) in CHANGES.items():
        waiting = begin(company, each)
        first = Rule.objects.get(name=NAME).version
        change()
        now = Rule.objects.get(name=NAME).version
        for case, approval in waiting:
            size.tried += 1
            if why := problem(company, case, approval, asked, (first, now)):
                size.failed(f"{name}: {why}")
        if asked == "heads":
            case, _approval = waiting[0]
            again = Approval.objects.get(case=case, state="waiting")
            company.decide(again, by="grace")
            company.go(case)
            assert company.write(case).state == "written", "who is asked now decides it"


def test_an_approval_says_what_its_rule_will_read_from_when(company: Small) -> None:
    (_case, approval), *_rest = begin(company, 1)
    assert "this rule reads" not in page_of(approval)
    (draft,) = put(rule(1_000, {"ask": "managers"}))
    boss = person(User.objects.create(username="boss", is_staff=True, is_superuser=True))
    start_at = database_now() + timedelta(days=2)
    assert "this rule reads" not in page_of(approval)  # a draft may never be published
    services.publish_draft(actor=boss, draft_id=draft, reason="Agreed", start_at=start_at)
    text = page_of(approval)
    assert "this rule reads" in text and "HK$1,000.00" in text and "in force now" not in text
    services.call_off_draft(actor=boss, draft_id=draft)
    assert "this rule reads" not in page_of(approval)


def planned(record: dict[str, Any], start_at: Any = None) -> int:
    """A rule that a second person published, to start by itself in two days."""
    (draft,) = put(record)
    boss, _new = User.objects.get_or_create(username="boss", defaults={"is_staff": True, "is_superuser": True})
    at = start_at or database_now() + timedelta(days=2)
    services.publish_draft(actor=person(boss), draft_id=draft, reason="Agreed", start_at=at)
    return draft


def new_rule(name: str, then: dict[str, Any], **when: Any) -> dict[str, Any]:
    return {"name": name, "when": {"operations": ["shop.refund"], **when}, "then": then}


def over(limit: int) -> list[dict[str, Any]]:
    return [{"argument": "amount", "is": "more than", "value": limit}]


def test_an_approval_says_which_new_rule_will_ask_more_from_when(company: Small) -> None:
    """Somebody who waits until tomorrow with a decision is not surprised by a rule that others knew of."""
    (_case, approval), *_rest = begin(company, 1)
    draft = planned(new_rule("finance-too", {"ask": "finance"}, all=over(50)))
    text = page_of(approval)
    assert "this also applies here" in text and "ask finance" in text
    boss = person(User.objects.get(username="boss"))
    services.call_off_draft(actor=boss, draft_id=draft)
    assert "also applies here" not in page_of(approval)


def test_it_is_told_so_where_no_rule_is_behind_it_too(company: Small) -> None:
    _case, approval = company.waiting()
    planned(new_rule("finance-too", {"ask": "finance"}))
    assert "this also applies here" in page_of(approval)


def test_what_cannot_be_told_yet_may_apply(company: Small) -> None:
    (_case, approval), *_rest = begin(company, 1)
    never_looked_up = [{"formula": "days(today - today)", "is": "more than", "value": 5}]
    planned(new_rule("finance-too", {"ask": "finance"}, all=never_looked_up))
    assert "this may apply here too" in page_of(approval)


def test_a_planned_rule_that_asks_nothing_more_of_it_is_not_told(company: Small) -> None:
    (_case, approval), *_rest = begin(company, 1)
    planned(new_rule("too-big", {"ask": "finance"}, all=over(100_000)))
    planned(new_rule("another-type", {"ask": "finance"}, types=["side"]))
    other = {"name": "another-operation", "when": {"operations": ["shop.voucher"]}, "then": {"ask": "finance"}}
    planned(other)
    assert "apply here" not in page_of(approval) and "applies here" not in page_of(approval)


def test_a_decided_approval_is_told_nothing_of_what_is_planned(company: Small) -> None:
    company.change("shop.refund", hold_seconds=30)
    (_case, approval), *_rest = begin(company, 1)
    planned(new_rule("finance-too", {"ask": "finance"}))
    company.decide(approval)
    assert "applies here" not in page_of(approval)
