"""D05, D06: the company did it and its answer never came, or came too late, or it hangs and does nothing.

Vouchers go to a system that honours effect keys, notes to one that knows none.
"""

import time
from statistics import quantiles

from agents.models import Write
from cases.models import Case, Event
from tests.faults.live.works import Works
from tests.guarantees import Size, guarantee

# At one time, and of each of the two systems: fewer than the circuit breaker's five, which would keep the calls back.
CUT, HANGING = 8, 4
WITHIN = 60.0
OTHERS, APART = 12, 0.25  # a system hangs for two seconds of the three
LEAST = 0.5
OPERATION = {"voucher": "vouchers.create", "note": "crm.add_note"}


def judge(works: Works, size: Size, case: Case, *, done: int | None = None) -> None:
    """What became of one write whose answer did not come."""
    case.refresh_from_db()
    write = Write.objects.get(case=case)
    honoured = write.operation.name == OPERATION["voucher"]
    happened = works.done([case]) if honoured else _notes(works, case)
    tries = Event.objects.filter(case=case)  # one that was held back by the circuit breaker was not sent
    sent = tries.filter(code="write.reserved").count() - tries.filter(code="write.retry").count()
    if honoured:
        if (case.status, write.state, happened) != ("done", "written", 1):
            size.failed(f"with a key: {case.status}, {write.state}, done {happened} times")
    elif (case.status, write.state, sent) != ("repair", "unknown", 1) or happened != (1 if done is None else done):
        size.failed(f"without a key: {case.status}, {write.state}, sent {sent} times, done {happened} times")


def _notes(works: Works, case: Case) -> int:
    return sum(1 for row in works.company.log("crm.add_note") if row["arguments"]["text"] == f"About C-{case.pk}")


@guarantee("D05", ci=20, release=200)
def test_a_write_whose_answer_was_cut_off_is_done_once_or_shown_to_a_person(works: Works, size: Size) -> None:
    left = list(size.each())
    while left:
        now, left = left[:CUT], left[CUT:]
        for type_name in ("voucher", "note"):
            mine = [n for n in now if n % 2 == (type_name == "note")]
            if mine:
                works.fault(OPERATION[type_name], "cut_after_write", times=len(mine))
        cases = [works.ask("note" if n % 2 else "voucher") for n in now]
        works.settle(cases, seconds=WITHIN)
        for case in cases:
            judge(works, size, case)


@guarantee("D06", ci=10, release=100, seconds=600)
def test_a_system_that_hangs_or_answers_late_holds_up_nobody_else(works: Works, size: Size) -> None:
    """By turns: it hangs and does nothing; it does it and answers when nobody listens any more.

    Others come in one after another, fewer than the workers can do: as many while nothing hangs as while it does. A CI
    machine may do other work meanwhile: there, less than half a second counts as idle, and it may be measured again.
    """
    works.start(threads=2 * HANGING)
    numbers = list(size.each())
    for _again in range(1 if size.release else 3):
        idle: list[float] = []
        busy: list[float] = []
        for begin in range(0, len(numbers), HANGING):
            _beside(works, size, numbers[begin : begin + HANGING], idle, busy)
        calm, held_up = _p95(idle), _p95(busy)
        print(f"p95 of {len(busy)} others: {held_up:.3f} s beside a hanging system, {calm:.3f} s without")
        if held_up < 2 * (calm if size.release else max(calm, LEAST)):
            break
    else:
        size.failed(f"p95 of others: {held_up:.2f} s beside a hanging system, {calm:.2f} s without")
    works.start()


def _beside(works: Works, size: Size, numbers: list[int], idle: list[float], busy: list[float]) -> None:
    """The same requests twice, with others beside them: first all goes well, then the system hangs."""
    kinds = ["late_answer" if n % 2 else "hang" for n in numbers]
    types = ["note" if n % 4 > 1 else "voucher" for n in numbers]
    fine = [_ask(works, type_name) for type_name in types]
    idle += _others(works)
    works.settle(fine)
    cases = []
    for type_name, kind in zip(types, kinds, strict=True):
        works.fault(OPERATION[type_name], kind, seconds=4)
        cases.append(_ask(works, type_name))
        works.wait(lambda: not works.company.get("/_control/faults")["results"], "the fault has begun")
    busy += _others(works)
    works.settle(cases, seconds=WITHIN)
    for kind, case in zip(kinds, cases, strict=True):
        judge(works, size, case, done=int(kind == "late_answer"))


def _ask(works: Works, type_name: str) -> Case:
    """A request that has come as far as its write."""
    case = works.ask(type_name)
    works.wait(lambda: Write.objects.filter(case=case, reserved_at__isnull=False).exists(), "it is being written")
    return case


def _others(works: Works) -> list[float]:
    """Seconds of each from coming in to its end, by the database's clock."""
    cases = []
    for _n in range(OTHERS):
        cases.append(works.ask("ticket"))
        time.sleep(APART)
    works.settle(cases)
    rows = Case.objects.filter(pk__in=[c.pk for c in cases])
    return [(row.closed_at - row.created_at).total_seconds() for row in rows if row.closed_at]


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1]
