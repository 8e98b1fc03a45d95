"""Who is asked, until when, and what happens if nobody answers: it passes up, it never approves."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User

from agents.configuration import current
from agents.models import Proposal, StepWork
from approvals.models import Approval, Asked
from approvals.raising import deadline
from cases.clock import database_now
from cases.errors import NoRight
from cases.models import Calendar, Case, CaseSight, Company, Team
from tests.company import Small, pause


def teams(approval: Approval) -> dict[str, int]:
    return {a.team.name: a.people for a in approval.asked.filter(closed=False).select_related("team")}


def overdue(company: Small, case: Case) -> None:
    """As if the deadline had passed."""
    Approval.objects.filter(case=case).update(due_at=database_now() - timedelta(seconds=1))
    Case.objects.filter(pk=case.pk).update(wake_at=database_now())
    company.go(case)


def test_what_no_rule_decides_goes_to_the_lead_of_the_type(company: Small) -> None:
    case, approval = company.waiting()
    assert teams(approval) == {"managers": 1} and approval.due_at is None
    assert CaseSight.objects.filter(case=case, team__name="managers").exists()
    assert company.told(case, "approval.asked")["asked"][0]["team"] == "managers"


def test_an_option_without_writes_needs_a_person(company: Small) -> None:
    from agents.models import StepWork

    company.standing("shop.voucher", up_to=300)
    work = StepWork.objects.get(step__type__name="vouchers")
    work.procedure = [{"option": "nothing", "title": "Do nothing", "suggest_when": "true"}, {"propose": ["nothing"]}]
    work.save()
    case, approval = company.waiting("vouchers")
    assert teams(approval) == {"managers": 1}
    company.decide(approval, "nothing")
    company.go(case)
    assert company.shop.done == [] and Proposal.objects.get(case=case).state not in ("waiting", "written")


def test_being_asked_gives_sight_of_that_case_only(company: Small) -> None:
    company.rule("heads", {"ask": "heads"})
    case, _approval = company.waiting()
    other = company.go(company.receive("chores"))
    seen = Case.objects.visible_to(company.as_("grace").user)
    assert case in seen and other not in seen
    assert case not in Case.objects.visible_to(company.as_("fin").user)


RULES: list[tuple[list[dict[str, Any]], dict[str, int]]] = [
    ([{"ask": "managers"}, {"ask": "heads"}], {"heads": 1}),
    ([{"ask": "managers", "people": 2}, {"ask": "heads"}], {"heads": 2}),
    ([{"ask": "finance"}, {"ask": "managers"}], {"finance": 1, "managers": 1}),
    ([{"ask": "managers", "people": 2}, {"ask": "managers", "people": 3}], {"managers": 3}),
]


@pytest.mark.parametrize(("thens", "asked"), RULES, ids=range(len(RULES)))
def test_asks_combine(company: Small, thens: list[dict[str, Any]], asked: dict[str, int]) -> None:
    for place, then in enumerate(thens):
        company.rule(f"r{place}", then)
    _case, approval = company.waiting()
    assert teams(approval) == asked


def test_every_asked_team_has_to_answer(company: Small) -> None:
    company.rule("money", {"ask": "finance"})
    company.rule("lead", {"ask": "managers"})
    case, approval = company.waiting()
    company.decide(approval)
    company.go(case)
    assert company.shop.done == []
    company.decide(approval, by="fin")
    company.go(case)
    assert len(company.shop.done) == 1


def test_nobody_answers_and_it_passes_up_and_never_approves(company: Small) -> None:
    """Time-out: the next team is asked as well; at the end of the ladder it stays with people."""
    company.rule("slow", {"ask": "managers", "within": "2h", "if_nobody": {"pass_to": "heads", "within": "4h"}})
    case, approval = company.waiting()
    assert approval.due_at is not None and timedelta(minutes=118) < approval.due_at - database_now() <= timedelta(
        hours=2
    )
    case.refresh_from_db()
    assert case.wake_at == approval.due_at
    overdue(company, case)
    approval.refresh_from_db()
    assert teams(approval) == {"managers": 1, "heads": 1} and approval.passed_up == 1
    assert approval.due_at is not None and timedelta(hours=3) < approval.due_at - database_now() <= timedelta(hours=4)
    assert company.codes(case).count("approval.passed_up") == 1
    for _n in range(3):
        overdue(company, case)
    approval.refresh_from_db()
    assert approval.state == "waiting" and approval.due_at is None and company.shop.done == []
    assert approval.decisions.count() == 0 and "approval.overdue" in company.codes(case)
    company.decide(approval, by="grace")
    company.go(case)
    assert len(company.shop.done) == 1


def test_it_is_kept_with_each_ask_whether_another_team_than_that_of_the_type_was_asked(company: Small) -> None:
    company.rule("slow", {"ask": "support", "within": "2h", "if_nobody": {"pass_to": "heads"}})
    case, approval = company.waiting()
    overdue(company, case)
    assert dict(approval.asked.values_list("team__name", "above")) == {"support": False, "heads": True}


def test_the_lower_team_may_still_answer_after_it_passed_up(company: Small) -> None:
    company.rule("slow", {"ask": "managers", "within": "2h"})
    case, approval = company.waiting()
    overdue(company, case)
    assert teams(approval) == {"managers": 1, "heads": 1}
    company.decide(approval, by="ken")
    company.go(case)
    assert len(company.shop.done) == 1


def test_it_passes_up_to_a_team_that_a_later_stage_asks(company: Small) -> None:
    """The heads answer for the managers, who did not; their own stage still takes another answer of theirs."""
    User.objects.get(username="sam").groups.add(Team.objects.get(name="heads").group)
    wing = User.objects.get(username="wing")
    wing.groups.set([Team.objects.get(name="heads").group])
    stages = [{"ask": "managers", "within": "1h"}, {"ask": "heads", "people": 2}]
    company.rule("ladder", {"stages": stages, "exclusive": True})
    case, approval = company.waiting()
    overdue(company, case)
    assert company.told(case, "approval.passed_up")["to"] == "heads"
    company.decide(approval, by="grace")
    with pytest.raises(NoRight):  # a person decides at most one stage
        company.decide(approval, by="grace")
    company.decide(approval, by="sam")
    company.go(case)
    assert company.shop.done == [], "the answer for the managers is none of the two heads"
    company.decide(approval, by="wing")
    company.go(case)
    assert len(company.shop.done) == 1


def test_a_team_may_be_asked_in_two_stages(company: Small) -> None:
    company.rule("round", {"stages": [{"ask": "managers"}, {"ask": "finance"}, {"ask": "managers"}]})
    case, approval = company.waiting()
    for name in ("may", "fin", "ken"):
        assert company.shop.done == []
        company.decide(approval, by=name)
        company.go(case)
    assert len(company.shop.done) == 1


def test_amount_bands_ask_higher_and_more(company: Small) -> None:
    """Up to 60 one manager, above it two, above 400 the heads: each band is a rule, the strictest wins."""
    for name, limit, then in (
        ("low", 0, {"ask": "managers"}),
        ("middle", 60, {"ask": "managers", "people": 2}),
        ("high", 400, {"ask": "heads"}),
    ):
        company.rule(name, then, all=[{"argument": "amount", "is": "more than", "value": limit}])
    assert teams(company.waiting()[1]) == {"managers": 2}
    assert teams(company.waiting(order="A101")[1]) == {"heads": 2}


def test_within_is_working_time_with_hong_kong_holidays(company: Small) -> None:
    """Two working hours from the evening before a holiday end after it; the day is one of the calendar's country."""
    Calendar.objects.create(name="office", title="", hours={"mon-fri": "09:00-18:00"}, holidays="HK")
    zone = ZoneInfo("Asia/Hong_Kong")
    config = current()
    christmas_eve = datetime(2026, 12, 24, 17, 30, tzinfo=zone)  # a Thursday; Friday and Saturday are holidays
    due = deadline({"within": "2h", "calendar": "office"}, config, christmas_eve)
    assert due == datetime(2026, 12, 28, 10, 30, tzinfo=zone)
    lunar_new_year = datetime(2027, 2, 5, 17, 0, tzinfo=zone)  # a Friday; 6 to 9 February are holidays
    assert deadline({"within": "1d", "calendar": "office"}, config, lunar_new_year) == datetime(
        2027, 2, 10, 17, 0, tzinfo=zone
    )
    assert deadline({"within": "2h"}, config, christmas_eve) == datetime(2026, 12, 24, 19, 30, tzinfo=zone)


