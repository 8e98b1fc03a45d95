"""The executor: an effect happens at most once, exactly once where the system honours the key, else a person is asked.

The system counts what was really done, whatever it answered.
"""

from typing import Any

import pytest
from django.db import connection

from agents import executor, services
from agents.connectors import Answer
from agents.models import Proposal, Run, Write
from cases.clock import database_now
from cases.errors import NotFound, ReasonRequired, WrongState
from cases.ledger import verify
from cases.models import Case, Event
from orchestrator.desk.services import take_over
from tests.company import Small


def decided(company: Small, type_name: str = "refund", option: str = "full", **more: Any) -> Case:
    """A case whose proposal was approved; its write may start, and nothing was sent yet."""
    case, approval = company.waiting(type_name, **more)
    company.decide(approval, option)
    return case


def ended(company: Small, case: Case, option: str = "full") -> Write:
    company.go(case)
    return company.write(case, option)


# ---------------------------------------------------------------------- written


def test_it_is_written_and_read_back_with_its_receipt_and_reference(company: Small) -> None:
    case = decided(company)
    write = ended(company, case)
    [effect] = company.shop.effects("/payments/p1")
    assert (effect["amount"], effect["key"]) == (100, str(write.pk))
    assert (write.state, write.reference, write.attempts) == ("written", "d1", 1)
    assert write.decided == write.carried_out == {"payment_id": "p1", "amount": 100}
    assert write.receipt["operation"] == "shop.cancel" and write.receipt["arguments"] == {"id": "d1"}
    assert write.receipt["complete"] is True
    told = company.told(case, "write.written")
    assert told["read_back"] == {"ok": True, "equal": ["amount"]} and told["reference"] == "d1"
    assert Case.objects.get(pk=case.pk).status == "done"


def test_what_reads_back_otherwise_differs_and_a_person_repairs_it(company: Small) -> None:
    """Without the read-back the system's word would count."""
    company.shop.changes["amount"] = 99
    case = decided(company)
    write = ended(company, case)
    assert write.state == "differs" and "amount" in write.error
    assert company.told(case, "write.differs")["read_back"]["different"] == {"amount": {"expected": 100, "found": 99}}
    case.refresh_from_db()
    assert (case.status, case.holder_kind) == ("repair", "team")
    services.repair(actor=company.as_("ka"), write_id=write.pk, outcome="written", reference="d1", note="corrected")
    write.refresh_from_db()
    assert write.state == "written" and write.repaired["was"] == "differs"
    assert len(company.shop.effects("/payments")) == 1


def test_the_receipt_is_stored_before_the_call(racing: Small) -> None:
    """Seen by another session at the moment the system gets the call: without it an undo after a crash is not known."""
    case = decided(racing)
    seen: list[Any] = []
    racing.patient()
    racing.shop.hooks["/payments"] = lambda: seen.append(reserved(case))
    ended(racing, case)
    [(state, receipt, placed)] = seen
    assert state == "reserved" and placed is not None
    assert receipt["operation"] == "shop.cancel" and receipt["complete"] is False and receipt["within"] == "30m"


def reserved(case: Case) -> Any:
    """The write's row as everybody else sees it."""
    return Write.objects.filter(case=case, option="full").values_list("state", "receipt", "placed_at").get()


def test_secret_arguments_are_sent_and_never_told(company: Small) -> None:
    """G13 in small: the ledger, proposals' events and reads hold dots in their place."""
    company.change("shop.refund", secret=["reason", "pin"], editable=["amount"])
    step = company.go(company.receive("outside"))
    from orchestrator.flow.calls import call

    secret = "swordfish-4711"
    arguments = {"payment_id": "p1", "amount": 5, "pin": secret, "reason": secret}
    answer = call(
        actor=company.courier(), case_id=step.pk, operation="shop.refund", arguments=arguments, turn=step.turn
    )
    from approvals.models import Approval

    company.decide(Approval.objects.get(pk=answer.approvals[0]), "do")
    company.go(step)
    assert company.shop.effects("/payments")[0]["pin"] == secret
    events = Event.objects.filter(case=step).values_list("detail__data", flat=True)
    assert events and not any(secret in str(data) for data in events)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(d.data::text, ' ') FROM cases_eventdetail d")
        assert secret not in cursor.fetchone()[0]


# ---------------------------------------------------------------------- failed and retried


