"""The gate: one question, in a fixed order, closed by default. Each refusal names its reason and sends nothing."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from agents import configuration, gate
from agents.errors import BadArguments, NotOpen, Refused
from agents.finding import finder_for, stored_facts
from agents.gate import Gate
from agents.models import Agent, FactSource, Grant, Operation, Run, StepWork, Write
from agents.reading import Reader
from approvals.models import Approval
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import NoRight, NotFound, TurnPassed, WrongState
from cases.models import Case, Event
from cases.services import Sender
from orchestrator.flow.calls import answer_of, call
from tests.company import Small, pause
from tests.guarantees import guarantee

ORDER = {"number": "A100"}


@pytest.fixture
def case(company: Small) -> Case:
    """The courier's step is open in a case about order A100 of customer c1."""
    case = company.go(company.receive("outside"))
    assert Run.objects.filter(case=case, step="deliver", state="open").exists()
    return case


def ask(company: Small, case: Case, operation: str = "shop.order", arguments: Any = None, **more: Any) -> Any:
    arguments = ORDER if arguments is None else arguments
    values = {"actor": company.courier(), "turn": case.turn} | more
    return call(case_id=case.pk, operation=operation, arguments=arguments, **values)


def refused(company: Small, case: Case, *args: Any, kind: type[Exception] = Refused, **more: Any) -> Any:
    """The refusal; nothing reached the system for it, and it is an event with the reason in words."""
    sent, events = len(company.shop.done), Event.objects.filter(case=case, code="gate.refused").count()
    with pytest.raises(kind) as refusal:
        ask(company, case, *args, **more)
    assert len(company.shop.done) == sent
    if kind in (Refused, BadArguments, TurnPassed):
        assert Event.objects.filter(case=case, code="gate.refused").count() == events + 1
        assert company.told(case, "gate.refused")["words"]
    return refusal.value


def grant_of(name: str = "courier", operation: str = "shop.order") -> Grant:
    return Grant.objects.get(agent__name=name, operation__name=operation)


# ---------------------------------------------------------------------- what passes


def test_a_granted_call_on_the_cases_record_passes_with_the_granted_fields_only(company: Small, case: Case) -> None:
    """Without the field filter customer_id and secret_note would reach the agent."""
    answer = ask(company, case)
    assert answer.status == "done"
    assert answer.result == {"number": "A100", "total": 100, "lines": [{"sku": "s1"}]}
    assert company.told(case, "data.read")["fields"] == ["lines", "number", "total"]


@guarantee("G05", ci=1)
def test_a_list_is_filtered_to_the_records_of_the_case(company: Small, case: Case) -> None:
    """G05: two of four orders are the customer's; counts and next pages would tell of the others."""
    answer = ask(company, case, "shop.orders", {"text": "A"})
    assert [o["number"] for o in answer.result["orders"]] == ["A100", "A101"]
    assert set(answer.result) == {"orders"}


def test_reference_material_needs_a_grant_but_no_record(company: Small, case: Case) -> None:
    assert ask(company, case, "shop.faq", {"q": "open?"}).result == {"text": "We are open."}


def test_what_a_write_answers_passes_the_grant_of_its_type_step_and_day(company: Small, case: Case) -> None:
    """Other grants of the operation may show more: one of another type, another step, a day to come or gone by."""
    today = database_now().date()
    wide = grant_of(operation="shop.ticket")
    wide.types = ["refund"]
    wide.save()
    for more in ({"steps": ["other"]}, {"since": today + timedelta(days=9)}, {"until": today - timedelta(days=9)}):
        values = {"agent": wide.agent, "operation": wide.operation, "reason": "test", "until": wide.until} | more
        Grant(**values).save()
    own = Grant(agent=wide.agent, operation=wide.operation, reason="test", until=wide.until, fields=["id"])
    own.save()
    first = ask(company, case, "shop.ticket", {"text": "hi"})
    assert first.status == "done" and set(first.result) == {"id"}
    assert ask(company, case, "shop.ticket", {"text": "hi"}).result == first.result


