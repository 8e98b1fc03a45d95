"""The running company of the fault tests: the demo company, PostgreSQL, a broker, a crew of workers, beat, web.

Everything is a process of its own. A test hands requests in, lets something fall over, waits until every request has
come to an end, and `Works.settle_the_books` holds our ledger against the company's own log.
"""

import io
import itertools
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from celery import Celery
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command

from agents.models import Write
from approvals.models import Approval, StandingApproval
from approvals.services import decide
from approvals.standing import confirm_standing
from cases.actors import CONTROL, Actor, person
from cases.models import Case, Event, Team
from cases.services import Sender, take_in
from orchestrator.api.services import create_token
from orchestrator.demo.company.seed import generate
from orchestrator.demo.company.store import hong_kong_today
from orchestrator.embedded import children
from orchestrator.embedded.broker import EmbeddedBroker
from orchestrator.embedded.postgres import EmbeddedPostgres
from orchestrator.embedded.programs import Program
from tests.demo.process import RunningCompany
from tests.faults.books import compare
from tests.guarantees import PLUGIN, Guarantees
from tests.journeys.processes import Processes, said

MAP = Path(__file__).parent / "shop.yaml"
ENDS = ("done", "with_person", "repair", "triage")
PATIENCE = 60.0
SHOP = Actor("requester", "token shop", token_id=1, token_name="shop", trusted=True)