@pytest.mark.parametrize("status", ["400", "403", "404", "409", "422"])
def test_a_refusal_of_the_system_is_final_and_never_retried(company: Small, status: str) -> None:
    """D07."""
    company.shop.faults["/payments/p1/refunds"] = [status]
    case = decided(company)
    write = ended(company, case)
    assert write.state == "failed" and write.placed_at is None
    company.later(case)
    assert company.shop.sent("/payments/p1/refunds") == 1 and company.shop.done == []
    case.refresh_from_db()
    assert (case.status, case.why_here["code"]) == ("with_person", "step_failed")


def test_an_outage_is_retried_with_growing_pauses_until_it_works(company: Small) -> None:
    company.shop.faults["/payments/p1/refunds"] = ["503", "503", "429"]
    case = decided(company)
    pauses = []
    for _n in range(3):
        company.go(case)
        write = company.write(case)
        assert write.state == "permitted" and write.try_at is not None
        pauses.append((write.try_at - database_now()).total_seconds())
        case.refresh_from_db()
        assert case.wake_at == write.try_at
        company.later(case, 400)
    assert pauses[0] < pauses[1] < pauses[2]
    write = company.write(case)
    assert (write.state, write.attempts) == ("written", 4)
    assert len(company.shop.effects("/payments")) == 1
    assert {s.headers["idempotency-key"] for s in company.shop.scripted.seen if s.method == "POST"} == {str(write.pk)}


def test_an_outage_without_end_is_bounded_and_goes_to_a_person(company: Small) -> None:
    company.shop.faults["/payments/p1/refunds"] = ["503"] * 20
    case = decided(company)
    for _n in range(10):
        company.later(case, 400)
        from tests.company import forget

        forget()  # the circuit breaker of the system would hold calls back
    write = company.write(case)
    assert (write.state, write.attempts) == ("failed", executor.TRIES)
    assert company.shop.sent("/payments/p1/refunds") == executor.TRIES
    case.refresh_from_db()
    assert case.status == "with_person"


# ---------------------------------------------------------------------- cut after the write


def test_a_cut_after_the_write_is_one_effect_where_the_key_is_honoured(company: Small) -> None:
    """D05. Without the same key on the second sending there would be two."""
    company.shop.faults["/payments/p1/refunds"] = ["cut_after", "cut_after"]
    case = decided(company)
    assert ended(company, case).state == "unknown"
    for _n in range(3):
        company.later(case)
    write = company.write(case)
    assert write.state == "written" and write.attempts == 3
    assert len(company.shop.effects("/payments")) == 1 and company.shop.sent("/payments/p1/refunds") == 3
    assert "write.unknown" in company.codes(case)


def test_a_hanging_system_ends_as_unknown_and_is_found_again(company: Small) -> None:
    """D06: it does the write late, after the time-out."""
    company.shop.faults["/payments/p1/refunds"] = ["hang"]
    case = decided(company)
    assert ended(company, case).state == "unknown"
    company.later(case)
    assert company.write(case).state == "written"
    assert len(company.shop.effects("/payments")) == 1


def test_a_refusal_after_an_unknown_outcome_proves_nothing(company: Small) -> None:
    """The first sending may still be under way over there, so a 409 now is not `failed`."""
    company.shop.faults["/payments/p1/refunds"] = ["cut_after", "409"]
    case = decided(company)
    ended(company, case)
    company.later(case)
    assert company.write(case).state == "unknown"
    company.later(case)
    assert company.write(case).state == "written" and len(company.shop.effects("/payments")) == 1


def test_an_unknown_outcome_without_a_key_is_never_sent_again(company: Small) -> None:
    """D05: a person looks, within the minute; nothing is sent a second time whatever time passes."""
    company.shop.faults["/vouchers"] = ["cut_after"]
    case = decided(company, "vouchers", "voucher")
    write = ended(company, case, "voucher")
    assert write.state == "unknown"
    for _n in range(3):
        company.later(case)
    case.refresh_from_db()
    assert company.shop.sent("/vouchers") == 1 == len(company.shop.effects("/vouchers"))
    assert case.status == "repair" and company.write(case, "voucher").state == "unknown"


def repairable(company: Small) -> tuple[Case, Write]:
    company.shop.faults["/vouchers"] = ["cut_after"]
    case = decided(company, "vouchers", "voucher")
    return case, ended(company, case, "voucher")


