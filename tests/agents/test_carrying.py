"""Carried out is what was decided, on facts that still hold: everything is looked at again before the first write."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from agents.carrying import Carrier
from agents.models import Agent, Grant, Policy, Proposal, Switch, Write
from approvals.models import Approval, Rule
from cases.clock import database_now
from cases.ledger import verify
from cases.models import Case, Company, Event
from orchestrator.desk.services import close, take_over, withdraw
from orchestrator.flow.services import wake_paused
from tests.company import Small, pause
from tests.guarantees import Size, guarantee

ASK_HEADS = {"ask": "heads", "people": 1}


def decided(company: Small, type_name: str = "refund", option: str = "full", **more: Any) -> Case:
    case, approval = company.waiting(type_name, **more)
    company.decide(approval, option)
    return case


def held(company: Small, **more: Any) -> tuple[Case, Approval]:
    """Decided, and in its hold."""
    row = Company.objects.get()
    row.hold_seconds = 30
    row.save()
    case, approval = company.waiting(**more)
    return company.go(case), company.decide(approval)


def sql(query: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        assert cursor.rowcount


# ---------------------------------------------------------------------- the database itself


@pytest.mark.parametrize("state", ["permitted", "reserved", "written", "differs", "unknown"])
def test_the_database_refuses_a_controlled_write_without_a_permit(company: Small, state: str) -> None:
    """Guarantee 2, one floor below the code: plain SQL as the product's role cannot start one either."""
    case, _approval = company.waiting()
    with pytest.raises(IntegrityError, match="controlled_write_needs_permit"), transaction.atomic():
        sql("UPDATE agents_write SET state = %s WHERE case_id = %s", state, case.pk)
    assert set(Write.objects.filter(case=case).values_list("state", flat=True)) == {"waiting"}


def test_the_move_to_reserved_needs_a_permit(company: Small) -> None:
    from agents import executor

    case, _approval = company.waiting()
    write = company.write(case)
    with pytest.raises(IntegrityError), transaction.atomic():
        executor.reserve(write, operation=write.operation, now=database_now(), began=time.monotonic())


# ---------------------------------------------------------------------- what was decided is what is sent

TAMPERING = {
    "amount": """UPDATE agents_write SET decided = decided || '{"amount": 101}' WHERE case_id = %s AND option = 'full'""",
    "amount as text": """UPDATE agents_write SET decided = decided || '{"amount": "100"}'
                         WHERE case_id = %s AND option = 'full'""",
    "added field": """UPDATE agents_write SET decided = decided || '{"reason": " "}'
                      WHERE case_id = %s AND option = 'full'""",
    "other payment": """UPDATE agents_write SET decided = decided || '{"payment_id": "p3"}'
                        WHERE case_id = %s AND option = 'full'""",
    "other operation": """UPDATE agents_write SET operation_id = (SELECT id FROM agents_operation WHERE name = 'shop.voucher')
                          WHERE case_id = %s AND option = 'full'""",
    "a fact": """UPDATE agents_proposal SET facts = facts || '{"tier": "platinum"}' WHERE case_id = %s""",
    "the versions": """UPDATE agents_proposal SET versions = versions || '{"map": 1}' WHERE case_id = %s""",
    "another write's arguments": """UPDATE agents_write SET proposed = proposed || '{"amount": 1}'
                                    WHERE case_id = %s AND option = 'half'""",
    "the version of the record": """UPDATE agents_write SET target_version = '"v9"' WHERE case_id = %s AND option = 'full'""",
    "no longer controlled": """UPDATE agents_write SET controlled = false, decided = decided || '{"amount": 5000}'
                               WHERE case_id = %s AND option = 'full'""",
}


@guarantee("A03", ci=1)
@pytest.mark.parametrize("name", TAMPERING)
def test_what_was_changed_behind_the_decision_is_never_sent(company: Small, name: str) -> None:
    """A03, by SQL. Without the fingerprint worked out anew the changed payload would go out; so it waits again."""
    case = decided(company)
    sql(TAMPERING[name], case.pk)
    company.go(case)
    assert company.shop.done == [] and company.shop.sent("/", "POST") == 0
    assert company.told(case, "write.not_started")["why"] == "fingerprint"
    assert company.proposal(case).state == "withdrawn"
    assert Approval.objects.filter(case=case, state="waiting").exclude(proposal=company.proposal(case)).count() == 1


def test_an_option_that_was_not_decided_is_not_sent(company: Small) -> None:
    case = decided(company)
    sql("UPDATE agents_proposal SET decided = 'half' WHERE case_id = %s", case.pk)
    company.go(case)
    assert company.shop.done == []