class Works:
    """What runs, and short ways to what a test needs."""

    def __init__(
        self, folder: Path, processes: Processes, company: RunningCompany, broker: EmbeddedBroker, pg: EmbeddedPostgres
    ) -> None:
        self.folder, self.processes, self.company, self.broker, self.postgres = folder, processes, company, broker, pg
        self.crew: Program | None = None
        self.paying, self.customers = _customers()
        self.secret = ""

    # ------------------------------------------------------------------ processes

    def start(self, *, size: int = 2, threads: int = 4, lease: float = 2, clock: Path | None = None) -> None:
        """A crew of workers; the one before is ended."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        words = ["--size", str(size), "--threads", str(threads), "--lease", str(lease)]
        words += ["--clock", str(clock)] if clock else []
        command = [sys.executable, "-m", "tests.faults.live.crew", "--folder", str(self.folder), *words]
        log = self.folder.parent / "crew.log"
        environment = {**self.processes.environment, "PYTHONUNBUFFERED": "1"}
        self.crew = Program(command, log, environment, Path(settings.BASE_DIR), 5, signal.SIGKILL)
        begin = log.stat().st_size if log.exists() else 0
        self.crew.start()
        self.wait(lambda: said(self.crew)[begin:].count(" ready.") >= size, "the crew is ready")  # type: ignore[arg-type]

    def stop(self) -> None:
        if self.crew is not None and self.crew.child is not None:
            self.crew.child.kill()
            self.crew.stop()
        self.crew = None

    @property
    def pids(self) -> list[int]:
        return list(json.loads((self.folder / "pids").read_text()))

    def is_ready(self, pid: int) -> bool:
        """Whether this worker listens to the broker, and to signals: one that is still starting just dies of them."""
        return (self.folder / "ready" / str(pid)).exists()

    def ended(self) -> list[list[Any]]:
        """(pid, exit code, time) of each worker that ended; a code below 0 is a signal."""
        return _lines(self.folder / "ended")

    def met(self) -> list[list[Any]]:
        """(subject, what, point, pid, time) of each fate that was met."""
        return _lines(self.folder / "met")

    def hold(self, on: bool) -> None:
        """While it is on, no worker that ended is started again."""
        path = self.folder / "hold"
        path.touch() if on else path.unlink(missing_ok=True)

    def kill_all(self) -> None:
        """kill -9 of every worker; with `hold` none comes back."""
        gone = self.pids
        for pid in gone:
            os.kill(pid, signal.SIGKILL)
        self.wait(lambda: not set(gone) & set(self.pids), "the workers are gone")

    def kill_one(self, subject: str, point: str) -> bool:
        """kill -9 of any worker, as the fate of a case that no worker has in hand. False if none runs just now."""
        pid = next((pid for pid in self.pids if children.is_alive(pid)), None)
        if pid is None:
            return False
        os.kill(pid, signal.SIGKILL)
        (self.folder / "fates" / subject).unlink()
        with (self.folder / "met").open("a") as met:
            met.write(json.dumps([subject, "die", point, pid, time.time()]) + "\n")
        return True

    def spare(self, subject: str) -> bool:
        """Take a fate back. False if it was met before."""
        try:
            (self.folder / "fates" / subject).unlink()
        except FileNotFoundError:
            return False
        return True

    # ------------------------------------------------------------------ requests

    def ask(self, type_name: str, *, fate: str = "", subject: str = "", customer: str = "") -> Case:
        """A request of a customer of its own. With a `fate`, the worker that reaches the point meets it."""
        customer = customer or self._whose(type_name)
        if fate:
            subject = subject or f"{fate.replace(' ', '-')}-{customer}-{time.time_ns()}"
            path = self.folder / "fates" / subject
            path.write_text(fate)
        case, _new = take_in(
            actor=SHOP,
            source="customer",
            channel="api",
            type_name=type_name,
            subject=subject,
            text="Please see to it",
            sender=Sender("Somebody", f"{customer}@example.com", customer),
        )
        self.ring()
        return case

    def _whose(self, type_name: str) -> str:
        """The next customer; not one with a write that nobody knows of, for whom the next of that kind would wait."""
        people = self.paying if type_name == "refund" else self.customers
        unknown = set(Write.objects.filter(state="unknown").values_list("customer", flat=True))
        return next(one for one in people if one not in unknown)

    def ring(self) -> None:
        """This process's own doorbell reaches nobody: its settings have a broker in memory."""
        with Celery(broker=self.processes.environment["BROKER_URL"]) as app:
            app.send_task("orchestrator.advance", queue="flow", retry=False)

    def post(self, type_name: str, key: str, *, seconds: float = PATIENCE, customer: str = "") -> Case:
        """The same request through the API under an idempotency key, again and again until it is answered."""
        people = self.paying if type_name == "refund" else self.customers
        customer = customer or next(people)
        body = {
            "source": "customer",
            "channel": "api",
            "type": type_name,
            "text": "Please see to it",
            "from": {"contact": f"{customer}@example.com", "customer": customer},
        }
        headers = {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": key}
        end, last = time.monotonic() + seconds, ""
        while time.monotonic() < end:
            try:
                answer = httpx.post(f"{self.processes.url}/api/v1/requests/", json=body, headers=headers, timeout=10)
            except httpx.HTTPError as error:
                last = repr(error)
            else:
                if answer.status_code == 201:
                    return Case(pk=int(answer.json()["case"].removeprefix("C-")))
                assert answer.status_code in (409, 500, 502, 503), answer.text
                last = f"{answer.status_code} {answer.text[:300]}"
            time.sleep(0.1)
        raise AssertionError(f"{key} was not accepted in {seconds:.0f} s: {last}\n{self.log()}")

    def post_many(self, type_name: str, count: int, *, name: str, clients: int = 6, pause: float = 0) -> list[Case]:
        """So many requests by programs side by side; each has its key."""

        def one(n: int) -> Case:
            time.sleep(pause)
            return self.post(type_name, f"{name}-{n}", customer=people[n])

        people = [next(self.customers) for _n in range(count)]
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(one, range(count)))

    def answers(self) -> bool:
        """Whether the API answers with what stands in the database."""
        try:
            headers = {"Authorization": f"Bearer {self.secret}"}
            return (
                httpx.get(f"{self.processes.url}/api/v1/cases/?limit=1", headers=headers, timeout=2).status_code == 200
            )
        except httpx.HTTPError:
            return False

    def approve(self, approval: Approval) -> None:
        """May decides for what was suggested."""
        actor = person(User.objects.get(username="may"))
        decide(actor=actor, approval_id=approval.pk, option="full", fingerprint=approval.fingerprint, reason="")

    def approve_all(self, cases: Iterable[Case]) -> int:
        waiting = Approval.objects.filter(case__in=[c.pk for c in cases], state="waiting").select_related("proposal")
        return sum(1 for approval in waiting if not self.approve(approval))

    # ------------------------------------------------------------------ waiting

    def wait(self, holds: Callable[[], Any], what: str, seconds: float = PATIENCE) -> float:
        """Seconds until it holds; fails with the logs if it does not in time."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < seconds, f"not in {seconds:.0f} s: {what}\n{self.log()}"
            time.sleep(0.05)
        return time.monotonic() - began

    def settle(self, cases: Sequence[Case], *, seconds: float = PATIENCE, approving: bool = True) -> float:
        """Seconds until each request has come to an end; who is asked says yes at once."""
        ids = [case.pk for case in cases]

        def all_ended() -> bool:
            if approving:
                self.approve_all(cases)
            return not Case.objects.filter(pk__in=ids).exclude(status__in=ENDS).exists()

        began = time.monotonic()
        while not all_ended():
            assert time.monotonic() - began < seconds, self.told(ids)
            time.sleep(0.1)
        return time.monotonic() - began

    def told(self, ids: Sequence[int]) -> str:
        """The story of what did not come to an end, for a test that failed."""
        lines = [line for case in Case.objects.filter(pk__in=ids).exclude(status__in=ENDS)[:3] for line in _story(case)]
        return "\n".join([f"these did not end: {lines}", self.log()])

    def log(self) -> str:
        crew = said(self.crew)[-6000:] if self.crew is not None else "no crew"
        return f"{crew}\n{self.processes.log()}"

    # ------------------------------------------------------------------ what came of it

    def states(self, cases: Sequence[Case]) -> dict[str, int]:
        """How many requests ended how."""
        found: dict[str, int] = {}
        for status in Case.objects.filter(pk__in=[c.pk for c in cases]).values_list("status", flat=True):
            found[status] = found.get(status, 0) + 1
        return found

    def done(self, cases: Sequence[Case]) -> int:
        """How many of these the company really did something for."""
        keys = {str(w.pk) for w in Write.objects.filter(case__in=[c.pk for c in cases])}
        return sum(1 for row in self.company.log() if row["effect_key"] in keys)

    def settle_the_books(self) -> list[str]:
        """The differences between the company's log and ours: none (U02)."""
        return compare(self.company.log(), self.company.get("/_control/reads")["results"])

    def hold_the_books(self, request: pytest.FixtureRequest) -> None:
        """After a test: what the company really did is what the ledger tells, line by line; counted as U02."""
        began = time.monotonic()
        self.heal()
        while sent := list(Write.objects.filter(state="reserved").select_related("case")):
            assert time.monotonic() - began < PATIENCE, f"still being sent: {_story(sent[0].case)}\n{self.log()}"
            time.sleep(0.05)
        differences = self.settle_the_books()
        plugin = request.config.pluginmanager.get_plugin(PLUGIN)
        assert isinstance(plugin, Guarantees)
        lines = len(self.company.log())
        plugin.count("U02", tried=lines, failed=len(differences), seconds=time.monotonic() - began)
        assert not differences, f"{len(differences)} differences: " + "; ".join(differences[:10])

    def fault(self, operation: str, kind: str, times: int = 1, **more: Any) -> None:
        self.company.control("faults", {"operation": operation, "kind": kind, "times": times, **more})

    def heal(self) -> None:
        """Nothing goes wrong at the company any more."""
        self.company.http.request("DELETE", "/_control/faults")