def test_without_a_grant_nothing_of_a_proposals_answer_is_told(company: Small, case: Case) -> None:
    """The grant ended between the write and the agent's question what became of it."""
    asked = ask(company, case, "shop.voucher", {"amount": 5})
    company.decide(Approval.objects.get(pk=asked.approvals[0]), "do")
    company.go(case)
    proposal, courier = company.proposal(case), Agent.objects.get(name="courier")
    told = answer_of(proposal, courier, configuration.current(), database_now())
    assert told.status == "done" and told.result
    Grant.objects.filter(agent=courier, operation__name="shop.voucher").update(retired=True)
    assert answer_of(proposal, courier, configuration.current(), database_now()).result is None


# ---------------------------------------------------------------------- each reason


@pytest.mark.parametrize(
    ("scope", "name"), [("all", ""), ("agent", "courier"), ("type", "outside"), ("system", "shop")]
)
def test_a_pause_refuses_agents(company: Small, case: Case, scope: str, name: str) -> None:
    """Without the look at the switches the call goes out."""
    pause(scope, name)
    calls = len(company.shop.calls)
    assert refused(company, case).detail["reason"] == "paused"
    assert len(company.shop.calls) == calls


@pytest.mark.parametrize(("scope", "name"), [("agent", "clerk"), ("type", "refund"), ("system", "other")])
def test_a_pause_of_something_else_stops_nothing(company: Small, case: Case, scope: str, name: str) -> None:
    pause(scope, name)
    assert ask(company, case).status == "done"


def test_a_pause_does_not_stop_people(company: Small, case: Case) -> None:
    pause("all")
    assert ask(company, case, actor=company.as_("ka")).status == "done"


def test_an_inactive_agent_is_refused(company: Small, case: Case) -> None:
    Agent.objects.filter(name="courier").update(active=False)
    assert refused(company, case).detail["reason"] == "grant"


def test_an_old_turn_is_refused(company: Small, case: Case) -> None:
    refused(company, case, turn=case.turn + 1, kind=TurnPassed)
    refused(company, case, turn=case.turn - 1, kind=TurnPassed)


def test_an_agent_without_an_open_run_finds_nothing(company: Small, case: Case) -> None:
    idle = Agent.objects.get(name="idle")
    refused(company, case, actor=Actor("agent", "idle", agent_id=idle.pk), kind=NotFound)
    refused(company, company.receive("chores"), kind=NotFound)


def test_an_agent_that_comes_too_early_is_told_to_come_again(company: Small) -> None:
    early = refused(company, company.receive("outside"), kind=NotOpen)
    assert early.detail["retry_after"] and early.http_status == 409


def test_nothing_without_a_grant(company: Small, case: Case) -> None:
    assert refused(company, case, "shop.customer", {"id": "c1"}).detail["reason"] == "grant"
    grant_of().delete()
    assert refused(company, case).detail["reason"] == "grant"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"until": -1}, "ended"),
        ({"since": 1}, "ended"),
        ({"retired": True}, "missing"),
        ({"types": ["refund"]}, "missing"),
        ({"steps": ["other"]}, "missing"),
    ],
    ids=["ended", "not begun", "retired", "other type", "other step"],
)
def test_a_grant_counts_within_its_dates_types_and_steps(
    company: Small, case: Case, change: dict[str, Any], why: str
) -> None:
    """Each of these taken out of `_grant` lets the call through."""
    grant = grant_of()
    today = database_now().astimezone(configuration.current().zone).date()
    for name, value in change.items():
        setattr(grant, name, today + timedelta(days=value) if name in ("until", "since") else value)
    grant.save()
    refusal = refused(company, case)
    assert refusal.detail["reason"] == "grant" and why in refusal.message
    grant.until, grant.since, grant.retired, grant.types, grant.steps = today, today, False, ["outside"], ["deliver"]
    grant.save()
    assert ask(company, case).status == "done"