def test_who_is_asked_is_frozen_when_it_is_raised(company: Small) -> None:
    rule = company.rule("slow", {"ask": "managers", "within": "2h", "if_nobody": {"pass_to": "finance"}})
    case, approval = company.waiting()
    rule.then = {"ask": "managers", "within": "2h", "if_nobody": {"pass_to": "heads"}}
    rule.save()
    overdue(company, case)
    assert teams(approval) == {"managers": 1, "finance": 1}


def test_nothing_that_a_pause_covers_passes_up(company: Small) -> None:
    company.rule("slow", {"ask": "managers", "within": "2h"})
    case, approval = company.waiting()
    pause("agent", "clerk")
    overdue(company, case)
    assert teams(approval) == {"managers": 1} and "approval.passed_up" not in company.codes(case)


def test_the_rules_with_the_values_they_compared_are_kept(company: Small) -> None:
    company.rule("big", {"ask": "managers"}, all=[{"argument": "amount", "is": "more than", "value": 90}])
    company.rule("tier", {"ask": "managers"}, all=[{"fact": "tier", "is": "is", "value": "basic"}])
    case, _approval = company.waiting()
    rows = {(r["name"], r["option"]): r for r in company.proposal(case).rules}
    big = rows["big", "full"]
    assert (big["result"], big["won"], big["version"]) == ("matched", True, 1)
    assert (big["compared"][0]["left_value"], big["compared"][0]["right_value"]) == ("100", "90")
    assert rows["big", "half"]["result"] == "not matched" == rows["tier", "full"]["result"]
    assert rows["tier", "full"]["compared"][0]["left_value"] == "gold"


