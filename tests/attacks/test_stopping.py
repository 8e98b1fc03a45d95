"""A15 and A16: the stop switches stop within seconds, and a person's no, change or own hand ends what was asked."""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connections

from agents import services as switches
from agents.models import Switch, Write
from approvals.errors import HigherNeeded
from approvals.models import Rule
from cases.errors import WrongState
from cases.models import Case, Event
from orchestrator.desk.services import close, take_over
from orchestrator.flow.services import sweep
from tests.company import Small
from tests.guarantees import Size, guarantee

SCOPES = [("agent", "clerk"), ("type", "refund"), ("system", "shop"), ("all", "")]
SLOW = 0.25  # seconds that the company's system takes for a write
MOST = 5.0  # seconds until nothing new is sent
CASES = 8


@guarantee("A15", ci=4, release=40, seconds=400)
def test_a_switch_stops_what_was_decided_within_seconds(racing: Small, size: Size) -> None:
    """Writes go out one after the other while the switch is turned; what waits goes on waiting."""
    company = racing
    company.patient()
    company.shop.hooks["/payments"] = lambda: time.sleep(SLOW)
    for n in size.each():
        scope, name = SCOPES[n % 4]
        what = f"{scope} {name}"
        company.shop.done.clear()
        decided = [company.waiting() for _n in range(CASES)]
        for _case, approval in decided:
            company.decide(approval)
        waiting, asked = company.waiting()
        worker = threading.Thread(target=_go, args=(company, [case for case, _approval in decided]))
        worker.start()
        while not company.shop.done:
            time.sleep(0.02)
        switches.pause(actor=company.as_("may"), scope=scope, name=name, reason="Odd refunds")
        turned, before = time.monotonic(), len(company.shop.done)
        worker.join(timeout=60)
        stopped = time.monotonic() - turned
        after = len(company.shop.done)
        left = Write.objects.filter(case__in=[case for case, _a in decided], option="full").exclude(state="written")
        if stopped > MOST or after > before + 1:
            size.failed(f"{what}: {after - before} sent after the switch, {stopped:.1f} s")
        if set(left.values_list("state", flat=True)) - {"permitted"} or left.count() != CASES - after:
            size.failed(f"{what}: {sorted(left.values_list('state', flat=True))}")
        company.go(waiting)
        asked.refresh_from_db()
        if asked.state != "waiting":
            size.failed(f"{what}: what waited is {asked.state}")
        told = Event.objects.filter(case=None, code="ai.paused").order_by("-seq")[0]
        said = told.detail.data
        if (said["scope"], said["name"], said["reason"]) != (scope, name, "Odd refunds") or "may" not in told.actor:
            size.failed(f"{what}: the record does not say who, what and why")
        switches.resume(actor=company.as_("may"), scope=scope, name=name)
        sweep()  # as it does every two seconds: whoever resumed was lost
        for case, _approval in decided:
            company.later(case)
        if len(company.shop.done) != CASES or len({one["key"] for one in company.shop.done}) != CASES:
            size.failed(f"{what}: {len(company.shop.done)} of {CASES} were sent in the end")
        take_over(actor=company.as_("ka"), case_id=waiting.pk)
        assert not Switch.objects.filter(paused=True).exists()


def _go(company: Small, cases: list[Case]) -> None:
    for case in cases:
        company.go(case)
    if threading.current_thread() is not threading.main_thread():
        connections.close_all()


# ---------------------------------------------------------------------- A16


def rejected(company: Small) -> list[str]:
    """With a reason; nothing is written, and the case goes on without it."""
    case, approval = company.waiting()
    company.decide(approval, "reject", reason="Not enough proof")
    company.go(case)
    told = company.told(case, "approval.decided")
    return _faults(
        case,
        nothing_sent=not company.shop.effects("/payments"),
        recorded=(told["option"], told["reason"]) == ("reject", "Not enough proof"),
        ended=_ended(case),
    )


def edited(company: Small) -> list[str]:
    """Another amount is another payload: judged again, so it waits for who may decide that, and is sent as decided."""
    case, approval = company.waiting()
    rule = company.rule("over-60", {"ask": "heads"}, all=[{"argument": "amount", "is": "more than", "value": 60}])
    write = company.write(case, "half").name
    higher = False
    try:
        company.decide(approval, "half", edits={write: {"amount": 70}}, reason="Closer to the loss")
    except HigherNeeded:
        higher = True
    untouched = not company.shop.done and not approval.decisions.exists()
    company.decide(approval, "half", edits={write: {"amount": 40}}, reason="Closer to the loss")
    company.go(case)
    told = company.told(case, "approval.decided")
    sent = [one["amount"] for one in company.shop.effects("/payments")]
    Rule.objects.filter(pk=rule.pk).update(retired=True)
    return _faults(
        case,
        asks_higher=higher and untouched,
        recorded=told["edits"] == {write: {"amount": 40}} and told["before"] == {write: {"amount": 50}},
        sent_as_decided=sent == [40],
        ended=_ended(case),
    )


def by_hand(company: Small) -> list[str]:
    """Taken over while it waits: nobody can decide it any more, and the person ends it."""
    case, approval = company.waiting()
    take_over(actor=company.as_("ka"), case_id=case.pk)
    late = False
    try:
        company.decide(approval)
    except WrongState:
        late = True
    close(actor=company.as_("ka"), case_id=case.pk, outcome="done by phone")
    company.go(case)
    return _faults(
        case,
        late_is_told=late,
        nothing_sent=not company.shop.done,
        recorded={"case.taken_over", "approval.withdrawn"} <= set(company.codes(case)),
        ended=_ended(case),
    )


def _ended(case: Case) -> bool:
    case.refresh_from_db()
    return case.status == "done"


def _faults(case: Case, **checks: bool) -> list[str]:
    return [name for name, right in checks.items() if not right]


WAYS: list[Callable[[Small], list[str]]] = [rejected, edited, by_hand]


@guarantee("A16", ci=3, release=30)
def test_who_disagrees_is_recorded_and_the_request_ends(company: Small, size: Size) -> None:
    for n in size.each():
        way: Any = WAYS[n % 3]
        company.shop.done.clear()
        faults = way(company)
        if faults:
            size.failed(f"{way.__name__}: {', '.join(faults)}")
