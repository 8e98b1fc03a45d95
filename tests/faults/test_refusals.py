"""D07: the system is out for a while, or says no. What may help is tried again with growing pauses, nothing else is."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from agents import executor, reaching
from agents.connectors.breaker import Breaker
from agents.executor import TRIES
from agents.models import Operation
from cases.clock import database_now
from cases.models import Case, Event
from tests.agents.connectors.scripted import Handler
from tests.company import Small
from tests.guarantees import Size, guarantee

FINAL = (400, 403, 404, 409, 422)
AGAIN = (503, 429)
PATH = "/payments/p1/refunds"
LATER = 4_000.0  # seconds; the system is left alone for an hour


def out_of_order(company: Small, status: int, times: int, asked: int | None = None) -> None:
    """The system answers so to the next calls, with or without a Retry-After in seconds."""
    real: Callable[[Handler], None] = company.shop.serve
    left = [status] * times

    def serve(handler: Handler) -> None:
        if handler.command == "POST" and handler.path == PATH and left:
            with company.shop.lock:
                company.shop.calls.append((handler.command, handler.path))
            headers = {} if asked is None else {"Retry-After": str(asked)}
            handler.answer(left.pop(), {"error": "on demand"}, headers)
        else:
            real(handler)

    company.shop.scripted.script = serve


def pauses(case: Case) -> list[float]:
    """Seconds from each failed try to the next one."""
    rows = Event.objects.filter(case=case, code="write.retry").select_related("detail").order_by("seq")
    return [(datetime.fromisoformat(r.detail.data["try_at"]) - r.at).total_seconds() for r in rows]


@guarantee("D07", ci=20, release=200)
def test_an_outage_is_tried_again_and_a_refusal_never(company: Small, size: Size) -> None:
    for n in size.each():
        company.shop.payments["p1"]["updated_at"] = f"v{n}"
        _refusal(company, size, FINAL[n // 2 % 5]) if n % 2 else _outage(company, size, n // 2)


def _decided(company: Small) -> Case:
    case, approval = company.waiting()
    company.decide(approval)
    return case


def _refusal(company: Small, size: Size, status: int) -> None:
    out_of_order(company, status, 1)
    before, done = company.shop.sent(PATH), len(company.shop.done)
    case = company.later(company.go(_decided(company)))
    if (company.shop.sent(PATH) - before, len(company.shop.done) - done) != (1, 0):
        size.failed(f"{status}: sent {company.shop.sent(PATH) - before} times")
    if (case.status, company.write(case).state) != ("with_person", "failed"):
        size.failed(f"{status}: {case.status}, {company.write(case).state}")


def _outage(company: Small, size: Size, n: int) -> None:
    status, times, asked = AGAIN[n % 2], 1 + n % (TRIES + 1), (20 + n if n % 3 == 2 else None)
    out_of_order(company, status, times, asked)
    before, done = company.shop.sent(PATH), len(company.shop.done)
    case = company.go(_decided(company))
    for _n in range(TRIES + 2):
        _not_before_its_time(company, size, case)
        case = company.later(case)
    tries, effects = company.shop.sent(PATH) - before, len(company.shop.done) - done
    recovers = times < TRIES
    if (tries, effects) != (min(times + 1, TRIES), int(recovers)):
        size.failed(f"{status} x {times}: sent {tries} times, done {effects} times")
    if case.status != ("done" if recovers else "with_person"):
        size.failed(f"{status} x {times}: {case.status}")
    for attempt, seconds in enumerate(pauses(case), start=1):
        least, most = 0.5 * 2 ** (attempt - 1), 1.0 * 2 ** (attempt - 1)
        if asked is not None:
            least, most = asked, asked + 1 + most
        if not least - 0.2 <= seconds <= most + 0.2:
            size.failed(f"{status}, asked {asked}: pause {attempt} was {seconds:.2f} s")


def _not_before_its_time(company: Small, size: Size, case: Case) -> None:
    """Looking again at once changes nothing while the pause lasts."""
    write = company.write(case)
    if write.try_at and write.try_at > database_now() + timedelta(seconds=0.3):
        sent = company.shop.sent(PATH)
        Case.objects.filter(pk=case.pk).update(wake_at=database_now())
        company.go(case)
        if company.shop.sent(PATH) != sent:
            size.failed("it was sent again within its pause")


def test_the_pauses_of_many_are_spread(company: Small) -> None:
    """Callers that failed together do not come back together."""
    seen = set()
    for n in range(6):
        company.shop.payments["p1"]["updated_at"] = f"w{n}"
        out_of_order(company, 503, 1)
        case = company.go(_decided(company))
        seen.add(round(pauses(case)[0], 3))
        company.later(case)
    assert len(seen) > 3


@guarantee("D07", ci=4, release=40)
def test_a_system_that_is_left_alone_costs_no_tries(
    company: Small, size: Size, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other calls find out that it is down. What waits is not given up meanwhile, and goes on when it is back."""
    system = Operation.objects.get(name="shop.refund").system_id
    down, reserve = [True], executor.reserve

    def find_out(*given: Any, **named: Any) -> Any:
        if down[0]:
            open_until = database_now().timestamp() + 3_600
            reaching._breakers[system] = Breaker(failures=5, openings=1, open_until=open_until)
        return reserve(*given, **named)

    monkeypatch.setattr(executor, "reserve", find_out)
    for n in size.each():
        company.shop.payments["p1"]["updated_at"], down[0] = f"x{n}", True
        before, done = company.shop.sent(PATH), len(company.shop.done)
        case = company.go(_decided(company))
        for _n in range(TRIES + 3):
            reaching._breakers.clear()
            case = company.later(case, LATER)
        reaching._breakers.clear()
        write = company.write(case)
        if (write.state, write.attempts, company.shop.sent(PATH) - before) != ("permitted", 0, 0):
            size.failed(f"while it is left alone: {write.state} after {write.attempts} tries")
        if write.try_at is None or write.try_at < database_now() + timedelta(minutes=50):
            size.failed(f"tried again at {write.try_at}, the system is left alone for an hour")
        down[0] = False
        case = company.later(case, LATER)
        if (case.status, len(company.shop.done) - done) != ("done", 1):
            size.failed(f"when it is back: {case.status}, done {len(company.shop.done) - done} times")
