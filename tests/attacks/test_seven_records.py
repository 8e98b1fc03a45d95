"""U01: who asked, what data was used, which agent did what, which rule, who approved, what was written, what went wrong.

What must be told is known from the story itself and from the company's system, which saw every call. It is looked for
in three places: the events on the case page, the timeline of the API, and the audit export.
"""

import html
import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client

from agents import services
from approvals.models import Approval
from approvals.services import undo
from cases.clock import database_now
from cases.models import Case, Company
from orchestrator.desk.services import take_over
from orchestrator.flow.calls import call
from tests.api.program import program
from tests.company import Small
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

RECORDS = ("source", "data", "agents", "rules", "approvals", "writes", "problems")
Words = tuple[str, ...]


@dataclass
class Run:
    """One story and what has to be told of it: words that belong together, by record."""

    company: Small
    rng: random.Random
    case: Case = field(default_factory=Case)
    must: dict[str, list[Words]] = field(default_factory=lambda: {name: [] for name in RECORDS})

    def tell(self, record: str, *words: object) -> None:
        self.must[record].append(tuple(str(word).lower() for word in words))

    def asked(self, type_name: str = "refund", order: str = "A100") -> Approval:
        self.case, approval = self.company.waiting(type_name, order=order)
        return approval

    def decide(self, approval: Approval, option: str = "full", *, by: str = "may", **more: Any) -> None:
        reason = f"because {self.rng.randrange(10**9)}"
        self.company.decide(approval, option, by=by, reason=reason, **more)
        edits = [str(v) for values in more.get("edits", {}).values() for v in values.values()]
        self.tell("approvals", by, option, reason, *edits)

    def written(self, operation: str, payment: str, amount: object) -> None:
        done = self.company.shop.effects(f"/payments/{payment}")[-1]
        self.tell("writes", operation, payment, amount)
        self.tell("writes", operation, done["id"])


def judged(run: Run, left: object = 100) -> None:
    run.tell("rules", "over-10", "more than", left, 10)


def approved(run: Run) -> None:
    run.decide(run.asked())
    run.company.go(run.case)
    run.written("shop.refund", "p1", 100)
    judged(run)


def edited(run: Run) -> None:
    amount = run.rng.randrange(20, 99)
    run.decide(run.asked(order="A101"), edits={"shop.refund": {"amount": amount}})
    run.company.go(run.case)
    run.written("shop.refund", "p3", amount)
    judged(run, 500)


def rejected(run: Run) -> None:
    run.decide(run.asked(), "reject")
    run.company.go(run.case)
    judged(run)


def undone(run: Run) -> None:
    row = Company.objects.get()
    row.hold_seconds = 30
    row.save()
    approval = run.asked()
    run.decide(approval)
    undo(actor=run.company.as_("may"), approval_id=approval.pk)
    run.tell("approvals", "may", "undone")
    approval.refresh_from_db()
    run.decide(approval, "half", by="ken")
    run.company.later(run.case, 60)
    row.hold_seconds = 0
    row.save()
    run.written("shop.refund", "p1", 50)
    judged(run)


def standing(run: Run) -> None:
    """No person at that moment: the named person's standing approval is what let it go."""
    run.company.standing("shop.voucher", up_to=50)
    run.case = run.company.go(run.company.receive("vouchers"))
    run.tell("writes", "shop.voucher", 20)
    run.tell("writes", "shop.voucher", run.company.shop.effects("/vouchers")[-1]["id"], "standing approval of may")
    run.tell("rules", "small")
    run.company.rule("small", {"standing_approval": {"by": "may"}}, "shop.voucher")  # out of force: not confirmed


def failed(run: Run) -> None:
    run.company.shop.faults["/payments/p1/refunds"] = ["422"]
    run.decide(run.asked())
    run.company.go(run.case)
    run.tell("problems", "write.failed", "refund")
    run.tell("writes", "shop.refund", "p1", 100)


def tried_again(run: Run) -> None:
    run.company.shop.faults["/payments/p1/refunds"] = ["503"]
    run.decide(run.asked())
    run.company.later(run.case, 400)
    run.company.later(run.case, 400)
    run.tell("problems", "write.retry", "refund")
    run.written("shop.refund", "p1", 100)


def repaired(run: Run) -> None:
    run.company.shop.faults["/vouchers"] = ["cut_after"]
    run.decide(run.asked("vouchers"), "voucher")
    run.company.go(run.case)
    note = f"V-{run.rng.randrange(10**6)}"
    write = run.company.write(run.case, "voucher")
    services.repair(actor=run.company.as_("ka"), write_id=write.pk, outcome="written", reference=note, note="seen")
    run.company.go(run.case)
    run.tell("problems", "write.unknown", "voucher")
    run.tell("problems", "write.repaired", "ka")
    run.tell("writes", "shop.voucher", note)


def differs(run: Run) -> None:
    run.company.shop.changes["amount"] = 99
    run.decide(run.asked())
    run.company.go(run.case)
    run.company.shop.changes.clear()
    run.tell("problems", "write.differs", "amount")


def by_hand(run: Run) -> None:
    """Taken over while it waits; a person's own call, decided by another."""
    run.asked()
    ka = run.company.as_("ka")
    run.case = take_over(actor=ka, case_id=run.case.pk)
    amount = run.rng.randrange(20, 99)
    answer = call(actor=ka, case_id=run.case.pk, operation="shop.refund", turn=run.case.turn,
                  arguments={"payment_id": "p1", "amount": amount})  # fmt: skip
    run.decide(Approval.objects.get(pk=answer.approvals[0]), "do")
    run.company.go(run.case)
    run.tell("problems", "case.taken_over", "ka")
    run.written("shop.refund", "p1", amount)