def test_the_request_and_the_step_can_only_narrow(company: Small, case: Case) -> None:
    Case.objects.filter(pk=case.pk).update(operations=["shop.faq"])
    assert refused(company, case).detail["reason"] == "grant"
    Case.objects.filter(pk=case.pk).update(operations=["shop.order", "shop.customer"])
    assert ask(company, case).status == "done"
    assert (
        refused(company, case, "shop.customer", {"id": "c1"}).detail["reason"] == "grant"
    )  # it names, it gives nothing
    Case.objects.filter(pk=case.pk).update(operations=None)
    work = StepWork.objects.get(step__name="deliver")
    work.operations = ["shop.faq"]
    work.save()
    assert refused(company, case).detail["reason"] == "grant"


NAMES = ["shop.order ", " shop.order", "Shop.order", "shop.ordеr", "shop.order\u200b", "shop．order", "order", "shop.", "",
         "shop.order\x00", "shop.order\n", "payments.order", "shop..order", "shop.orders.x", "*", "shop.%", "ſhop.order",
         "x" * 5000, "../shop.order", "shop.order;shop.refund"]  # fmt: skip


def test_names_match_exactly_or_not_at_all(company: Small, case: Case) -> None:
    """G07: spaces, homoglyphs, case, control characters. `str.strip` or `casefold` anywhere would let one through."""
    calls = len(company.shop.calls)
    for name in NAMES:
        assert refused(company, case, name).detail["reason"] == "grant"
    assert len(company.shop.calls) == calls


def test_a_suspended_or_retired_operation_is_closed(company: Small, case: Case) -> None:
    company.change("shop.order", suspended="its schema changed")
    assert refused(company, case).detail["reason"] == "grant"
    company.change("shop.order", suspended="", retired=True)
    assert refused(company, case).detail["reason"] == "grant"


@pytest.mark.parametrize(
    "arguments",
    [{}, {"number": 100}, {"number": "A100", "more": 1}, {"number": None}, {"number": ["A100"]}, {"Number": "A100"}],
    ids=range(6),
)
def test_arguments_that_do_not_fit_never_reach_the_system(company: Small, case: Case, arguments: Any) -> None:
    calls = len(company.shop.calls)
    refused(company, case, arguments=arguments, kind=BadArguments)
    assert len(company.shop.calls) == calls


# ---------------------------------------------------------------------- case scope

FOREIGN = [
    ("shop.order", {"number": "A200"}),  # of another customer
    ("shop.order", {"number": "A300"}),  # of nobody
    ("shop.order", {"number": "A999"}),  # not there
    ("shop.order", {"number": "../customers/c1"}),
    ("shop.refund", {"payment_id": "p2", "amount": 1}),
    ("shop.refund", {"payment_id": "p3", "amount": 1}),  # the customer's, but of another order
    ("shop.refund", {"payment_id": "", "amount": 1}),
    ("shop.refund", {"payment_id": "['p1']", "amount": 1}),
]


@guarantee("G05", ci=1)
@pytest.mark.parametrize(("operation", "arguments"), FOREIGN, ids=range(len(FOREIGN)))
def test_records_of_others_stay_closed(company: Small, case: Case, operation: str, arguments: Any) -> None:
    """G05. Without the scope check the agent reads and writes any record whose id it can guess."""
    assert refused(company, case, operation, arguments).detail["reason"] == "scope"


def test_people_are_held_to_the_case_too(company: Small, case: Case) -> None:
    assert refused(company, case, arguments={"number": "A200"}, actor=company.as_("ka")).detail["reason"] == "scope"


