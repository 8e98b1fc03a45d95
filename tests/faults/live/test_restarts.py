"""D15: workers, web and beat are restarted one after another (SIGTERM) while requests come in."""

import os
import signal
import threading
import time

import redis

from cases.models import Case
from orchestrator.embedded.programs import Program
from tests.faults.live.works import Works
from tests.guarantees import Size, guarantee

MOST = 30.0  # seconds until a process that was told to end has ended
IN_HAND = 10.0  # and until what it has in hand is done, where there is no end of work
EACH = 30  # requests that come in during one restart: more than the workers do meanwhile


@guarantee("D15", ci=5, release=50, seconds=600)
def test_restarting_everything_in_turn_loses_nothing(works: Works, size: Size) -> None:
    """A worker each time; web and beat by turns. There is more to do than the workers can do meanwhile."""
    cases: list[Case] = []
    problems: list[BaseException] = []
    over = threading.Event()
    name = str(time.time_ns())

    def traffic() -> None:
        n = 0
        while not over.is_set():
            try:
                cases.extend(works.post_many("voucher", EACH, name=f"{name}-{n}", clients=4))
            except BaseException as problem:
                problems.append(problem)
                return
            n += 1

    thread = threading.Thread(target=traffic)
    thread.start()
    try:
        for n in size.each():
            _restart_worker(works, size, n)
            if n % 2:
                _restart(works, size, works.processes.programs[n // 2 % 2])
    finally:
        over.set()
        thread.join()
    assert not problems, problems
    works.settle(cases, seconds=240)
    assert len({case.pk for case in cases}) == len(cases) >= EACH
    if works.states(cases) != {"done": len(cases)}:
        size.failed(f"they ended {works.states(cases)}")
    if works.done(cases) != len(cases):
        size.failed(f"the company did {works.done(cases)} of {len(cases)}")


def _restart_worker(works: Works, size: Size, n: int, most: float = MOST) -> None:
    pid = works.pids[0]
    works.wait(lambda: works.is_ready(pid), f"worker {pid} is at work")
    os.kill(pid, signal.SIGTERM)
    took = works.wait(lambda: pid not in works.pids, f"worker {pid} ends", 2 * MOST)
    code = next(code for gone, code, _at in works.ended() if gone == pid)
    if took > most or code != 0:
        size.failed(f"worker {n} ended with {code} after {took:.1f} s")
    works.wait(lambda: len(works.pids) == 2, "another worker")
    time.sleep(1)


def _restart(works: Works, size: Size, program: Program) -> None:
    """Web or beat: told to end, then started again on the same port."""
    assert program.child is not None
    program.child.terminate()
    began = time.monotonic()
    program.child.wait(2 * MOST)
    took = time.monotonic() - began
    if took > MOST:
        size.failed(f"{program.log.stem} took {took:.1f} s to end")
    program.start()
    works.wait(works.answers, "the API answers")


@guarantee("D15", ci=1, release=5)
def test_a_worker_told_to_end_takes_no_more_work_however_much_there_is(works: Works, size: Size) -> None:
    """More than half a minute of work is ready; what it has in hand takes two seconds."""
    for n in size.each():
        works.hold(True)
        works.kill_all()
        works.fault("crm.get", "late_answer", times=100_000, seconds=0.7)
        cases = [works.ask("ticket") for _n in range(200)]
        works.hold(False)
        works.wait(lambda: len(works.pids) == 2, "two workers")
        works.wait(lambda cases=cases: works.states(cases).get("done", 0) > 3, "they are at work")
        _restart_worker(works, size, n, most=IN_HAND)
        left = works.states(cases)
        assert left.get("done", 0) < 100, f"there was not enough to do to show anything: {left}"
        works.heal()
        works.settle(cases)
        if works.done(cases) != len(cases):
            size.failed(f"the company did {works.done(cases)} of {len(cases)}")


@guarantee("D15", ci=1, release=10)
def test_beat_ends_when_it_is_told_to_while_it_waits_for_its_broker(works: Works, size: Size) -> None:
    """In the middle of reading an answer the end that Celery asks for is lost, and beat would go on for ever."""
    beat = next(program for program in works.processes.programs if program.log.stem == "beat")
    broker = works.broker.child
    assert beat.child is not None and broker is not None
    line = redis.Redis(unix_socket_path=str(works.broker.socket))
    for _n in size.each():
        before = _sent(line)
        works.wait(lambda before=before: _sent(line) > before, "beat has sent something")
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            time.sleep(3)  # every two seconds it has something to send
            _restart(works, size, beat)
        finally:
            os.kill(broker.pid, signal.SIGCONT)


def _sent(line: redis.Redis) -> int:
    """Messages that the broker was given since it started."""
    return int(line.info("commandstats").get("cmdstat_lpush", {}).get("calls", 0))