def outside(run: Run) -> None:
    """Another's agent reads a list over a period, and asks for what its grant does not have."""
    run.case = run.company.go(run.company.receive("outside"))
    since = f"2026-0{run.rng.randrange(1, 9)}-01"
    ask = {"actor": run.company.courier(), "case_id": run.case.pk, "turn": run.case.turn}
    call(operation="shop.orders", arguments={"since": since, "until": "2026-11-24"}, **ask)
    run.tell("data", "courier", "shop", "shop.orders", since, "2026-11-24", "orders")
    try:
        call(operation="shop.customer", arguments={"id": "c2"}, **ask)
    except Exception:
        run.tell("problems", "gate.refused", "courier")
    run.tell("agents", "courier", "deliver")


STORIES: list[Callable[[Run], None]] = [
    approved, edited, rejected, undone, standing, failed, tried_again, repaired, differs, by_hand, outside,
]  # fmt: skip
FIELDS = {"shop.customer": ("name", "tier"), "shop.order": ("number", "total"), "shop.payment": ("state", "updated_at")}
READS = {"customers": "shop.customer", "orders": "shop.order", "payments": "shop.payment"}


def told(company: Small, n: int) -> Run:
    """The n-th story, with what is true of every one: its source, and each record that the system was asked for."""
    run = Run(company, random.Random(n))
    seen = len(company.shop.scripted.seen)
    STORIES[n % len(STORIES)](run)
    run.tell("source", "customer", "api", "token shop", "chan@example.com")
    if run.case.type and run.case.type.name in ("refund", "vouchers"):
        run.tell("agents", "clerk", "work_out" if run.case.type.name == "refund" else "voucher")
    for request in company.shop.scripted.seen[seen:]:
        address = urlsplit(request.target)
        parts = address.path.strip("/").split("/")
        operation = READS.get(parts[0]) if request.method == "GET" and len(parts) == 2 else None
        if operation:
            period = [value for values in parse_qs(address.query).values() for value in values]
            run.tell("data", "shop", operation, parts[1], *period)
            run.tell("data", operation, *FIELDS[operation])
    return run


# ---------------------------------------------------------------------- three places


def on_the_page(run: Run) -> list[str]:
    """Every event of the case page, as a person reads it after opening its details."""
    client = Client()
    client.force_login(run.company.as_("may").user)
    address, lines = f"/cases/{run.case.number}/", []
    while address:
        answer = client.get(address)
        assert answer.status_code == 200
        text = answer.content.decode()
        parts = re.split(r'<li id="event-\d+">', text)[1:]
        lines += [html.unescape(re.sub(r"<[^>]+>", " ", part.split("</li>")[0])) for part in parts]
        earlier = re.search(r'hx-get="(/cases/[^"]+/story/[^"]+)" hx-target="#earlier"', text)
        address = html.unescape(earlier[1]) if earlier else ""
    return lines


def in_the_timeline(run: Run) -> Iterator[str]:
    reader = program("staff", "read", user=run.company.as_("may").user)
    query: dict[str, str] = {}
    while True:
        answer = reader.get(f"cases/{run.case.number}/timeline/", **query).json()
        yield from (json.dumps(one, ensure_ascii=False) for one in answer["results"])
        if not answer["next"]:
            return
        query = {name: values[0] for name, values in parse_qs(urlsplit(answer["next"]).query).items()}


def in_the_export(run: Run) -> dict[str, list[str]]:
    reader = program("read", "staff", user=run.company.as_("may").user)
    answer = reader.get(f"audit/cases/{run.case.number}/")
    assert answer.status_code == 200 and answer.json()["chain"]["holds"]
    parts: dict[str, Any] = {**answer.json(), "source": [answer.json()["source"]]}
    return {name: [json.dumps(one, ensure_ascii=False) for one in parts[name]] for name in RECORDS}


def missing(run: Run, export: dict[str, list[str]]) -> list[str]:
    """What is told nowhere or not together, by place."""
    events = {"page": on_the_page(run), "timeline": list(in_the_timeline(run))}
    found = []
    for record, wanted in run.must.items():
        for words in wanted:
            places = {**events, "export": export[record]}
            found += [
                f"{place}: {record} {words}"
                for place, lines in places.items()
                if not any(all(word in line.lower() for word in words) for line in lines)
            ]
    return found


def out_of_time(export: dict[str, list[str]], began: datetime, ended: datetime) -> list[str]:
    """Times of the export that lie outside the story."""
    text = json.dumps(export)
    times = [datetime.fromisoformat(one) for one in re.findall(r'at\\": \\"([0-9T:.+Z-]+)\\"', text)]
    assert times
    return [str(one) for one in times if not began <= one <= ended]


@guarantee("U01", ci=50, release=500)
def test_the_seven_records_of_every_run_are_in_all_three_places(company: Small, size: Size) -> None:
    company.rule("over-10", {"ask": "managers"}, all=[{"argument": "amount", "is": "more than", "value": 10}])
    period = {"since": {"type": "string"}, "until": {"type": "string"}}
    company.change("shop.orders", arguments={"type": "object", "additionalProperties": False, "properties": period})
    kinds: set[str] = set()
    for n in size.each():
        cache.clear()
        began = database_now()
        run = told(company, n)
        export = in_the_export(run)
        for what in missing(run, export) + out_of_time(export, began, database_now()):
            size.failed(f"{STORIES[n % len(STORIES)].__name__}: {what}")
        kinds |= {record for record, wanted in run.must.items() if wanted}
    assert kinds == set(RECORDS)
