"""The retailer from outside: what customers, staff and other people's programs do, all through the REST API."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from django.contrib.auth.models import User

from agents.models import Agent, Proposal, Write
from approvals.models import Approval, StandingApproval
from approvals.standing import withdraw_standing
from cases import ledger, story
from cases.actors import person
from cases.models import Case, Event
from orchestrator.demo.company import cast
from orchestrator.demo.company.seed import generate
from orchestrator.demo.company.store import hong_kong_today
from tests.api.program import ROOT, Program, hold_against_document, program
from tests.demo.process import RunningCompany
from tests.journeys.processes import Processes

PATIENCE = 60.0  # seconds; a story takes one or two, a busy machine more
BUSY = ("received", "working", "waiting_write")


class Answer:
    """An answer of the web process, in the form that `tests.api` checks."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status_code, self.content, self._answer = answer.status_code, answer.content, answer

    def json(self) -> Any:
        return self._answer.json()


class OverHttp(Program):
    """A program that talks to the web process over a socket; each answer is held against the OpenAPI document."""

    def __init__(self, made: Program, url: str) -> None:
        super().__init__(made.secret, made.token)
        self.http = httpx.Client(base_url=url, timeout=70)

    def send(
        self,
        method: str,
        path: str,
        raw: bytes = b"",
        *,
        key: str = "",
        query: Any = None,
        kind: str = "application/json",
        **headers: str,
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": kind, **headers}
        if key:
            headers["Idempotency-Key"] = key
        address = path if path.startswith("/") else ROOT + path
        answer = Answer(self.http.request(method, address, content=raw, headers=headers, params=query or {}))
        hold_against_document(method, address, answer)
        return answer


@dataclass(frozen=True)
class Customer:
    """A customer with one order that nobody asked about yet."""

    id: str
    name: str
    mail: str
    order: str


class Retailer:
    """The running retailer. `people` and `agents` are programs with a token each."""

    def __init__(self, processes: Processes, company: RunningCompany) -> None:
        self.processes, self.company = processes, company
        self.shop = self._program("intake", name="shop")
        self._people: dict[str, OverHttp] = {}
        self._agents: dict[str, OverHttp] = {}
        self._unasked = _customers()

    def _program(self, *scopes: str, **owner: Any) -> OverHttp:
        return OverHttp(program(*scopes, **owner), self.processes.url)

    def as_person(self, username: str) -> OverHttp:
        """The person's own program: everything they may do but decide at high risk."""
        if username not in self._people:
            user = User.objects.get(username=username)
            self._people[username] = self._program("staff", "decide", name=username, user=user)
        return self._people[username]

    def as_agent(self, name: str) -> OverHttp:
        if name not in self._agents:
            self._agents[name] = self._program("agent", name=name, agent=Agent.objects.get(name=name))
        return self._agents[name]

    # ------------------------------------------------------------------ customers

    def customer(self, *, total: float, promised: int, ordered: int | None = None) -> Customer:
        """Somebody with one order on its way, never refunded: `total` HK$, promised so many days from today."""
        who = next(self._unasked)
        ordered_on, promised_on = _day(promised - 5 if ordered is None else ordered), _day(promised)
        for table, key, change in (
            ("orders", who.order, {"total": total, "ordered_on": ordered_on, "promised_on": promised_on}),
            ("payments", cast.payment_of(who.order), {"amount": total, "refundable": total}),
            ("deliveries", cast.waybill_of(who.order), {"promised_on": promised_on}),
        ):
            self.company.control("records", {"table": table, "id": key, "change": change})
        return who

    def ask(self, text: str, contact: str, *, by: OverHttp | None = None, **more: Any) -> Case:
        """A request comes in through the API; returns its case."""
        body = {"source": "customer", "channel": "email", "from": {"contact": contact}, "text": text, **more}
        answer = (by or self.shop).post("requests/", body)
        assert answer.status_code == 201, answer.json()
        return Case.objects.get(pk=int(answer.json()["case"].removeprefix("C-")))

    # ------------------------------------------------------------------ waiting

    def settled(self, case: Case) -> Case:
        """Until the AI has nothing to do for the case."""
        return self.until(case, lambda now: now.status not in BUSY, "the AI has nothing to do")

    def comes_to(self, case: Case, status: str) -> Case:
        """Until the case has this status."""
        return self.until(case, lambda now: now.status == status, status)

    def until(self, case: Case, holds: Callable[[Case], bool], what: str) -> Case:
        deadline = time.monotonic() + PATIENCE
        while not holds(now := _fresh(case)):
            assert time.monotonic() < deadline, f"not in {PATIENCE:.0f} s: {what}\n{self.told(case)}"
            time.sleep(0.05)
        return now

    def told(self, case: Case) -> str:
        """The whole story of a case, and what the processes said, for a test that failed."""
        now = _fresh(case)
        lines = [f"{now} {now.status} {now.holder_kind} wake {now.wake_at} {now.why_here} {now.steps}"]
        for event in Event.objects.filter(case=now).select_related("detail"):
            lines.append(f"{event.seq} {event.code}: {story.sentence(event.code, event.actor, event.detail.data)}")
        lines += [f"{w.name} {w.option} {w.state} {w.error}" for w in Write.objects.filter(case=now)]
        return "\n".join([*lines, self.processes.log()])

    # ------------------------------------------------------------------ decisions

    def asked(self, case: Case) -> Approval:
        """The one approval that waits for people."""
        self.comes_to(case, "waiting_approval")
        return Approval.objects.get(case=case, state="waiting")

    def teams_asked(self, case: Case) -> set[str]:
        return set(self.asked(case).asked.filter(closed=False).values_list("team__name", flat=True))

    def decide(self, case: Case, username: str, option: str, **more: Any) -> Any:
        """Decide through the API as this person; returns the answer, whatever it is."""
        shown = self.asked(case)
        body = {"fingerprint": shown.fingerprint, "option": option, **more}
        return self.as_person(username).post(f"approvals/{shown.pk}/decision/", body)

    def decided(self, case: Case, username: str, option: str, **more: Any) -> None:
        answer = self.decide(case, username, option, **more)
        assert answer.status_code == 200, answer.json()

    def standing(self, *rules: str, confirmed: bool = True) -> None:
        """May Lee puts these standing approvals in force through the API, or takes them back."""
        for row in StandingApproval.objects.filter(rule__name__in=rules).select_related("rule"):
            if confirmed and not row.in_force:
                answer = self.as_person("may.lee").post(f"standing-approvals/{row.pk}/confirm/")
                assert answer.status_code == 200, answer.json()
            elif not confirmed and row.in_force:
                actor = person(User.objects.get(username="may.lee"))
                withdraw_standing(actor=actor, standing_id=row.pk, reason="For a test")

    # ------------------------------------------------------------------ what came of it

    def writes(self, case: Case) -> list[tuple[str, str]]:
        """(operation, state) of each write that took place or was tried, in order."""
        rows = Write.objects.filter(case=case, reserved_at__isnull=False).select_related("operation")
        return [(row.operation.name, row.state) for row in rows.order_by("reserved_at")]

    def done(self, case: Case) -> list[str]:
        """What the company really did for this case, in order."""
        keys = {str(pk) for pk in Write.objects.filter(case=case).values_list("pk", flat=True)}
        return [row["operation"] for row in self.company.log() if row["effect_key"] in keys]

    def reads(self, operation: str, record: str) -> int:
        """How often the company was asked for this record."""
        rows = self.company.get("/_control/reads")["results"]
        return sum(1 for row in rows if row["operation"] == operation and record in row["records"])

    def codes(self, case: Case) -> list[str]:
        return list(Event.objects.filter(case=case).order_by("seq").values_list("code", flat=True))

    def rules_of(self, case: Case) -> dict[str, str]:
        """Rule name -> option for every rule that matched in the last proposal of the case."""
        last = Proposal.objects.filter(case=case).order_by("-created_at").first()
        assert last is not None
        return {rule["name"]: rule["option"] for rule in last.rules if rule["result"] == "matched"}

    def assert_log_agrees(self) -> None:
        """Each thing that the company did is one written write with the same arguments, and the other way round."""
        log = {row["effect_key"]: row for row in self.company.log()}
        assert len(log) == len(self.company.log()), "the company did something twice, or for no write of ours"
        done = {str(w.pk): w for w in Write.objects.filter(state__in=["written", "differs"])}
        assert set(log) == set(done), (set(log) ^ set(done), log)
        told = _told_as_written()
        for key, write in done.items():
            assert log[key]["arguments"] == write.carried_out == write.decided, (log[key], write.carried_out)
            assert told.get(key) == [log[key]["record"]] == [write.reference], (key, told.get(key), write.reference)
            assert not write.controlled or (write.permit_fingerprint and write.permit_source), key

    def assert_nothing_broke(self) -> None:
        """No job of a worker ended in an error of its own: the retry would hide it."""
        assert "flow.job_failed" not in self.processes.said("worker"), self.processes.log()

    def assert_ledger_holds(self) -> None:
        verdict = ledger.verify()
        assert verdict.first_broken is None, verdict.first_broken


def _fresh(case: Case) -> Case:
    return Case.objects.select_related("type", "holder_user", "holder_team").get(pk=case.pk)


def _told_as_written() -> dict[str, list[str]]:
    """Write -> references in its `write.written` events: exactly one each."""
    told: dict[str, list[str]] = {}
    for event in Event.objects.filter(code__in=["write.written", "write.differs"]).select_related("detail"):
        data = event.detail.data
        told.setdefault(data["effect_key"], []).append(data.get("reference", ""))
    return told


def _day(days: int) -> str:
    return (hong_kong_today() + timedelta(days=days)).isoformat()


def _customers() -> Iterator[Customer]:
    """English-speaking customers of no tier with one order on its way, no refund and no complaint on record."""
    tables = generate(7, hong_kong_today())
    seen = {row["customer_id"] for row in itertools.chain(tables["refunds"], tables["notes"])}
    orders: dict[str, list[dict[str, Any]]] = {}
    for order in tables["orders"]:
        orders.setdefault(order["customer_id"], []).append(order)
    for customer in tables["customers"][len(cast.CAST) :]:
        moving = [order for order in orders.get(customer["id"], []) if order["status"] == "in_transit"]
        if moving and customer["id"] not in seen and (customer["language"], customer["tier"]) == ("en", "none"):
            yield Customer(customer["id"], customer["name"], customer["mail"], moving[0]["number"])