def test_a_record_without_an_owner_belongs_to_nobody(company: Small) -> None:
    """A customer who is called `None` owns nothing: an absent owner is no name."""
    case = company.go(company.receive("outside", customer="None", sender=Sender("None", "none@example.com", "None")))
    company.shop.customers["None"] = {"id": "None", "contact": "none@example.com"}
    assert refused(company, case, arguments={"number": "A300"}).detail["reason"] == "scope"
    found = company.go(company.receive("outside", order="A300", sender=Sender("", "x@example.com", "None")))
    assert not found.facts["order_number"]["known"]


def test_a_record_level_call_that_names_no_record_is_closed(company: Small, case: Case) -> None:
    company.change("shop.order", case_key=None)
    assert refused(company, case).detail["reason"] == "scope"
    company.change("shop.ticket", case_key=None, keep={"items": "x", "where": {"customer_id": "request.customer"}})
    assert refused(company, case, "shop.ticket", {"text": "x"}).detail["reason"] == "scope"  # a filter is for reads


def test_the_owner_is_read_of_the_record_that_is_named(company: Small, case: Case) -> None:
    """The key's own argument is looked up, not another one that an agent may choose to be called alike."""
    row = company.change(
        "shop.ticket",
        case_key={"about": {"look_up": "shop.order", "path": "customer_id", "is": "request.customer"}},
        arguments={"type": "object", "properties": {"about": {"type": "string"}, "number": {"type": "string"}}},
    )
    assert row.level == "internal"
    assert ask(company, case, "shop.ticket", {"about": "A100", "number": "A200"}).status == "done"
    assert refused(company, case, "shop.ticket", {"about": "A200", "number": "A100"}).detail["reason"] == "scope"
    assert refused(company, case, "shop.ticket", {"number": "A100"}).detail["reason"] == "scope"


def test_an_order_number_in_a_message_opens_nothing_by_itself(company: Small) -> None:
    """The customer writes somebody else's number: the fact stays unknown and no call on it passes."""
    case = company.go(company.receive("outside", order="A200"))
    assert case.facts["order_number"] == case.facts["order_number"] | {"known": False, "bound": False, "value": None}
    assert not case.facts["order"]["known"] and not case.facts["payment_ids"]["known"]
    assert refused(company, case, arguments={"number": "A200"}).detail["reason"] == "scope"
    assert refused(company, case, "shop.refund", {"payment_id": "p2", "amount": 1}).detail["reason"] == "scope"


def test_a_claimed_customer_opens_nothing(company: Small) -> None:
    """`from.customer` of an untrusted program does not count, and its contact decides."""
    stranger = Actor("requester", "token web", token_id=9, token_name="web")
    sender = Sender("Chan", "nobody@example.com", "c1")
    case = company.go(company.receive("outside", actor=stranger, sender=sender))
    assert case.customer == "" and not case.facts["customer"]["known"]
    assert refused(company, case).detail["reason"] == "scope"
    assert ask(company, case, "shop.orders", {}).result["orders"] == []


def test_identity_by_contact_alone_reaches_only_the_contact_on_record(company: Small) -> None:
    stranger = Actor("requester", "token web", token_id=9, token_name="web")
    case = company.go(
        company.receive("outside", actor=stranger, sender=Sender("?", "lee@example.com", "c1"), order="A200")
    )
    assert (case.customer, case.customer_from) == ("c2", "contact")
    Grant.objects.create(agent=Agent.objects.get(name="courier"), operation=Operation.objects.get(name="shop.send"),
                         until=database_now().date() + timedelta(days=9), reason="test")  # fmt: skip
    other = {"to": "mallory@example.com", "text": "hello"}
    assert refused(company, case, "shop.send", other).detail["reason"] == "scope"
    assert ask(company, case, "shop.send", {"to": "lee@example.com", "text": "hello"}).status == "waiting"


def test_two_customers_with_one_contact_are_nobody(company: Small) -> None:
    company.shop.customers["c3"] = {**company.shop.customers["c1"], "id": "c3"}
    stranger = Actor("requester", "token web", token_id=9, token_name="web")
    case = company.go(company.receive("outside", actor=stranger, sender=Sender("Chan", "chan@example.com")))
    assert case.customer == "" and "customer.unknown" in company.codes(case)


