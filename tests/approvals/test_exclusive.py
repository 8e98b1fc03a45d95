"""Whether one person may answer for several stages: only where the rule says `exclusive: false`, each its own answer."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from approvals import rules
from approvals.models import Approval, Cover, Decision
from approvals.passing import pass_on
from approvals.permissions import asked_as
from approvals.sentences import sentence
from cases.clock import database_now
from cases.errors import NoRight, Refusal
from cases.models import Case, Team
from orchestrator.workmap import loosening_rules
from tests.approvals.test_asking_people import overdue
from tests.approvals.test_rules import decide as run
from tests.approvals.test_rules import rule
from tests.company import Small, at_once

IN_TURN, TOGETHER = "one_after_the_other", "at_once"
HEADS, LEGAL, MANAGERS = "heads", "legal", "managers"


def both(company: Small, order: str = IN_TURN, **said: Any) -> tuple[Case, Approval]:
    """May is in both teams that the rule asks."""
    company.as_("may").user.groups.add(Team.objects.get(name="heads").group)
    company.rule("stages", {"stages": [{"ask": "managers"}, {"ask": "heads"}], "order": order, **said})
    return company.waiting()


def state(approval: Approval) -> str:
    return Approval.objects.get(pk=approval.pk).state


@pytest.mark.parametrize("order", [IN_TURN, TOGETHER])
def test_one_person_decides_both_stages_where_the_rule_lets_them(company: Small, order: str) -> None:
    case, approval = both(company, order, exclusive=False)
    company.decide(approval)
    assert state(approval) == "waiting", "each stage takes an answer of its own"
    company.decide(approval)
    company.go(case)
    assert company.write(case).state == "written"
    assert [d.team for d in Decision.objects.filter(approval=approval).order_by("team")] == ["heads", "managers"]
    assert company.codes(case).count("approval.decided") == 2


@pytest.mark.parametrize("said", [{}, {"exclusive": True}])
@pytest.mark.parametrize("order", [IN_TURN, TOGETHER])
def test_otherwise_a_person_decides_one_stage_at_most(company: Small, order: str, said: dict[str, Any]) -> None:
    case, approval = both(company, order, **said)
    company.decide(approval)
    with pytest.raises(NoRight):
        company.decide(approval)
    assert state(approval) == "waiting" and asked_as(company.as_("may").user, approval) is None
    company.decide(approval, by="grace" if order == IN_TURN else "ken")  # at once May answers as one of the heads
    company.go(case)
    assert company.write(case).state == "written"


def test_nobody_answers_one_stage_twice(company: Small) -> None:
    company.rule("two", {"stages": [{"ask": "managers", "people": 2}, {"ask": "heads"}], "exclusive": False})
    _case, approval = company.waiting()
    company.decide(approval)
    with pytest.raises(NoRight):
        company.decide(approval)


def test_who_passed_it_up_to_themselves_answers_that_stage_once(company: Small) -> None:
    """The heads are asked as well for the managers' stage: that is no further stage."""
    stages = [{"ask": "managers", "people": 2, "within": "1h"}, {"ask": "finance"}]
    company.rule("stages", {"stages": stages, "exclusive": False})
    may = company.as_("may")
    may.user.groups.add(Team.objects.get(name="heads").group)
    case, approval = company.waiting()
    overdue(company, case)
    assert company.told(case, "approval.passed_up")["to"] == "heads"
    company.decide(approval)
    with pytest.raises(NoRight):
        company.decide(approval)


def test_who_asked_decides_no_stage(company: Small) -> None:
    company.as_("ka").user.groups.add(*(Team.objects.get(name=name).group for name in ("managers", "heads")))
    company.rule("stages", {"stages": [{"ask": "managers"}, {"ask": "heads"}], "exclusive": False})
    case = company.receive(actor=company.as_("ka"))
    company.go(case)
    approval = Approval.objects.get(case=case, state="waiting")
    with pytest.raises(NoRight):
        company.decide(approval, by="ka")


def test_cover_gives_no_second_stage(company: Small) -> None:
    """May is asked as a manager; that she covers for Grace lets her answer for the heads only in her stead."""
    company.rule("stages", {"stages": [{"ask": "managers"}, {"ask": "heads"}], "exclusive": False})
    _case, approval = company.waiting()
    now = database_now()
    may, grace = company.as_("may").user, company.as_("grace").user
    Cover.objects.create(of=grace, by=may, starts_at=now, ends_at=now.replace(year=now.year + 1), created_at=now)
    company.decide(approval)
    with pytest.raises(NoRight):
        company.decide(approval)