def _story(case: Case) -> list[str]:
    lines = [f"{case.pk} {case.subject} {case.status} {case.why_here} wake {case.wake_at} {case.steps}"]
    lines += [f"  {e.at:%H:%M:%S} {e.code}" for e in Event.objects.filter(case=case).order_by("seq")]
    for w in Write.objects.filter(case=case).select_related("proposal", "run"):
        lines.append(
            f"  {w.name} {w.state} {w.attempts} lease {w.lease_until} {w.error} {vars(w.run) if w.run else ''}"
        )
        lines.append(f"  {vars(w.proposal) if w.proposal else 'no proposal'}")
    return lines


def prepare(works: Works) -> None:
    """The map, its people, and the standing approvals in force."""
    call_command("load_map", str(MAP), stdout=io.StringIO())
    for name, team in (("may", "managers"), ("ka", "support"), ("grace", "heads")):
        User.objects.create(username=name).groups.add(Team.objects.get(name=team).group)
    may = person(User.objects.get(username="may"))
    for row in StandingApproval.objects.all():
        confirm_standing(actor=may, standing_id=row.pk)
    _token, works.secret = create_token(
        actor=CONTROL,
        name="shop",
        scopes=["intake", "read"],
        team=Team.objects.get(name="managers"),
        trusted_identity=True,
    )


def _lines(path: Path) -> list[list[Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _customers() -> tuple[Iterator[str], Iterator[str]]:
    """Customers who paid for something (each with all payments paid), and all others, each round and round."""
    tables = generate(7, hong_kong_today())
    paid: dict[str, bool] = {}
    for payment in tables["payments"]:
        good = payment["status"] == "paid" and payment["refundable"] > 10
        paid[payment["customer_id"]] = paid.get(payment["customer_id"], True) and good
    paying = [name for name, good in paid.items() if good]
    others = [row["id"] for row in tables["customers"] if row["id"] not in set(paying)]
    return itertools.cycle(paying), itertools.cycle(others or paying)
