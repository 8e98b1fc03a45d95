"""D04: PostgreSQL is shut down at once (immediate mode, as by a crash) and started again, while requests come in."""

import contextlib
import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import Error, connections

from cases.models import Case
from orchestrator.embedded.postgres import APP
from tests.conftest import Emptier
from tests.faults.live.works import ENDS, Works
from tests.guarantees import Size, guarantee

AGAIN = 5.0  # seconds until the API answers, counted from when PostgreSQL does
DOWN = (0.0, 2.0)


@pytest.fixture
def crashing(works: Works, emptier: Emptier) -> Iterator[Works]:
    """What a crash must not lose is written through: the tests' server leaves that out to be quick."""
    emptier.connection.execute(f"ALTER ROLE {APP} SET synchronous_commit = on")
    emptier.connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{APP}'")
    connections.close_all()
    works.wait(works.answers, "the API answers")
    yield works
    emptier.connect()
    emptier.connection.execute(f"ALTER ROLE {APP} RESET synchronous_commit")
    connections.close_all()


@guarantee("D04", ci=100, release=5_000, seconds=600)
def test_a_crashing_database_loses_nothing_and_everything_goes_on_by_itself(crashing: Works, size: Size) -> None:
    works, restarts = crashing, size.pick(3, 30)
    pause = (5.0, 8.0) if not size.release else (5.0, 40.0)
    ended, web = len(works.ended()), works.processes.programs[0].child
    count = len(list(size.each()))
    cases: list[Case] = []
    problems: list[BaseException] = []
    name = str(time.time_ns())
    clients = 4
    rest = restarts * sum(pause) / 2 * clients / count  # so that requests come in all the time

    def traffic() -> None:
        try:
            cases.extend(works.post_many("voucher", count, name=name, clients=clients, pause=rest))
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=traffic)
    thread.start()
    for _n in range(restarts):
        time.sleep(random.uniform(*pause))
        took = _crash(works)
        if took > AGAIN:
            size.failed(f"the API answered {took:.1f} s after PostgreSQL")
    thread.join()
    assert not problems, problems
    assert len({case.pk for case in cases}) == count
    _settle(works, cases)
    if works.states(cases) != {"done": count}:
        size.failed(f"they ended {works.states(cases)}")
    if works.done(cases) != count:
        size.failed(f"the company did {works.done(cases)} of {count}")
    assert len(works.ended()) == ended and web is not None and web.poll() is None, "a process was restarted"


def _crash(works: Works) -> float:
    """Seconds from when PostgreSQL answers again until the API does."""
    server = works.postgres
    assert server.child is not None
    server.child.send_signal(signal.SIGQUIT)  # immediate shutdown
    server.child.wait()
    time.sleep(random.uniform(*DOWN))
    server.start()
    connections.close_all()
    return works.wait(works.answers, "the API answers again")


def _settle(works: Works, cases: list[Case]) -> None:
    ids = [case.pk for case in cases]

    def ended() -> bool:
        with contextlib.suppress(Error):
            return not Case.objects.filter(pk__in=ids).exclude(status__in=ENDS).exists()
        return False

    works.wait(ended, "all come to an end")
