"""Whoever was named before an approval and leaves: their right ends, and nothing waits for them for ever."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache

from agents.errors import Refused
from agents.models import Grant
from approvals import passing
from approvals.models import Approval, Decision, Named
from cases.errors import NoRight, NotFound
from cases.ledger import verify
from cases.models import Case
from orchestrator.desk import services as desk
from tests.approvals.test_cover import cover
from tests.approvals.test_together import add, client_of, listed, pass_on, user
from tests.company import Small


def leave_team(name: str, team: str = "heads") -> None:
    user(name).groups.remove(Group.objects.get(name=team))


def leave(name: str) -> None:
    User.objects.filter(username=name).update(is_active=False)


# ---------------------------------------------------------------------- the right


@pytest.mark.parametrize("name_them", [add, pass_on])
def test_who_was_named_and_left_the_team_decides_nothing(company: Small, name_them: Callable[..., Named]) -> None:
    cache.clear()
    _case, approval = company.waiting()
    name_them(company, approval, "grace")
    assert listed("grace") == [approval]
    leave_team("grace")
    assert listed("grace") == []
    with pytest.raises(NoRight):
        company.decide(approval, by="grace")
    page = client_of("grace").get(f"/approvals/{approval.pk}/")
    assert page.status_code == 404 or "Confirm decision" not in page.content.decode()
    with pytest.raises(NoRight):
        passing.pass_on(actor=company.as_("grace"), approval_id=approval.pk, user_id=user("ken").pk)
    assert Approval.objects.get(pk=approval.pk).state == "waiting"


def test_sight_that_came_from_being_named_goes_with_it(company: Small) -> None:
    case, approval = company.waiting()
    add(company, approval, "grace")
    assert case in Case.objects.visible_to(user("grace"))
    leave_team("grace")
    assert desk.release_leavers() == 1
    assert case not in Case.objects.visible_to(user("grace"))
    with pytest.raises(NotFound):
        company.decide(approval, by="grace")


# ---------------------------------------------------------------------- nothing waits for ever


@pytest.mark.parametrize("go", [leave, leave_team])
def test_who_was_added_and_left_is_waited_for_no_more(company: Small, go: Callable[[str], None]) -> None:
    _case, approval = company.waiting()
    add(company, approval, "grace")
    go("grace")
    company.decide(approval)
    assert Approval.objects.get(pk=approval.pk).state == "decided"


def test_it_is_concluded_with_the_answers_of_the_others_once_who_was_added_left(company: Small) -> None:
    case, approval = company.waiting()
    add(company, approval, "grace")
    company.decide(approval, by="may", edits={company.write(case).name: {"amount": 80}})
    company.decide(approval, by="ken")
    assert desk.release_leavers() == 0
    leave("grace")
    assert desk.release_leavers() == 1 and desk.release_leavers() == 0
    approval.refresh_from_db()
    assert (approval.state, approval.decided_option) == ("decided", "full")
    assert company.told(case, "approval.named_left")["who"] == "Grace (grace)"
    company.go(case)
    assert [one["amount"] for one in company.shop.done] == [80] and verify().first_broken is None


def test_who_answered_and_left_has_answered(company: Small) -> None:
    """Their answer counts, and as theirs: it never becomes one of those that the rules ask for."""
    _case, approval = company.waiting()
    add(company, approval, "ken")
    company.decide(approval, by="ken")
    leave("ken")
    assert desk.release_leavers() == 0
    assert Approval.objects.get(pk=approval.pk).state == "waiting"
    company.decide(approval)
    assert Approval.objects.get(pk=approval.pk).state == "decided"


def test_what_was_passed_on_to_who_left_comes_back(company: Small) -> None:
    _case, approval = company.waiting()
    pass_on(company, approval, "grace")
    assert listed("may") == []
    leave("grace")
    assert desk.release_leavers() == 1
    assert listed("may") == [approval] and not Named.objects.exists()
    company.decide(approval)
    assert Approval.objects.get(pk=approval.pk).state == "decided"


def test_it_stays_where_the_permit_is_refused_and_is_looked_at_again(
    company: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, approval = company.waiting()
    add(company, approval, "grace")
    company.decide(approval)
    leave("grace")

    def refuse(*_args: Any, **_more: Any) -> None:
        raise Refused("The limit is used up.", reason="limit")

    with monkeypatch.context() as patched:
        patched.setattr("agents.permits.permit_option", refuse)
        assert desk.release_leavers() == 0
    assert Named.objects.count() == 1 and "approval.named_left" not in company.codes(case)
    assert desk.release_leavers() == 1
    assert Approval.objects.get(pk=approval.pk).state == "decided"


def test_it_ends_where_the_agent_may_not_any_more_what_was_agreed(company: Small) -> None:
    """Nobody is left who could answer it, and no answer would help: the step is told, and people have the case."""
    case, approval = company.waiting()
    add(company, approval, "grace")
    company.decide(approval)
    company.decide(approval, by="ken")
    for grant in Grant.objects.filter(operation__name="shop.refund"):
        grant.retired = True
        grant.save()
    leave("grace")
    assert desk.release_leavers() == 1
    case = company.go(case)
    approval.refresh_from_db()
    assert (approval.state, company.proposal(case).state) == ("withdrawn", "withdrawn")
    assert company.told(case, "write.not_started")["why"] == "grant"
    assert case.status == "with_person" and company.shop.done == [] and verify().first_broken is None
    assert desk.release_leavers() == 0


# ---------------------------------------------------------------------- cover


@pytest.mark.parametrize("first", ["cover", "name"])
def test_cover_reaches_who_was_added(company: Small, first: str) -> None:
    case, approval = company.waiting()
    if first == "cover":
        cover(company, "grace", "fin")
    assert listed("fin") == []
    add(company, approval, "grace")
    if first == "name":
        cover(company, "grace", "fin")
    assert listed("fin") == [approval] and case in Case.objects.visible_to(user("fin"))
    company.decide(approval)
    assert Approval.objects.get(pk=approval.pk).state == "waiting"
    company.decide(approval, by="fin")
    assert Approval.objects.get(pk=approval.pk).state == "decided"
    assert list(Decision.objects.order_by("pk").values_list("label", "covering_label")) == [
        ("May (may)", ""),
        ("Fin (fin)", "Grace (grace)"),
    ]


def test_cover_of_who_was_added_keeps_its_limits(company: Small) -> None:
    """Nobody answers their own request by it, nor for somebody who left the team."""
    case, approval = company.waiting()
    cover(company, "grace", "fin")
    add(company, approval, "grace")
    Case.objects.filter(pk=case.pk).update(opened_by=user("fin"))
    assert listed("fin") == []
    Case.objects.filter(pk=case.pk).update(opened_by=None)
    leave_team("grace")
    assert listed("fin") == []
