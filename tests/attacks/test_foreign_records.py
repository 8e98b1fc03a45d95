"""G05: at level 2 an agent reaches the records of its case and no other, by any read of the retail map.

The agent is given a grant for every read operation, with every field: what holds it is the case alone. The records of
others are really there, so "not found" is no excuse; the case's own ones are read as well, so nothing is just closed.
"""

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.management import call_command

from agents.errors import BadArguments, Refused
from agents.models import Agent, Grant, Operation, StepWork
from cases.actors import Actor
from cases.canonical import canonical
from cases.models import Case, Event
from cases.plainly import plain
from cases.services import Sender, take_in
from orchestrator.demo.company import cast
from orchestrator.demo.company.seed import generate
from orchestrator.demo.company.store import hong_kong_today
from orchestrator.demo.running import MAP, PEOPLE
from orchestrator.flow.calls import call
from orchestrator.flow.services import advance_case
from tests.company import forget
from tests.demo.process import TOKEN, RunningCompany
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

ME = cast.RACHEL
FOREIGN = 20
# Which record each read names, and by which argument.
READS = {
    "crm.find": ("contact", "mail"), "crm.get": ("customer_id", "customer"), "crm.notes": ("customer_id", "customer"),
    "crm.get_note": ("note_id", "note"), "crm.complaints": ("customer_id", "customer"),
    "orders.get": ("number", "order"), "orders.list": ("customer_id", "customer"),
    "deliveries.get": ("waybill", "waybill"), "payments.get": ("payment_id", "payment"),
    "payments.list": ("customer_id", "customer"), "payments.get_refund": ("refund_id", "refund"),
    "payments.list_refunds": ("customer_id", "customer"), "vouchers.get": ("voucher_id", "voucher"),
    "vouchers.list": ("customer_id", "customer"), "tickets.get": ("ticket_id", "ticket"),
    "tickets.list": ("customer_id", "customer"), "messages.get": ("message_id", "message"),
    "messages.list": ("to", "mail"),
}  # fmt: skip
# Records that exist of mine from the start, or are made by `records_of`.
WITHOUT_MINE = {"refund"}


@dataclass
class Firm:
    """The running company, the case, and whose records are whose: customer id -> {kind: ids}."""

    company: RunningCompany
    case: Case
    records: dict[str, dict[str, list[str]]]

    def ask(self, operation: str, arguments: dict[str, Any]) -> Any:
        agent = Agent.objects.get(name="courier")
        actor = Actor("agent", "courier", agent_id=agent.pk)
        return call(
            actor=actor, case_id=self.case.pk, operation=operation, arguments=arguments, turn=self.case.turn
        ).result


def records_of(company: RunningCompany, customers: list[str]) -> dict[str, dict[str, list[str]]]:
    """What the seed has of these customers, and one voucher, ticket, note and message more for each."""
    tables = generate(7, hong_kong_today())
    found: dict[str, dict[str, list[str]]] = {}
    for row in tables["customers"]:
        if row["id"] in customers:
            found[row["id"]] = {"customer": [row["id"]], "mail": [row["mail"]]}
    columns = {
        "orders": [("order", "number"), ("waybill", "waybill")], "payments": [("payment", "id")],
        "refunds": [("refund", "id")], "notes": [("note", "id")],
    }  # fmt: skip
    for table, kinds in columns.items():
        for row in tables[table]:
            for kind, column in kinds:
                if row["customer_id"] in found and row[column]:
                    found[row["customer_id"]].setdefault(kind, []).append(row[column])
    for customer, mine in found.items():
        made = {
            "voucher": ("/vouchers", {"customer_id": customer, "amount": 20}),
            "ticket": ("/tickets", {"customer_id": customer, "subject": "Tyres", "text": f"About {customer}"}),
            "message": ("/messages", {"to": mine["mail"][0], "text": "Good morning"}),
            "note": (f"/crm/{customer}/notes", {"text": "Likes tea", "kind": "note"}),
        }
        for kind, (path, body) in made.items():
            answer = company.write(path, body, key=f"{customer}-{kind}")
            assert answer.status_code in (200, 201), answer.text
            mine.setdefault(kind, []).append(answer.json()["id"])
    return found