def test_a_look_up_by_an_unbound_value_is_unknown(company: Small) -> None:
    """The control layer itself reads no record of level 2 that only a message names (owner checks excepted)."""
    FactSource.objects.filter(fact__name="order_number").update(settings={"message": r"\bA\d{3}\b"}, kind="message")
    case = company.go(company.receive("outside", order="A200"))
    assert case.facts["order_number"]["known"] and not case.facts["order_number"]["bound"]
    assert not case.facts["order"]["known"]
    assert company.shop.sent("/orders/A200", "GET") == 0


def test_a_program_form_binds_no_record_and_a_staff_form_does(company: Small) -> None:
    FactSource.objects.filter(fact__name="order_number", kind="message").delete()
    form = {"order_number": "A200"}
    program = company.go(company.receive("outside", form=form))
    assert program.facts["order_number"]["known"] and not program.facts["order"]["known"]
    staff = company.go(company.receive("outside", form=form, actor=company.as_("ka")))
    assert staff.facts["order_number"]["bound"] and staff.facts["order"]["known"]


# ---------------------------------------------------------------------- order of the questions


def test_the_questions_are_asked_in_order(company: Small, case: Case) -> None:
    """Everything is wrong at once; as each fault is mended the next question refuses."""
    pause("agent", "courier")
    Agent.objects.filter(name="courier").update(active=False)
    grant = grant_of()
    grant.retired = True
    grant.save()
    bad: Any = {"number": 5}

    def why(**more: Any) -> str:
        try:
            ask(company, case, **{"arguments": bad, "turn": 99} | more)
        except (Refused, BadArguments, TurnPassed) as refusal:
            return str(refusal.detail.get("reason", refusal.code)) + ("!" if "active" in refusal.message else "")
        return "passed"

    assert why() == "paused"
    from agents.models import Switch

    Switch.objects.update(paused=False)
    assert why() == "grant!"
    Agent.objects.filter(name="courier").update(active=True)
    assert why() == "turn_passed"
    assert why(turn=case.turn) == "grant"
    grant.retired = False
    grant.save()
    assert why(turn=case.turn) == "invalid"
    assert why(turn=case.turn, arguments={"number": "A200"}) == "scope"
    assert why(turn=case.turn, arguments=ORDER) == "passed"


# ---------------------------------------------------------------------- people


def test_people_need_the_case_first_to_write(company: Small, case: Case) -> None:
    ka = company.as_("ka")
    refused(company, case, "shop.ticket", {"text": "x"}, actor=ka, kind=WrongState)
    from orchestrator.desk.services import take_over

    case = take_over(actor=ka, case_id=case.pk)
    assert ask(company, case, "shop.ticket", {"text": "x"}, actor=ka).status == "done"
    refused(company, case, "shop.ticket", {"text": "x"}, actor=company.as_("wing"), kind=WrongState)


def test_strangers_find_no_case_and_onlookers_may_not_work(company: Small, case: Case) -> None:
    refused(company, case, actor=company.as_("sam"), kind=NotFound)
    refused(company, case, actor=company.as_("fin"), kind=NotFound)
    _case, approval = company.waiting()
    approval.asked.all()
    from approvals.raising import give_sight
    from cases.models import Team

    give_sight(case, {Team.objects.get(name="finance").pk}, now=database_now())
    refused(company, case, actor=company.as_("fin"), kind=NoRight)


def test_a_person_who_left_is_refused(company: Small, case: Case) -> None:
    ka = company.as_("ka")
    ka.user.is_active = False
    ka.user.save()
    refused(company, case, actor=ka, kind=NotFound)


# ---------------------------------------------------------------------- limits of a grant


