"""Workers on three hosts; one is cut off in mid traffic and healed. Nothing is lost, nothing done twice, the books agree.

Needs root and `ip netns`, and says so where they are missing. In `make faults` only.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection

from agents.models import Run, Write
from cases.models import Case, Event
from tests.faults.hosts.conftest import NAMES, Hosts
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.release

TYPES = ("voucher", "ticket", "note")
REQUESTS = 30  # during each cut
CUT = 12.0  # seconds: lease and time-out pass, and the servers give the host up
AGAIN = 60.0  # until a healed host works again by itself
LOCK = 4711


@pytest.fixture(autouse=True)
def _the_books_agree(hosts: Hosts, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    hosts.works.hold_the_books(request)


@guarantee("three-hosts", ci=3, release=6, seconds=900)
def test_a_host_that_is_cut_off_and_healed_loses_and_repeats_nothing(hosts: Hosts, size: Size) -> None:
    """Calls take 0.7 s, so the host has writes in hand when it is cut off; by turns it is each of the three."""
    works, interrupted = hosts.works, 0
    for n in size.each():
        name = NAMES[n % 3]
        works.fault("*", "late_answer", times=100_000, seconds=0.7)
        traffic = Traffic(hosts, f"cut-{n}")
        works.wait(lambda traffic=traffic: _in_hand(traffic.cases), "writes are under way")
        hosts.network.cut(name)
        began = time.monotonic()
        cases = traffic.all()
        works.settle(cases, seconds=90)
        time.sleep(max(0.0, CUT - (time.monotonic() - began)))
        interrupted += _taken_over(cases)
        before = [_everything(case) for case in cases]
        hosts.network.heal(name)
        time.sleep(3)
        if [_everything(case) for case in cases] != before:
            size.failed(f"{name} wrote after it was healed")
        works.heal()
        _judge(hosts, size, cases)
        _works_alone(hosts, size, name)
    assert interrupted, "no cut met a write or a step under way"


@guarantee("three-hosts", ci=1, release=2, seconds=300)
def test_what_a_vanished_host_locked_is_free_again_in_a_minute(
    hosts: Hosts, environment_of_a_host: dict[str, str], size: Size
) -> None:
    """A session that waits outside a transaction, as a web process does that holds an idempotency key."""
    code = (
        "import django, time; django.setup()\nfrom django.db import connection\n"
        f"with connection.cursor() as cursor:\n    cursor.execute('SELECT pg_advisory_lock({LOCK})')\n    time.sleep(600)"
    )
    for n in size.each():
        name = NAMES[n % 3]
        with hosts.network.inside(name):
            holder = subprocess.Popen([sys.executable, "-c", code], env=environment_of_a_host)
        try:
            hosts.works.wait(_locked, "the lock is held")
            hosts.network.cut(name)
            if hosts.works.wait(lambda: not _locked(), "the lock is free again", 90) > AGAIN:
                size.failed(f"{name} held its lock for more than {AGAIN:.0f} s")
        finally:
            hosts.network.heal(name)
            holder.kill()
            holder.wait()


class Traffic:
    """Requests of every type that come in side by side through the hub."""

    def __init__(self, hosts: Hosts, name: str) -> None:
        self.hosts, self.name = hosts, name
        self.cases: list[Case] = []
        self.problems: list[BaseException] = []
        self.people = [next(hosts.works.customers) for _n in range(REQUESTS)]
        self.threads = [threading.Thread(target=self._post, args=[n]) for n in range(3)]
        for thread in self.threads:
            thread.start()

    def _post(self, thread: int) -> None:
        try:
            for n in range(thread, REQUESTS, 3):
                key = f"{self.name}-{n}"
                self.cases.append(self.hosts.works.post(TYPES[n % 3], key, customer=self.people[n]))
        except BaseException as problem:
            self.problems.append(problem)

    def all(self) -> list[Case]:
        for thread in self.threads:
            thread.join()
        assert not self.problems, self.problems
        assert len({case.pk for case in self.cases}) == REQUESTS
        return sorted(self.cases, key=lambda case: case.pk)


def _in_hand(cases: list[Case]) -> bool:
    return Write.objects.filter(case__in=[c.pk for c in cases], state="reserved").count() >= 2


def _taken_over(cases: list[Case]) -> int:
    """Runs and writes that another host had to claim again."""
    ids = [case.pk for case in cases]
    again = Run.objects.filter(case__in=ids, attempts__gt=1).count()
    return again + Write.objects.filter(case__in=ids, attempts__gt=1).count() + _unknown(ids)


def _unknown(ids: list[int]) -> int:
    return Write.objects.filter(case__in=ids, state="unknown").count()


def _judge(hosts: Hosts, size: Size, cases: list[Case]) -> None:
    """Each is done once; only what went to a system without effect keys may be left to a person."""
    log = hosts.works.company.log()
    for case in cases:
        case.refresh_from_db()
        write = Write.objects.select_related("operation").get(case=case)
        keyless = write.operation.name == "crm.add_note"
        about = f"About C-{case.pk}"
        done = sum(1 for row in log if row["effect_key"] == str(write.pk) or row["arguments"].get("text") == about)
        if case.status != "done" and not (keyless and (case.status, write.state) == ("repair", "unknown")):
            size.failed(f"C-{case.pk} ended {case.status}, its write {write.name} is {write.state}")
        if done > 1 or (case.status == "done" and done != 1):
            size.failed(f"C-{case.pk}: {write.name} was done {done} times")


def _works_alone(hosts: Hosts, size: Size, name: str) -> None:
    """The healed host does everything when the two others are cut off, and these come back as well."""
    others = [other for other in NAMES if other != name]
    for other in others:
        hosts.network.cut(other)
    try:
        cases = [hosts.works.ask("ticket") for _n in range(3)]
        hosts.works.settle(cases, seconds=AGAIN)
    except AssertionError as problem:
        size.failed(f"{name} did not work again in {AGAIN:.0f} s after it was healed: {str(problem)[:2000]}")
    finally:
        for other in others:
            hosts.network.heal(other)
    hosts.works.settle(cases, seconds=AGAIN)


def _everything(case: Case) -> list[object]:
    return [
        list(Case.objects.filter(pk=case.pk).values_list("seq", "head", "status", "turn")),
        list(Event.objects.filter(case=case).order_by("seq").values_list("seq", "code")),
        list(Write.objects.filter(case=case).values_list("pk", "state", "claim", "attempts", "reference")),
        list(Run.objects.filter(case=case).order_by("pk").values_list("pk", "state", "claim", "attempts")),
    ]


def _locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s", [LOCK])
        return bool(cursor.fetchone()[0])
