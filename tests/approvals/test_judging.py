"""The judge on live facts: looked up afresh, counted under locks, unknown asks a person, nothing is called inside."""

import json
from typing import Any

import pytest

from agents import configuration, reaching
from agents.finding import finder_for
from agents.judge import Option, PlannedWrite
from agents.models import Operation
from agents.reading import Reader
from approvals.judging import Judging
from approvals.models import Approval
from cases.clock import database_now
from cases.models import Case, EventDetail
from cases.texts import say, to_store
from tests.company import Small


def judged(case: Case, *writes: tuple[str, dict[str, Any]], money: Any = None) -> Any:
    """The verdict on one option with these writes, on facts looked up now."""
    config, now = configuration.current(), database_now()
    planned = [PlannedWrite(f"{n}", config.operations[name], arguments) for n, (name, arguments) in enumerate(writes)]
    options = [Option("do", "Do", planned)]
    prepared = Judging().prepare(finder_for(case, config, Reader(), now=now), options)
    return Judging().judge(config, case, prepared, options, proposer_user_id=None, now=now)["do"]


REFUND = ("shop.refund", {"payment_id": "p1", "amount": 100})


@pytest.fixture
def case(company: Small) -> Case:
    return company.go(company.receive("outside"))


def test_facts_are_looked_up_afresh_for_each_judgement(company: Small, case: Case) -> None:
    """The facts on the case are those of its beginning; a rule judges what is true now."""
    company.rule("blocked", {"ask": "heads"}, all=[{"fact": "tier", "is": "is", "value": "blocked"}])
    assert [a["team"] for a in judged(case, REFUND).asks] == ["managers"]
    company.shop.customers["c1"]["tier"] = "blocked"
    assert case.facts["tier"]["value"] == "gold"
    assert [a["team"] for a in judged(case, REFUND).asks] == ["heads"]


def test_a_fact_no_rule_names_is_not_looked_up(company: Small, case: Case) -> None:
    company.rule("amount", {"ask": "heads"}, all=[{"argument": "amount", "is": "more than", "value": 1}])
    calls = len(company.shop.calls)
    judged(case, REFUND)
    assert len(company.shop.calls) == calls


def test_the_same_record_is_read_once_a_judgement(company: Small, case: Case) -> None:
    company.rule("a", {"ask": "heads"}, all=[{"fact": "tier", "is": "is", "value": "x"}])
    company.rule("b", {"ask": "heads"}, all=[{"fact": "customer.name", "is": "is", "value": "x"}])
    calls = company.shop.sent("/customers/c1", "GET")
    judged(case, REFUND, REFUND)
    assert company.shop.sent("/customers/c1", "GET") == calls + 1