def test_a_person_says_that_it_was_written_and_the_case_goes_on(company: Small) -> None:
    case, write = repairable(company)
    ka = company.as_("ka")
    with pytest.raises(ReasonRequired):
        services.repair(actor=ka, write_id=write.pk, outcome="written")
    with pytest.raises(NotFound):
        services.repair(actor=company.as_("sam"), write_id=write.pk, outcome="failed")
    services.repair(actor=ka, write_id=write.pk, outcome="written", reference="V-1", note="seen in the list")
    company.go(case)
    write.refresh_from_db()
    case.refresh_from_db()
    assert (write.state, write.reference, case.status) == ("written", "V-1", "done")
    assert company.told(case, "write.repaired")["reference"] == "V-1"
    assert company.shop.sent("/vouchers") == 1
    with pytest.raises(WrongState):
        services.repair(actor=ka, write_id=write.pk, outcome="failed")


def test_what_is_being_sent_at_this_moment_is_not_repaired(company: Small) -> None:
    """It would free its place and its record, and what the system answers would be told to nobody."""
    _case, write = repairable(company)
    for state in ("reserved", "permitted"):
        Write.objects.filter(pk=write.pk).update(state=state)
        with pytest.raises(WrongState):
            services.repair(actor=company.as_("ka"), write_id=write.pk, outcome="failed")
        write.refresh_from_db()
        assert write.state == state and write.repaired == {}


def test_a_person_says_that_it_was_not_written_and_has_the_case(company: Small) -> None:
    case, write = repairable(company)
    services.repair(actor=company.as_("ka"), write_id=write.pk, outcome="failed")
    company.go(case)
    case.refresh_from_db()
    write.refresh_from_db()
    assert (write.state, write.placed_at, case.status) == ("failed", None, "with_person")
    assert company.shop.sent("/vouchers") == 1


def test_a_look_up_finds_what_was_done_after_all(company: Small) -> None:
    """A system without keys but with a look-up: looked up by the effect key, never sent blindly."""
    case = decided(company, "gifts", "gift")
    write_key: list[str] = []
    company.shop.faults["/gifts"] = ["cut_after"]
    assert ended(company, case, "gift").state == "unknown"
    write = company.write(case, "gift")
    company.shop.done[0]["key"] = str(write.pk)
    company.later(case)
    write.refresh_from_db()
    assert write.state == "written" and company.shop.sent("/gifts") == 1, write_key


def test_a_look_up_that_finds_nothing_lets_it_be_sent_again(company: Small) -> None:
    company.shop.faults["/gifts"] = ["cut"]
    case = decided(company, "gifts", "gift")
    assert ended(company, case, "gift").state == "unknown"
    company.later(case)
    company.later(case)
    write = company.write(case, "gift")
    assert write.state == "written" and write.resent
    assert company.shop.sent("/gifts") == 2 and len(company.shop.effects("/gifts")) == 1


def test_a_system_that_may_be_at_it_still_is_looked_up_and_not_sent_to_again(company: Small) -> None:
    """It took the write, and shows it only later: each look before that finds nothing."""
    company.shop.faults["/gifts"] = ["cut_after"]
    case = decided(company, "gifts", "gift")
    write = ended(company, case, "gift")
    for _n in range(executor.TRIES + 1):
        company.later(case, 8)
        write.refresh_from_db()
        assert write.state == "unknown" and case.status != "repair"
    assert company.shop.sent("/gifts") == 1 and company.shop.sent("/by-key", "GET") >= 2
    company.shop.done[0]["key"] = str(write.pk)
    company.later(case)
    write.refresh_from_db()
    assert write.state == "written" and company.shop.sent("/gifts") == 1 == len(company.shop.effects("/gifts"))


def test_a_look_up_that_does_not_answer_ends_with_a_person(company: Small) -> None:
    """It is looked up some times, with pauses, and then shown under the records to repair: never for ever."""
    company.shop.faults["/gifts"] = ["cut_after"]
    case = decided(company, "gifts", "gift")
    assert ended(company, case, "gift").state == "unknown"
    company.shop.faults["/by-key"] = ["400"] * 50
    for _n in range(8):
        company.later(case, 400)
    case.refresh_from_db()
    assert case.status == "repair" and company.write(case, "gift").state == "unknown"
    looked = company.shop.sent("/by-key", "GET")
    assert 1 <= looked <= executor.TRIES and company.shop.sent("/gifts") == 1
    company.later(case, 4000)
    assert company.shop.sent("/by-key", "GET") == looked


