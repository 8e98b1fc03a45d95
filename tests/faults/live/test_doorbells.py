"""D03, D09: the broker loses everything, is there and does not answer, or brings a message many times at one moment."""

import os
import shutil
import signal
import time
from collections import Counter

import redis
from celery import Celery

from agents.models import Run, Write
from cases.models import Case, Event
from orchestrator.embedded.broker import EmbeddedBroker
from tests.faults.live.works import Works
from tests.guarantees import Size, guarantee

WITHIN = 60.0
HELD_UP = 6.0  # seconds that a request may be held up by a broker that does not answer


@guarantee("D03", ci=50, release=500, seconds=600)
def test_a_wiped_broker_loses_no_request(works: Works, size: Size) -> None:
    """Flushed, then ended and its folder deleted; requests come in before, while it is gone, and after."""
    wipes = size.pick(1, 10)
    ended = len(works.ended())
    cases: list[Case] = []
    for n in range(wipes):
        share = len(list(size.each())) // wipes if n == 0 else size.number // wipes
        mine = works.post_many("voucher", share // 2, name=f"wipe-{n}-before-{time.time_ns()}")
        redis.Redis(unix_socket_path=str(works.broker.socket)).flushall()
        mine += works.post_many("ticket", share // 4, name=f"wipe-{n}-flushed-{time.time_ns()}")
        _wipe(works)
        mine += works.post_many("voucher", share - len(mine), name=f"wipe-{n}-gone-{time.time_ns()}")
        works.broker.start()
        took = works.settle(mine, seconds=WITHIN)
        assert took <= WITHIN
        cases += mine
    assert len(cases) == len({case.pk for case in cases}) == size.number
    if works.states(cases) != {"done": size.number}:
        size.failed(f"{works.states(cases)}")
    if works.done(cases) != size.number:
        size.failed(f"the company did {works.done(cases)} of {size.number}")
    assert len(works.ended()) == ended, "no worker was restarted"


def _wipe(works: Works) -> None:
    """kill -9, and nothing is left of what it held. What comes back listens at the same address."""
    data = works.broker.log.parent.parent
    assert works.broker.child is not None
    works.broker.child.kill()
    works.broker.child.wait()
    shutil.rmtree(works.broker.socket.parent)
    shutil.rmtree(data, ignore_errors=True)
    works.broker = EmbeddedBroker(data)


@guarantee("D03", ci=6, release=30)
def test_a_broker_that_does_not_answer_holds_up_no_request_for_long(works: Works, size: Size) -> None:
    """It takes connections and is silent, as a frozen machine or a cut network does."""
    cases: list[Case] = []
    assert works.broker.child is not None
    os.kill(works.broker.child.pid, signal.SIGSTOP)
    try:
        for n in size.each():
            began = time.monotonic()
            cases.append(works.post("ticket", f"frozen-{n}-{time.time_ns()}"))
            took = time.monotonic() - began
            if took > HELD_UP:
                size.failed(f"a request was held up for {took:.1f} s")
    finally:
        os.kill(works.broker.child.pid, signal.SIGCONT)
    works.settle(cases, seconds=WITHIN)
    if works.done(cases) != len(cases):
        size.failed(f"the company did {works.done(cases)} of {len(cases)}")


@guarantee("D09", ci=20, release=200)
def test_a_message_delivered_many_times_is_one_execution(works: Works, size: Size) -> None:
    """No worker runs while requests and messages gather; then all messages are there at once."""
    copies = size.pick(8, 16)
    works.start(size=copies // 4, threads=4)
    works.hold(True)
    works.kill_all()
    cases = [works.ask(("voucher", "ticket")[n % 2]) for n in size.each()]
    app = Celery(broker=works.broker.url)
    app.conf.task_default_queue = "flow"
    with app.connection_for_write() as connection:
        for _n in range(copies * len(cases)):
            app.send_task("orchestrator.advance", queue="flow", connection=connection)
    works.hold(False)
    works.settle(cases)
    for case in cases:
        codes = Counter(Event.objects.filter(case=case).values_list("code", flat=True))
        runs = Run.objects.filter(case=case).values_list("claim", "attempts")
        once = codes["agent.step_done"] == codes["write.reserved"] == codes["write.written"] == 1
        if not once or set(runs) != {(1, 1)} or Write.objects.get(case=case).attempts != 1:
            size.failed(f"{case.pk}: {dict(codes)} {list(runs)}")
    if works.done(cases) != len(cases):
        size.failed(f"the company did {works.done(cases)} of {len(cases)}")
    works.start()