def test_the_order_of_keys_and_equal_numbers_are_no_change(company: Small) -> None:
    case = decided(company)
    sql(
        """UPDATE agents_write SET decided = '{"amount": 100.0, "payment_id": "p1"}' WHERE case_id = %s AND option = 'full'""",
        case.pk,
    )
    company.go(case)
    assert company.write(case).state == "written"


def test_what_was_edited_is_what_is_sent_and_three_records_stay_apart(company: Small) -> None:
    case, approval = company.waiting()
    company.decide(approval, edits={"shop.refund": {"amount": 60}})
    company.go(case)
    write = company.write(case)
    assert [write.proposed["amount"], write.decided["amount"], write.carried_out["amount"]] == [100, 60, 60]  # type: ignore[index]
    assert company.shop.effects("/payments")[0]["amount"] == 60 and write.money == 60


# ---------------------------------------------------------------------- permits


@guarantee("A05", ci=2, release=20)
def test_an_expired_permit_starts_nothing(company: Small, size: Size) -> None:
    for n in size.each():
        case = decided(company, option=("full", "half")[n % 2])
        expired = database_now() - timedelta(seconds=1)
        Write.objects.filter(case=case, state="permitted").update(permit_until=expired)
        company.go(case)
        write = company.write(case, ("full", "half")[n % 2])
        assert company.shop.done == [] and write.state == "expired"
        assert company.proposal(case).state == "expired"
        assert company.told(case, "write.not_started")["why"] == "expired"
        assert write.placed_at is None


@guarantee("A05", ci=1, release=10)
@pytest.mark.parametrize("end", [take_over, lambda **k: close(outcome="done by hand", **k), withdraw])
def test_a_permit_of_a_turn_that_passed_starts_nothing(company: Small, end: Callable[..., Any], size: Size) -> None:
    """Decided, then taken over, closed or withdrawn before it was sent."""
    for n in size.each():
        option = ("full", "half")[n % 2]
        case = decided(company, option=option)
        end(actor=company.as_("ka"), case_id=case.pk)
        company.go(case)
        company.later(case)
        assert company.shop.done == [] and company.write(case, option).state == "withdrawn"
    assert verify().first_broken is None


def test_the_turn_is_looked_at_when_it_starts(company: Small) -> None:
    """Even where nobody withdrew it: the write carries the turn it was made in."""
    case = decided(company)
    Case.objects.filter(pk=case.pk).update(turn=2)
    company.go(case)
    assert company.shop.done == [] and company.told(case, "write.not_started")["why"] == "turn"


def test_a_permit_is_used_once(company: Small) -> None:
    case = decided(company)
    for _n in range(3):
        Case.objects.filter(pk=case.pk).update(wake_at=database_now())
        company.go(case)
    assert len(company.shop.done) == 1


# ---------------------------------------------------------------------- A04: between decision and write


def tighten_rule(company: Small) -> None:
    company.rule("big", ASK_HEADS, all=[{"argument": "amount", "is": "more than", "value": 10}])


def forbid(company: Small) -> None:
    company.rule("never", {"forbid": "Not any more"})


def tier_changed(company: Small) -> None:
    company.shop.customers["c1"]["tier"] = "blocked"


def record_moved(company: Small) -> None:
    company.shop.payments["p1"]["updated_at"] = "v2"


def already_refunded(company: Small) -> None:
    company.shop.payments["p1"]["state"] = "refunded"


def read_down(company: Small) -> None:
    company.shop.faults["/payments/p1"] = ["400"] * 2