def test_judging_itself_calls_no_system(company: Small, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs inside the reserving transaction, with rows locked."""
    company.rule("tier", {"ask": "heads"}, all=[{"fact": "tier", "is": "is", "value": "gold"}])
    company.rule(
        "sum", {"ask": "heads"}, all=[{"formula": "refunded + argument.amount", "is": "more than", "value": 1}]
    )
    config, now = configuration.current(), database_now()
    options = [Option("do", "Do", [PlannedWrite("w", config.operations["shop.refund"], REFUND[1])])]
    prepared = Judging().prepare(finder_for(case, config, Reader(), now=now), options)
    monkeypatch.setattr(reaching, "ask", lambda *a, **k: pytest.fail("a system was called under the locks"))
    verdict = Judging().judge(config, case, prepared, options, proposer_user_id=None, now=now)["do"]
    assert {r["name"]: r["result"] for r in verdict.rules} == {"tier": "matched", "sum": "matched"}


UNKNOWN_RULES: list[dict[str, Any]] = [
    {"fact": "not_declared", "is": "is", "value": 1},
    {"fact": "not_declared", "is": "is not", "value": 1},
    {"fact": "customer.no.such.path", "is": "is not", "value": 1},
    {"argument": "not_there", "is": "more than", "value": 1},
    {"formula": "1 / 0", "is": "is not", "value": 1},
    {"formula": "order.nothing.at.all", "is": "is", "value": 1},
    {"fact": "tier", "is": "more than", "value": 3},
]


@pytest.mark.parametrize("condition", UNKNOWN_RULES, ids=range(len(UNKNOWN_RULES)))
def test_what_cannot_be_told_asks_a_person(company: Small, case: Case, condition: dict[str, Any]) -> None:
    """A10: with a standing approval that would let it go otherwise."""
    company.standing(up_to=300)
    assert judged(case, REFUND).kind == "standing"
    company.rule("odd", {"ask": "heads"}, all=[condition])
    verdict = judged(case, REFUND)
    assert verdict.kind == "ask" and [a["team"] for a in verdict.asks] == ["managers"]
    assert verdict.lacked and "odd" in verdict.why


def test_unknown_may_have_its_own_answer(company: Small, case: Case) -> None:
    then = {"forbid": "No", "if_unknown": {"ask": "heads"}}
    company.rule("odd", then, all=[{"fact": "not_declared", "is": "is", "value": 1}])
    assert [a["team"] for a in judged(case, REFUND).asks] == ["heads"]


def test_earlier_writes_of_the_option_count_and_the_write_itself_does_not(company: Small, case: Case) -> None:
    company.rule("repeat", {"ask": "heads"}, all=[{"fact": "refunds", "is": "at least", "value": 1}])
    assert [a["team"] for a in judged(case, REFUND).asks] == ["managers"]
    assert [a["team"] for a in judged(case, REFUND, REFUND).asks] == ["heads"]
    other = ("shop.voucher", {"amount": 5})
    assert [a["team"] for a in judged(case, other, REFUND).asks] == ["managers"]


def test_a_count_without_a_customer_is_unknown(company: Small) -> None:
    from cases.actors import Actor
    from cases.services import Sender

    stranger = Actor("requester", "token web", token_id=9, token_name="web")
    case = company.go(company.receive("outside", actor=stranger, sender=Sender("?", "nobody@example.com")))
    company.standing(up_to=300)
    company.rule("repeat", {"ask": "heads"}, all=[{"fact": "refunds", "is": "at least", "value": 1}])
    assert judged(case, REFUND).kind == "ask" and judged(case, REFUND).lacked == ["refunds"]


def test_counts_by_agent_count_that_agent(company: Small, case: Case) -> None:
    """`same: agent`: what another agent did does not count, and a person's own call has no agent to count by."""
    from agents.models import FactSource

    source = FactSource.objects.get(fact__type__name="outside", fact__name="refunds")
    source.settings = {"history": {"count": "shop.refund", "same": ["agent"], "days": 90}}
    source.save()
    company.rule("repeat", {"ask": "heads"}, "shop.voucher", all=[{"fact": "refunds", "is": "at least", "value": 1}])
    other, approval = company.waiting()
    company.decide(approval)
    company.go(other)
    from orchestrator.flow.calls import call

    answer = call(actor=company.courier(), case_id=case.pk, operation="shop.voucher", arguments={"amount": 1}, turn=1)
    asked = Approval.objects.get(pk=answer.approvals[0]).asked.get()
    assert asked.team.name == "managers", "the clerk's refund was counted as the courier's"


def test_a_rule_that_names_a_lower_operation_raises_it(company: Small) -> None:
    """A rule can raise, never lower: a ticket that a rule asks for becomes a proposal; nothing is sent before."""
    company.rule("tickets", {"ask": "managers"}, "shop.ticket")
    case, approval = company.waiting("chores")
    assert company.shop.done == []
    company.decide(approval, "do")
    company.go(case)
    assert len(company.shop.effects("/tickets")) == 1


def test_a_standing_rule_alone_raises_nothing(company: Small) -> None:
    company.standing("shop.ticket", confirm=False)
    case = company.go(company.receive("chores"))
    assert case.status == "done" and len(company.shop.effects("/tickets")) == 1


def test_why_a_person_is_asked_is_kept_in_both_languages(company: Small) -> None:
    """It is judged by a worker and read by a manager, each in a language of their own."""
    company.standing(up_to=300, confirm=False)
    case, approval = company.waiting()
    said = [say(reason, "zh-hant") for reason in approval.reasons]
    assert any("沒有常設批核涵蓋此事" in one for one in said)
    assert "No standing approval covers this" in " ".join(say(reason) for reason in approval.reasons)
    assert "沒有常設批核涵蓋此事" in say(company.told(case, "approval.asked")["why"], "zh-hant")


def test_a_forbidden_option_says_what_forbids_it_and_nothing_else(company: Small, case: Case) -> None:
    company.rule("no", {"forbid": {"en": "Refunds have ended", "zh-hant": "不再退款"}})
    verdict = judged(case, REFUND, ("shop.voucher", {"amount": 5}))
    assert verdict.kind == "forbid" and to_store(verdict.why) == {"en": "Refunds have ended", "zh-hant": "不再退款"}


def test_a_rule_of_another_type_or_operation_does_not_bear(company: Small, case: Case) -> None:
    company.rule("other", {"forbid": "no"}, "shop.voucher")
    company.rule("type", {"forbid": "no"}, types=["refund"])
    assert judged(case, REFUND).kind == "ask"
    company.rule("here", {"forbid": "no"}, types=["outside"])
    assert judged(case, REFUND).kind == "forbid"


def test_settled_compares_what_was_had_with_what_is_wanted(company: Small) -> None:
    case, approval = company.waiting()
    company.decide(approval)
    proposal = company.proposal(case)
    verdicts = {
        "same": judged(case, REFUND),
    }
    assert Judging().settled(proposal, verdicts["same"])
    company.rule("two", {"ask": "managers", "people": 2})
    assert not Judging().settled(proposal, judged(case, REFUND))
    company.rule("two", {"ask": "heads"})
    assert not Judging().settled(proposal, judged(case, REFUND))
    company.rule("two", {"forbid": "no"})
    assert not Judging().settled(proposal, judged(case, REFUND))
    assert Operation.objects.filter(name="shop.refund").exists()


def test_a_retired_or_inactive_rule_is_not_judged(company: Small, case: Case) -> None:
    rule = company.rule("never", {"forbid": "no"})
    assert judged(case, REFUND).kind == "forbid"
    rule.active = False
    rule.save()
    assert judged(case, REFUND).kind == "ask"
    rule.active, rule.retired = True, True
    rule.save()
    assert judged(case, REFUND).kind == "ask"


@pytest.mark.parametrize("side", [{"argument": "payment_id"}, {"formula": "argument.payment_id"}], ids=str)
def test_a_secret_argument_is_compared_and_told_in_no_record(company: Small, side: dict[str, str]) -> None:
    company.change("shop.refund", secret=["payment_id"])
    company.rule("known", {"ask": "heads"}, all=[{**side, "is": "is", "value": "p1"}])
    case, approval = company.waiting()
    assert [asked.team.name for asked in approval.asked.all()] == ["heads"]
    (compared,) = [row["compared"][0] for row in company.proposal(case).rules if row["option"] == "full"]
    assert (compared["left_value"], compared["right_value"], compared["result"]) == ("•••", "•••", True)
    details = EventDetail.objects.filter(event__case=case).values_list("data", flat=True)
    told = json.dumps(list(details), ensure_ascii=False)
    assert '_value": "•••"' in told and '_value": "p1"' not in told