def test_who_is_asked_for_one_stage_does_not_stand_in_for_another(company: Small) -> None:
    """The heads stand above finance: passed on to one of them, it is still one answer for one stage."""
    finance = Team.objects.get(name="finance")
    finance.escalates_to = Team.objects.get(name="heads")
    finance.save()
    company.rule("stages", {"stages": [{"ask": "finance"}, {"ask": "heads"}], "order": TOGETHER})
    case, approval = company.waiting()
    grace = company.as_("grace")
    pass_on(actor=company.as_("fin"), approval_id=approval.pk, user_id=grace.user_id or 0)
    company.decide(approval, by="grace")
    assert state(approval) == "waiting", "nobody of finance has answered"
    company.decide(approval, by="fin")
    company.go(case)
    assert company.write(case).state == "written"


def test_the_database_keeps_one_answer_of_a_person_to_a_stage(company: Small) -> None:
    _case, approval = both(company, exclusive=False)
    company.decide(approval)
    first = Decision.objects.get(approval=approval)
    assert first.place == "0/managers"
    first.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        first.save(force_insert=True)


@pytest.mark.parametrize(("exclusive", "counted"), [(False, 2), (True, 1)])
def test_at_the_same_moment_too(racing: Small, exclusive: bool, counted: int) -> None:
    """Two windows of one person at once, both stages open: two answers where it is allowed, else one."""
    for _round in range(5):
        case, approval = both(racing, TOGETHER, exclusive=exclusive)
        results = at_once([lambda a=approval: racing.decide(a) for _window in range(2)])
        assert sum(isinstance(one, Approval) for one in results) == counted, results
        assert Decision.objects.filter(approval=approval, undone_at=None).count() == counted
        racing.go(case)
        assert racing.write(case).state == ("written" if counted == 2 else "waiting")


def test_a_third_answer_at_the_same_moment_is_refused(racing: Small) -> None:
    case, approval = both(racing, TOGETHER, exclusive=False)
    results = at_once([lambda: racing.decide(approval) for _window in range(3)])
    assert sum(isinstance(one, Refusal) for one in results) == 1, results
    racing.go(case)
    assert len(racing.shop.effects("/payments")) == 1


def test_a_rule_that_forbids_it_by_now_asks_again_at_the_write(company: Small) -> None:
    """A04: one person answered for both stages; before anything was sent the rule was tightened."""
    company.change("shop.refund", hold_seconds=30)
    case, approval = both(company, exclusive=False)
    company.decide(approval)
    company.decide(approval)
    assert state(approval) == "decided"
    company.rule("stages", {"stages": [{"ask": "managers"}, {"ask": "heads"}], "exclusive": True})
    company.later(case, 60)
    assert company.shop.done == []
    assert Approval.objects.filter(case=case, state="waiting").count() == 1


# ---------------------------------------------------------------------- pure


def stages(*teams: str, **said: Any) -> dict[str, Any]:
    return {"stages": [{"ask": team} for team in teams], **said}


def test_the_strictest_of_several_rules_holds() -> None:
    loose = rule("loose", stages(MANAGERS, LEGAL, exclusive=False))
    assert run([loose]).exclusive is False
    assert run([loose, rule("plain", {"ask": MANAGERS})]).exclusive is False, "it asks nobody else"
    assert run([loose, rule("beside", {"ask": HEADS})]).exclusive is True
    assert run([loose, rule("strict", stages(MANAGERS, LEGAL))]).exclusive is True
    assert run([rule("one", {"ask": MANAGERS}), rule("two", {"ask": LEGAL})]).exclusive is True
    assert rules.combine([run([loose]), run([loose])]).exclusive is False
    assert rules.combine([run([loose]), run([rule("strict", stages(MANAGERS, LEGAL))])]).exclusive is True


def test_the_sentence_says_which_it_is() -> None:
    said = [sentence(rule("r", stages("a", "b", **more)), titles={}) for more in ({}, {"exclusive": False})]
    assert said[0].endswith("(nobody may answer twice).")
    assert said[1].endswith("(one person may answer for more than one).")


@pytest.mark.parametrize(
    ("old", "new", "loosens"),
    [({}, {"exclusive": False}, True), ({"exclusive": False}, {}, False), ({}, {"exclusive": True}, False)],
)
def test_letting_one_person_answer_twice_needs_a_second_person(old: Any, new: Any, loosens: bool) -> None:
    was, is_ = ({"name": "r", "when": {}, "then": stages("a", "b", **said)} for said in (old, new))
    assert bool(loosening_rules.spots(was, is_, loosening_rules.Surroundings())) is loosens