def placed(case: Case, **more: Any) -> Write:
    operation, agent = Operation.objects.get(name="shop.voucher"), Agent.objects.get(name="courier")
    values: dict[str, Any] = {"operation": operation, "agent": agent, "controlled": True, "turn": 1, "name": "v", "subject": "s",
                              "proposed": {}, "placed_at": database_now(), "money": Decimal(20), "currency": "HKD"}  # fmt: skip
    return Write.objects.create(case=case, **values | more)


def over(case: Case, money: Any = None, **limits: Any) -> str:
    grant = grant_of(operation="shop.voucher")
    grant.limits = limits
    zone = configuration.current().zone
    return gate.over_limit(grant, case=case, money=money, now=database_now(), leave_out=(), zone=zone)


def test_limits_count_what_took_its_place(company: Small, case: Case) -> None:
    other = company.receive("outside")
    assert over(case, per_case=1) == "" and over(case, per_case=0) and over(case, per_day=0)
    write = placed(case)
    assert over(case, per_case=1) and not over(other, per_case=1)
    assert over(other, per_day=1) and not over(other, per_day=2)
    assert over(case, Decimal(81), amount_per_day=100) and not over(case, Decimal(80), amount_per_day=100)
    placed(other, agent=None)
    placed(other, placed_at=None)
    placed(other, placed_at=database_now() - timedelta(days=2))
    assert not over(other, per_day=2)
    Write.objects.filter(pk=write.pk).update(placed_at=None)
    assert not over(case, per_case=1)


def test_an_amount_that_cannot_be_told_is_over_a_money_limit(company: Small, case: Case) -> None:
    """A9: odd amounts and other currencies do not slip under a limit in money."""
    from cases.values import UNKNOWN

    assert over(case, UNKNOWN, amount_per_day=100)
    assert not over(case, UNKNOWN, per_day=3)


def test_the_caps_of_a_run_end_it_with_a_person(company: Small, case: Case) -> None:
    """G11. Without the count an agent in a loop calls for ever."""
    Agent.objects.filter(name="courier").update(limits={"calls_per_run": 3})
    Agent.objects.get(name="courier").save()
    for _n in range(3):
        ask(company, case)
    assert refused(company, case).detail["reason"] == "limit"
    case.refresh_from_db()
    assert (case.status, case.holder_kind) == ("with_person", "team")
    assert Run.objects.get(case=case, step="deliver").state == "handed_over"


def test_the_seconds_of_a_run_end_it_with_a_person(company: Small, case: Case) -> None:
    Agent.objects.filter(name="courier").update(limits={"seconds_per_run": 60})
    Agent.objects.get(name="courier").save()
    assert ask(company, case).status == "done"
    Run.objects.filter(case=case).update(started_at=database_now() - timedelta(seconds=61))
    assert refused(company, case).detail["reason"] == "limit"


def test_the_switch_row_is_held_while_a_write_is_reserved(company: Small, case: Case) -> None:
    """FOR SHARE only works inside a transaction; outside one it would hold nothing, so it is refused."""
    agent = Agent.objects.get(name="courier")
    with transaction.atomic():
        assert gate.paused(case, agent, "shop", share=True) is None
        pause("system", "shop")
        assert gate.paused(case, agent, "shop", share=True) is not None


def test_the_gate_itself_asks_no_system_for_what_it_can_refuse_earlier(company: Small, case: Case) -> None:
    config = configuration.current()
    reader = Reader()
    finder = finder_for(
        case, config, reader, now=database_now(), given=stored_facts(case, config.type_of(case), config)
    )  # type: ignore[arg-type]
    agent = Agent.objects.get(name="courier")
    own = Gate(config, case, finder, database_now(), agent=agent, step="deliver")
    calls = len(company.shop.calls)
    with pytest.raises(BadArguments):
        own.check(company.courier(), "shop.order", {"number": 1}, turn=case.turn)
    assert len(company.shop.calls) == calls
    passed = own.check(company.courier(), "shop.order", ORDER, turn=case.turn)
    assert passed.operation.name == "shop.order" and passed.grant == grant_of()