def test_the_strictest_option_that_can_be_chosen_decides_who_is_asked(company: Small) -> None:
    company.rule("big", {"ask": "heads"}, all=[{"argument": "amount", "is": "more than", "value": 90}])
    _case, approval = company.waiting()
    assert teams(approval) == {"heads": 1}
    company.rule("never", {"forbid": "no"}, all=[{"argument": "amount", "is": "more than", "value": 90}])
    _other, second = company.waiting(order="A101")
    assert teams(second) == {"managers": 1}


@pytest.mark.parametrize("suggested", ["true", "false"])
@pytest.mark.parametrize("team", ["support", "managers"])
def test_rejecting_asks_nobody_of_its_own(company: Small, team: str, suggested: str) -> None:
    """A rule may ask a team below the lead, or the lead within its own time: whoever decides may reject as well."""
    for work in StepWork.objects.filter(step__type__name="refund"):
        work.procedure = [line | {"suggest_when": suggested} if "option" in line else line for line in work.procedure]
        work.save()
    company.rule("soon", {"ask": team, "within": "2h"})
    case, approval = company.waiting()
    asked = Asked.objects.get(approval=approval)
    assert asked.team.name == team and approval.due_at is not None
    company.decide(approval, "reject", by="ka" if team == "support" else "may")
    company.go(case)
    assert company.proposal(case).state == "rejected"


def test_passing_up_goes_on_past_a_team_in_which_nobody_is(company: Small) -> None:
    """The rule says a time only for who is asked first; each rung above has as long."""
    Team.objects.filter(name="heads").update(escalates_to=Team.objects.get(name="finance"))
    User.objects.filter(groups__team__name="heads").update(is_active=False)
    company.rule("soon", {"ask": "managers", "within": "1h"})
    case, approval = company.waiting()
    for reached in ("heads", "finance"):
        approval.refresh_from_db()
        assert approval.due_at is not None
        overdue(company, case)
        assert reached in teams(approval)


def test_a_decision_is_for_what_the_chosen_option_needs(company: Small) -> None:
    """Two options that two teams of the same height decide: one of them cannot decide the other's by choosing it."""
    company.rule("small", {"ask": "finance"}, all=[{"argument": "amount", "is": "at most", "value": 50}])
    case, approval = company.waiting()
    asked = set(teams(approval))
    for name, by in (("managers", "may"), ("finance", "fin")):
        if name in asked:
            other = "half" if name == "managers" else "full"
            company.decide(approval, other, by=by)
            break
    company.go(case)
    assert company.shop.done == [] or asked == {"managers", "finance"}


def test_all_options_forbidden_leaves_only_rejecting(company: Small) -> None:
    company.rule("never", {"forbid": "Not here"})
    case = company.go(company.receive())
    approval = Approval.objects.filter(case=case, state="waiting").first()
    assert company.shop.done == []
    if approval is not None:
        company.decide(approval, "reject")
        company.go(case)
        assert Proposal.objects.get(case=case).state == "rejected"


def test_an_approval_is_withdrawn_with_its_case(company: Small) -> None:
    from orchestrator.desk.services import withdraw

    case, approval = company.waiting()
    withdraw(actor=company.as_("ka"), case_id=case.pk, reason="changed their mind")
    approval.refresh_from_db()
    assert approval.state == "withdrawn" and not Asked.objects.filter(approval=approval, closed=False).exists()
    assert company.codes(case).count("approval.withdrawn") == 1


def test_waiting_for_me_is_what_i_can_decide_now(company: Small) -> None:
    company.rule("two", {"ask": "managers", "people": 2})
    _case, approval = company.waiting()
    waiting = Approval.objects.waiting_for
    assert list(waiting(company.as_("may").user)) == [approval] == list(waiting(company.as_("ken").user))
    assert not waiting(company.as_("ka").user) and not waiting(company.as_("grace").user)
    company.decide(approval)
    assert not waiting(company.as_("may").user) and waiting(company.as_("ken").user)


def test_a_hold_of_zero_is_no_hold(company: Small) -> None:
    assert Company.objects.get().hold_seconds == 0
    case, approval = company.waiting()
    assert company.decide(approval).hold_until is None
    case.refresh_from_db()
    assert case.wake_at is not None and case.wake_at <= database_now()