def test_reconciling_looks_it_up_once_more_for_a_person(company: Small) -> None:
    company.shop.faults["/gifts"] = ["cut_after"]
    case = decided(company, "gifts", "gift")
    write = ended(company, case, "gift")
    company.shop.faults["/by-key"] = ["400"]
    ka = company.as_("ka")
    assert services.reconcile(actor=ka, write_id=write.pk).state == "unknown"
    company.shop.done[0]["key"] = str(write.pk)
    assert services.reconcile(actor=ka, write_id=write.pk).state == "written"
    company.go(case)
    case.refresh_from_db()
    assert case.status == "done"
    with pytest.raises(WrongState):
        services.reconcile(actor=ka, write_id=write.pk)


# ---------------------------------------------------------------------- crashes and late workers


class Died(BaseException):
    """The worker is gone; nothing after this line of it runs."""


def die_at(monkeypatch: pytest.MonkeyPatch, name: str, *, after: bool = False) -> None:
    """The worker dies when it comes to `executor.NAME` (or right after it), once."""
    real = getattr(executor, name)
    left = [1]

    def dying(*args: Any, **named: Any) -> Any:
        if left and not after:
            left.clear()
            raise Died
        result = real(*args, **named)
        if left:
            left.clear()
            raise Died
        return result

    monkeypatch.setattr(executor, name, dying)