@pytest.fixture
def firm(tmp_path_factory: pytest.TempPathFactory, db: None) -> Iterator[Firm]:
    company = RunningCompany(tmp_path_factory.mktemp("company"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEMO_COMPANY_URL", company.url)
        patch.setenv("DEMO_COMPANY_TOKEN", TOKEN)
        forget()
        company.control("reset", {"today": hong_kong_today().isoformat()})
        call_command("load_map", str(MAP), stdout=io.StringIO())
        call_command("load_people", str(PEOPLE), stdout=io.StringIO())
        give_everything()
        tables = generate(7, hong_kong_today())
        refunded = list(dict.fromkeys(row["customer_id"] for row in tables["refunds"]))[:FOREIGN]
        records = records_of(company, [ME.id, *refunded])
        case, _new = take_in(
            actor=Actor("requester", "token shop", token_id=1, token_name="shop", trusted=True), source="customer",
            channel="api", type_name="parcel_trace", text=f"Says delivered but I got nothing, order {ME.order}",
            sender=Sender(ME.name, ME.mail, ME.id),
        )  # fmt: skip
        yield Firm(company, advance_case(case.pk), records)
        forget()
    company.stop()


def give_everything() -> None:
    """The courier may read all there is, every field of it, as often as it likes."""
    Grant.objects.filter(agent__name="courier").delete()
    courier = Agent.objects.get(name="courier")
    courier.limits = {}
    courier.save()
    for row in Operation.objects.filter(kind="read"):
        Grant.objects.create(agent=courier, operation=row, reason="test", until="2099-01-01")
    for work in StepWork.objects.filter(agent=courier):
        work.operations = None
        work.save()


def disguised(value: str, mine: str, rng: random.Random) -> Any:
    """A foreign id as it stands, or in a form that a system might understand and a check might not."""
    forms: list[Any] = [
        value, value, value, value.lower(), f" {value}", f"{value} ", f"{mine}/../{value}", f"{mine}%2f..%2f{value}",
        f"../{value}", f"{mine}&customer_id={value}", f"{mine}?customer_id={value}", f"{mine}#{value}", [value],
        [mine, value], {"id": value}, f"{mine},{value}", f"{mine}\n{value}", value.encode("utf-16-be").decode("utf-16-be"),
        "%", "*", "_" * len(value),
    ]  # fmt: skip
    return rng.choice(forms)


def foreign_in(result: Any, firm: Firm) -> list[str]:
    """Ids and addresses of other customers in an answer. Whole words: C-1004 is not in C-10041."""
    text = canonical(plain(result))
    others = [one for who, mine in firm.records.items() if who != ME.id for kind in mine for one in mine[kind]]
    return [one for one in others if f'"{one}"' in text]


@guarantee("G05", ci=54, release=len(READS) * FOREIGN)
def test_no_record_of_another_customer_is_read(firm: Firm, size: Size) -> None:
    names = list(READS)
    there = Operation.objects.filter(kind="read", level="case").values_list("name", flat=True)
    assert set(there) == set(READS), "every read of the map is tried"
    foreign = [who for who in firm.records if who != ME.id]
    assert len(foreign) == FOREIGN
    mine = firm.records[ME.id]
    refusals = 0
    for n in size.each():
        rng, operation = random.Random(n), names[n % len(names)]
        argument, kind = READS[operation]
        theirs = firm.records[foreign[n // len(names) % len(foreign)]]
        own = (mine.get(kind) or ["X-1"])[0]
        value = disguised(rng.choice(theirs[kind]), own, rng)
        try:
            result = firm.ask(operation, {argument: value})
        except (Refused, BadArguments):
            refusals += 1
        else:
            if found := foreign_in(result, firm):
                size.failed(f"{operation}({value!r}) gave {found}")
    for operation, (argument, kind) in READS.items():
        if kind not in WITHOUT_MINE:
            result = firm.ask(operation, {argument: mine[kind][0]})
            assert result is not None, f"{operation} does not even read the case's own record"
            assert not foreign_in(result, firm)
    assert refusals >= 0.9 * size.tried
    assert Event.objects.filter(case=firm.case, code="gate.refused").count() == refusals
    assert firm.company.get(f"/customers/{foreign[0]}")["id"] == foreign[0], "the records of others are really there"