CHANGES: dict[str, tuple[Callable[[Small], None], str, str]] = {
    "rule tightened": (tighten_rule, "waiting_approval", "heads"),
    "customer tier changed": (tier_changed, "waiting_approval", "heads"),
    "record moved": (record_moved, "waiting_approval", "managers"),
    "already refunded": (already_refunded, "waiting_approval", "heads"),
    "fact not readable": (read_down, "waiting_approval", "managers"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_since_the_decision_makes_it_wait_again_with_the_reason(company: Small, name: str) -> None:
    """A04. Without looking afresh (`_look_afresh`, `_stricter`) each of these would be sent as decided."""
    company.rule("blocked", ASK_HEADS, all=[{"fact": "tier", "is": "is", "value": "blocked"}])
    company.rule("twice", ASK_HEADS, all=[{"fact": "pay_state", "is": "is", "value": "refunded"}])
    change, status, team = CHANGES[name]
    case = decided(company)
    change(company)
    company.go(case)
    assert company.shop.done == []
    case.refresh_from_db()
    assert case.status == status
    again = Approval.objects.get(case=case, state="waiting")
    assert {a.team.name for a in again.asked.filter(closed=False)} == {team}
    assert again.reasons and company.told(case, "permit.taken_back")["why"]
    assert company.write(case).state == "waiting" and company.write(case).placed_at is None
    company.shop.faults.clear()
    company.decide(again, by="grace" if team == "heads" else "may")
    company.go(case)
    if name == "fact not readable":  # what can be read again is another version than none
        company.decide(Approval.objects.get(case=case, state="waiting"))
        company.go(case)
    assert company.write(case).state == "written" and len(company.shop.done) == 1


def test_a_rule_that_forbids_it_now_ends_it(company: Small) -> None:
    case = decided(company)
    forbid(company)
    company.go(case)
    assert company.shop.done == [] and company.proposal(case).state == "forbidden"
    assert "Not any more" in company.told(case, "write.not_started")["words"]


def test_a_grant_that_was_removed_ends_it(company: Small) -> None:
    """A04: what an agent wanted may only be done while its grant stands, whoever decided it."""
    case = decided(company)
    grant = Grant.objects.get(agent__name="clerk", operation__name="shop.refund")
    grant.retired = True
    grant.save()
    company.go(case)
    assert company.shop.done == [] and company.told(case, "write.not_started")["why"] == "grant"
    assert Case.objects.get(pk=case.pk).status == "with_person"


def test_an_agent_that_was_switched_off_ends_it(company: Small) -> None:
    case = decided(company)
    agent = Agent.objects.get(name="clerk")
    agent.active = False
    agent.save()
    company.go(case)
    assert company.shop.done == [] and company.write(case).state == "withdrawn"


def test_what_became_looser_goes_on_as_decided(company: Small) -> None:
    company.rule("heads", ASK_HEADS)
    case, approval = company.waiting()
    company.decide(approval, by="grace")
    Rule.objects.get(name="heads").delete()
    company.standing(up_to=1000)
    company.go(case)
    assert company.write(case).state == "written" and Approval.objects.filter(case=case).count() == 1


def test_a_change_of_something_else_changes_nothing(company: Small) -> None:
    """The epoch rises with every change of the map; it is judged again and goes on."""
    case = decided(company)
    row = Company.objects.get()
    row.name = "Another name"
    row.save()
    company.go(case)
    assert company.write(case).state == "written"


def test_a_rule_tightened_between_two_writes_of_an_option_makes_the_second_wait(racing: Small) -> None:
    """Later writes look at pause, turn, epoch and the live rules; the first stays written and is not done again."""
    case, approval = racing.waiting("two")
    racing.decide(approval, "both")
    racing.patient()
    racing.shop.hooks["/payments"] = lambda: racing.rule("late", ASK_HEADS, "shop.voucher") and None
    racing.go(case)
    states = dict(Write.objects.filter(case=case).values_list("name", "state"))
    assert states == {"shop.refund": "written", "shop.voucher": "waiting"}
    again = Approval.objects.get(case=case, state="waiting")
    assert {a.team.name for a in again.asked.all()} == {"heads"}
    racing.decide(again, "both", by="grace")
    racing.go(case)
    assert [d["path"] for d in racing.shop.done] == ["/payments/p1/refunds", "/vouchers"]
    assert Proposal.objects.get(case=case).state == "written"


def test_an_unrelated_change_between_two_writes_does_not_stop_the_second(racing: Small) -> None:
    """Judged again on the facts that are known, not on nothing: a rule that needs a look-up is still answered."""
    racing.rule("blocked", ASK_HEADS, "shop.voucher", all=[{"fact": "tier", "is": "is", "value": "blocked"}])
    case, approval = racing.waiting("two")
    racing.decide(approval, "both")
    racing.patient()
    racing.shop.hooks["/payments"] = lambda: racing.rule("other", ASK_HEADS, "shop.gift") and None
    racing.go(case)
    assert [d["path"] for d in racing.shop.done] == ["/payments/p1/refunds", "/vouchers"]


def test_rejecting_after_a_part_was_written_leaves_the_rest_undone(racing: Small) -> None:
    case, approval = racing.waiting("two")
    racing.decide(approval, "both")
    racing.patient()
    racing.shop.hooks["/payments"] = lambda: racing.rule("late", ASK_HEADS, "shop.voucher") and None
    racing.go(case)
    racing.decide(Approval.objects.get(case=case, state="waiting"), "reject", by="grace")
    racing.go(case)
    states = dict(Write.objects.filter(case=case).values_list("name", "state"))
    assert states == {"shop.refund": "written", "shop.voucher": "withdrawn"}
    assert racing.shop.sent("/vouchers") == 0


# ---------------------------------------------------------------------- hold and pause


def test_nothing_is_sent_before_the_hold_is_over(company: Small) -> None:
    case, approval = held(company)
    company.go(case)
    write = company.write(case)
    assert write.state == "held" and company.shop.done == []
    case.refresh_from_db()
    assert case.wake_at == write.hold_until == approval.hold_until
    assert case.status in ("waiting_approval", "waiting_write")
    company.later(case, 31)
    assert company.write(case).state == "written"


def test_the_other_options_stay_while_the_hold_lasts_and_go_with_the_first_write(company: Small) -> None:
    case, _approval = held(company)
    assert company.write(case, "half").state == "waiting"
    company.later(case, 31)
    assert company.write(case, "half").state == "withdrawn"


@pytest.mark.parametrize(("scope", "name"), [("all", ""), ("agent", "clerk"), ("type", "refund"), ("system", "shop")])
def test_a_pause_stops_what_was_decided_and_resuming_lets_it_go(company: Small, scope: str, name: str) -> None:
    """A15: approved-but-unrun calls stop too. Without the look in the reserving transaction they would be sent."""
    from agents.models import Switch

    case = decided(company)
    pause(scope, name)
    company.go(case)
    company.later(case)
    assert company.shop.done == [] and company.write(case).state == "permitted"
    Switch.objects.update(paused=False)
    wake_paused()
    company.go(case)
    assert company.write(case).state == "written"


def test_a_pause_that_comes_with_the_reservation_wins(racing: Small) -> None:
    """The switch is read FOR SHARE inside the reserving transaction, after the facts were looked at afresh."""
    case = decided(racing)
    racing.shop.hooks.clear()
    from agents import carrying

    real = carrying.Carrier._look_afresh
    try:

        def then_paused(self: Any) -> Any:
            result = real(self)
            pause("all")
            return result

        carrying.Carrier._look_afresh = then_paused  # type: ignore[method-assign]
        racing.go(case)
    finally:
        carrying.Carrier._look_afresh = real  # type: ignore[method-assign]
    assert racing.shop.done == [] and racing.write(case).state == "permitted"


@pytest.mark.parametrize("state", ["unknown", "reserved"])
def test_a_pause_that_comes_with_the_next_sending_of_an_unknown_write_wins(
    company: Small, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """The system would do it once only, but under a pause it is not asked to; nor while a restore is looked through."""
    company.standing(up_to=300)
    company.shop.faults["/payments/p1/refunds"] = ["cut"]
    case = company.go(company.receive())
    assert company.write(case).state == "unknown" and company.shop.sent("/payments") == 1
    if state == "reserved":  # and its worker was lost
        Write.objects.filter(case=case, option="full").update(state=state, lease_until=database_now(), try_at=None)
    real = Carrier._look_afresh

    def paused_first(carrier: Carrier) -> object:
        pause("system", "shop")
        return real(carrier)

    monkeypatch.setattr(Carrier, "_look_afresh", paused_first)
    company.later(case)
    monkeypatch.undo()
    company.later(case)
    assert company.shop.sent("/payments") == 1 and company.write(case).state == state
    Switch.objects.update(paused=False)
    Policy.objects.update(restoring=True)
    wake_paused()
    company.go(case)
    assert company.shop.sent("/payments") == 1
    Policy.objects.update(restoring=False)
    assert company.later(case).status == "done" and len(company.shop.effects("/payments")) == 1


def test_people_s_writes_are_not_stopped_by_a_pause(company: Small) -> None:
    from orchestrator.flow.calls import call

    case = company.go(company.receive("refund"))
    case = take_over(actor=company.as_("ka"), case_id=case.pk)
    answer = call(actor=company.as_("ka"), case_id=case.pk, operation="shop.refund",
                  arguments={"payment_id": "p1", "amount": 5}, turn=case.turn)  # fmt: skip
    pause("all")
    company.decide(Approval.objects.get(pk=answer.approvals[0]), "do")
    company.go(case)
    assert len(company.shop.done) == 1


def test_a_restore_holds_every_write(company: Small) -> None:

    case = decided(company)
    Policy.objects.update(restoring=True)
    company.go(case)
    assert company.shop.done == [] and company.write(case).state == "permitted"
    Policy.objects.update(restoring=False)
    company.later(case)
    assert company.write(case).state == "written"


def test_every_write_and_only_what_was_done_is_in_the_ledger(company: Small) -> None:
    """U02 in small: the ledger and the system's own log agree, both ways."""
    cases = [decided(company), decided(company, option="half", order="A101"), decided(company, "two", "both")]
    for case in cases:
        company.go(case)
    written = Event.objects.filter(code="write.written").values_list("detail__data", flat=True)
    assert sorted(e["reference"] for e in written) == sorted(d["id"] for d in company.shop.done)
    assert {e["effect_key"] for e in written if e["operation"] == "shop.refund"} == {
        d["key"] for d in company.shop.effects("/payments")
    }