@pytest.mark.parametrize(("name", "after"), [("reserve", False), ("send", False), ("send", True), ("record", False)])
def test_a_worker_that_dies_is_followed_by_another_and_nothing_happens_twice(
    company: Small, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    """D01 in small: before the reservation, before the call, after it, before the outcome is stored."""
    case = decided(company)
    die_at(monkeypatch, name, after=after)
    with pytest.raises(Died):
        company.go(case)
    company.go(case)
    case.refresh_from_db()
    assert case.wake_at is not None and case.wake_at > database_now(), "the lease of the dead one is still waited for"
    assert len(company.shop.effects("/payments")) <= 1
    for _n in range(3):
        company.later(case, 200)
    assert company.write(case).state == "written" and len(company.shop.effects("/payments")) == 1
    case.refresh_from_db()
    assert case.status == "done" and verify().first_broken is None


@pytest.mark.parametrize("name", ["send", "record"])
def test_a_death_around_a_call_without_a_key_ends_with_a_person(
    company: Small, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = decided(company, "vouchers", "voucher")
    die_at(monkeypatch, name)
    with pytest.raises(Died):
        company.go(case)
    for _n in range(3):
        company.later(case, 200)
    case.refresh_from_db()
    assert case.status == "repair" and company.shop.sent("/vouchers") == (1 if name == "record" else 0)


@pytest.mark.parametrize(("name", "after"), [("reserve", False), ("send", False), ("send", True), ("record", False)])
def test_an_internal_write_survives_its_worker(
    company: Small, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    """Level 3 with a key: the recipe is done again and finds its own write by its place."""
    case = company.receive("chores")
    die_at(monkeypatch, name, after=after)
    with pytest.raises(Died):
        company.go(case)
    for _n in range(4):
        company.later(case, 200)
    case.refresh_from_db()
    assert case.status == "done" and len(company.shop.effects("/tickets")) == 1
    assert Write.objects.filter(case=case).count() == 1


def test_an_internal_write_without_a_key_is_not_repeated(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    case = company.receive("notes")
    die_at(monkeypatch, "record")
    with pytest.raises(Died):
        company.go(case)
    for _n in range(4):
        company.later(case, 200)
    case.refresh_from_db()
    assert case.status == "repair" and company.shop.sent("/notes") == 1


def test_a_worker_that_slept_past_its_lease_writes_nothing(racing: Small) -> None:
    """D08: while it sleeps in its call another one takes over and finishes; the sleeper's own outcome is dropped."""
    case = decided(racing)
    racing.patient()

    def overslept() -> None:
        racing.shop.hooks.clear()
        racing.later(case, 400)  # the lease ends; another worker sends with the same key, records and closes

    racing.shop.hooks["/payments"] = overslept
    racing.go(case)
    case.refresh_from_db()
    assert case.status == "done" and racing.write(case).claim == 2
    assert racing.codes(case).count("write.written") == 1 and len(racing.shop.effects("/payments")) == 1
    assert verify().first_broken is None


def test_a_stale_claim_cannot_record(company: Small) -> None:
    case = decided(company)
    company.shop.faults["/payments/p1/refunds"] = ["cut_after"]
    write = ended(company, case)
    late = Write.objects.get(pk=write.pk)
    Write.objects.filter(pk=write.pk).update(claim=write.claim + 1)
    from agents import configuration
    from agents.errors import Stale
    from cases.transitions import Draft

    outcome = executor.Outcome("written", Answer(ok=True, outcome="done"))
    with pytest.raises(Stale):
        executor.record(Draft(), case, late, outcome, config=configuration.current(), now=database_now())
    assert Write.objects.get(pk=write.pk).state == "unknown"


# ---------------------------------------------------------------------- one at a time on a record


def test_another_write_to_the_record_waits_while_one_is_under_way(company: Small) -> None:
    """Two refunds of the same payment from two cases: the second starts when the first's outcome is known."""
    company.shop.faults["/payments/p1/refunds"] = ["cut_after"]
    first, second = decided(company), decided(company)
    assert ended(company, first).state == "unknown"
    assert ended(company, second).state == "permitted"
    second.refresh_from_db()
    assert second.wake_at is not None and second.wake_at > database_now()
    assert company.shop.sent("/payments/p1/refunds") == 1
    company.later(first)
    assert company.write(first).state == "written"
    company.later(second)
    assert company.write(second).state == "written" and len(company.shop.effects("/payments")) == 2


def test_a_take_over_during_the_call_keeps_the_outcome_and_starts_nothing_new(racing: Small) -> None:
    """The turn stops starting, never recording: the first write is told, the second is not begun."""
    case = decided(racing, "two", "both")
    racing.patient()

    def meanwhile() -> None:
        racing.shop.hooks.clear()
        take_over(actor=racing.as_("ka"), case_id=case.pk)

    racing.shop.hooks["/payments"] = meanwhile
    racing.go(case)
    states = dict(Write.objects.filter(case=case).values_list("name", "state"))
    assert states == {"shop.refund": "written", "shop.voucher": "withdrawn"}
    case.refresh_from_db()
    assert (case.status, case.holder_user.username) == ("with_person", "ka")  # type: ignore[union-attr]
    assert racing.shop.sent("/vouchers") == 0 and "write.written" in racing.codes(case)


def test_the_writes_of_an_option_run_in_order_and_stop_at_the_first_that_is_not_written(company: Small) -> None:
    company.shop.faults["/payments/p1/refunds"] = ["422"]
    case = decided(company, "two", "both")
    company.go(case)
    states = dict(Write.objects.filter(case=case).values_list("name", "state"))
    assert states == {"shop.refund": "failed", "shop.voucher": "withdrawn"}
    assert company.shop.sent("/vouchers") == 0
    other = decided(company, "two", "both")
    company.go(other)
    assert [d["path"] for d in company.shop.done] == ["/payments/p1/refunds", "/vouchers"]


def test_a_database_without_a_ledger_line_sends_nothing(company: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """D14: the reservation and its event are one transaction; if the event cannot be stored nothing goes out."""
    case = decided(company)

    def full(execute: Any, sql: str, *rest: Any) -> Any:
        if "INSERT INTO" in sql and "cases_event" in sql:
            raise RuntimeError("the ledger cannot be written")
        return execute(sql, *rest)

    with connection.execute_wrapper(full):
        company.go(case)
    assert company.shop.sent("/payments/p1/refunds") == 0 and company.shop.done == []


def test_the_key_is_one_a_write_over_retries_and_another_for_another_write(company: Small) -> None:
    """I05."""
    company.shop.faults["/payments"] = []
    company.shop.faults["/payments/p1/refunds"] = ["503", "cut_after"]
    first = decided(company)
    company.go(first)
    for _n in range(3):
        company.later(first, 400)
    second = decided(company)
    company.go(second)
    keys = [s.headers["idempotency-key"] for s in company.shop.scripted.seen if s.method == "POST"]
    assert keys == [str(company.write(first).pk)] * 3 + [str(company.write(second).pk)]


def test_runs_and_proposals_have_ended_with_their_writes(company: Small) -> None:
    case = decided(company)
    company.go(case)
    assert Run.objects.filter(case=case, state="open").count() == 0
    assert Proposal.objects.get(case=case).state == "written"
