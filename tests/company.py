"""A small company whose one system counts what was really done and makes faults on demand, behind a compact map.

`small()` starts the system, puts the loaded map into the database and gives people and short ways to a case.
Everything goes through the product's own services, the gate, the executor and the `http` connector. A map is loaded
once a test run; each test gets the rows of that load copied in, and changes rows where it wants another map.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection, connections, transaction

from agents import reaching
from agents.connectors.wire import POOLS
from agents.models import Agent, Operation, Proposal, Switch, System, Write
from approvals import first_answer
from approvals.models import Approval, Decision, Rule, StandingApproval
from approvals.services import decide
from approvals.standing import confirm_standing
from cases import doorbell
from cases.actors import Actor, person
from cases.models import Case, Event, Team
from cases.services import Sender, take_in
from orchestrator.flow.services import advance_case
from orchestrator.workmap import services as workmap
from orchestrator.workmap.reading import Mark, Text, read
from tests.agents.connectors.scripted import Handler, Scripted, running

BY = Actor("control", "test")
MAP = r"""
work_command_map: 1
company: {name: Small shop, currency: HKD, time_zone: Asia/Hong_Kong, languages: [en], hold: 0s,
          customer: {look_up: shop.find, arguments: {contact: "{request.contact}"}, path: id},
          reply: {operation: shop.send, with: {to: "{request.contact}", text: "{draft}"}}}
teams:
  - {name: support, title: Support}
  - {name: managers, title: Managers, escalates_to: heads}
  - {name: heads, title: Heads}
  - {name: finance, title: Finance people}
systems:
  - {name: shop, title: Shop, connector: http, url: "http://127.0.0.1:1", private_network: true, timeout: 1s}
operations:
  - {name: shop.find, level: case, kind: read, case_key: none, call: {method: GET, path: /customers},
     arguments: {type: object, required: [contact], additionalProperties: false, properties: {contact: {type: string}}}}
  - {name: shop.customer, level: case, kind: read, case_key: {id: request.customer}, call: {method: GET, path: "/customers/{id}"},
     arguments: {type: object, required: [id], additionalProperties: false, properties: {id: {type: string}}}}
  - {name: shop.order, level: case, kind: read, call: {method: GET, path: "/orders/{number}"},
     case_key: {number: {look_up: shop.order, path: customer_id, is: request.customer}},
     arguments: {type: object, required: [number], additionalProperties: false, properties: {number: {type: string}}}}
  - {name: shop.orders, level: case, kind: read, keep: {items: orders, where: {customer_id: request.customer}},
     call: {method: GET, path: /orders}, arguments: {type: object, additionalProperties: false, properties: {text: {type: string}}}}
  - {name: shop.faq, level: reference, kind: read, call: {method: GET, path: /faq},
     arguments: {type: object, additionalProperties: false, properties: {q: {type: string}}}}
  - {name: shop.payment, level: case, kind: read, call: {method: GET, path: "/payments/{payment_id}"},
     case_key: {payment_id: payment_ids},
     arguments: {type: object, required: [payment_id], additionalProperties: false, properties: {payment_id: {type: string}}}}
  - {name: shop.done, level: case, kind: read, case_key: none, call: {method: GET, path: "/done/{id}"},
     arguments: {type: object, required: [id], additionalProperties: false, properties: {id: {type: string}}}}
  - {name: shop.done_by_key, level: case, kind: read, case_key: none, call: {method: GET, path: "/by-key/{effect_key}"},
     arguments: {type: object, required: [effect_key], additionalProperties: false, properties: {effect_key: {type: string}}}}
  - name: shop.refund
    title: Refund a payment
    level: controlled
    kind: write
    case_key: {payment_id: payment_ids}
    money: amount
    effect_key: {header: Idempotency-Key}
    call: {method: POST, path: "/payments/{payment_id}/refunds"}
    version: {read: shop.payment, path: updated_at}
    read_back: {read: shop.done, arguments: {id: "{result.id}"}, expect: {amount: "{amount}"}}
    undo: {operation: shop.cancel, arguments: {id: "{result.id}"}, within: 30m}
    editable: [amount, reason]
    secret: [pin]
    arguments: {type: object, required: [payment_id, amount], additionalProperties: false,
                properties: {payment_id: {type: string}, amount: {type: number, exclusiveMinimum: 0}, reason: {type: string}, pin: {type: string}}}
  - {name: shop.cancel, level: controlled, kind: write, case_key: none, effect_key: none, call: {method: POST, path: "/cancel/{id}"},
     arguments: {type: object, required: [id], additionalProperties: false, properties: {id: {type: string}}}}
  - {name: shop.voucher, title: Give a voucher, level: controlled, kind: write, case_key: none, effect_key: none, money: amount,
     call: {method: POST, path: /vouchers}, editable: [amount],
     arguments: {type: object, required: [amount], additionalProperties: false, properties: {amount: {type: number}, code: {type: string}}}}
  - {name: shop.gift, title: Give a gift, level: controlled, kind: write, case_key: none, effect_key: {look_up: shop.done_by_key},
     call: {method: POST, path: /gifts},
     arguments: {type: object, required: [ref], additionalProperties: false, properties: {ref: {type: string}}}}
  - {name: shop.ticket, title: Open a ticket, level: internal, kind: write, case_key: none, effect_key: {header: Idempotency-Key},
     call: {method: POST, path: /tickets},
     arguments: {type: object, required: [text], additionalProperties: false, properties: {text: {type: string}}}}
  - {name: shop.note, title: Note, level: internal, kind: write, case_key: none, effect_key: none, call: {method: POST, path: /notes},
     arguments: {type: object, required: [text], additionalProperties: false, properties: {text: {type: string}}}}
  - {name: shop.send, title: Send a message, level: controlled, kind: write, case_key: {to: request.contact}, effect_key: {argument: ref},
     call: {method: POST, path: /messages},
     arguments: {type: object, required: [to, text], additionalProperties: false, properties: {to: {type: string}, text: {type: string}}}}
agents:
  - {name: clerk, title: Clerk, purpose: Works, owner: support, brain: {kind: procedure}, limits: {calls_per_run: 30}}
  - {name: courier, title: Courier, purpose: Works outside, owner: support, brain: {kind: outside}}
  - {name: idle, title: Idle, purpose: Nothing, owner: support, brain: {kind: outside}}
grants:
  - {agent: clerk, operation: shop.refund, reason: test, until: 2099-01-01}
  - {agent: clerk, operation: shop.voucher, reason: test, until: 2099-01-01}
  - {agent: clerk, operation: shop.gift, reason: test, until: 2099-01-01}
  - {agent: clerk, operation: shop.ticket, reason: test, until: 2099-01-01}
  - {agent: clerk, operation: shop.note, reason: test, until: 2099-01-01}
  - {agent: clerk, operation: shop.send, reason: test, until: 2099-01-01}
  - {agent: clerk, operation: shop.order, fields: [number, total], reason: test, until: 2099-01-01}
  - {agent: clerk, operation: shop.customer, reason: test, until: 2099-01-01}
  - {agent: courier, operation: shop.refund, reason: test, until: 2099-01-01}
  - {agent: courier, operation: shop.order, fields: [number, total, "lines[*].sku"], reason: test, until: 2099-01-01}
  - {agent: courier, operation: shop.orders, reason: test, until: 2099-01-01}
  - {agent: courier, operation: shop.faq, reason: test, until: 2099-01-01}
  - {agent: courier, operation: shop.voucher, reason: test, until: 2099-01-01}
  - {agent: courier, operation: shop.ticket, reason: test, until: 2099-01-01}
  - {agent: courier, operation: shop.note, reason: test, until: 2099-01-01}
request_types:
  - name: refund
    title: Refund
    team: support
    lead: managers
    examples: ["money back"]
    phrases: ["money back"]
    facts: &facts
      - {name: customer, title: Customer, kind: record, from: {look_up: shop.customer, arguments: {id: "{request.customer}"}}}
      - {name: tier, title: Tier, kind: text, from: {formula: customer.tier}}
      - {name: order_number, title: Order number, kind: text, from: [{form: order_number},
         {message: '\bA\d{3}\b', owner: {read: shop.order, arguments: {number: "{value}"}, path: customer_id}}]}
      - {name: order, title: Order, kind: record, from: {look_up: shop.order, arguments: {number: "{order_number}"}}}
      - {name: payment_ids, title: Payments, kind: list, from: {formula: order.payments}}
      - {name: total, title: Total, kind: money, from: {formula: order.total}}
      - {name: refunds, title: Refunds in 90 days, kind: number, from: {history: {count: shop.refund, same: [customer], days: 90}}}
      - {name: refunded, title: Refunded in 90 days, kind: money, from: {history: {sum: shop.refund, of: money, same: [customer], days: 90}}}
      - {name: pay_state, title: State of the payment, kind: text, from: {look_up: shop.payment, arguments: {payment_id: "{payment_ids[0]}"}, path: state}}
    customer: customer
    steps:
      - name: work_out
        agent: clerk
        does: Work the refund out
        procedure:
          - {option: full, title: Full, suggest_when: "true", writes: [
             {operation: shop.refund, with: {payment_id: "{payment_ids[0]}", amount: "{total}"}}]}
          - {option: half, title: Half, writes: [
             {operation: shop.refund, with: {payment_id: "{payment_ids[0]}", amount: 50}}]}
          - {propose: [full, half]}
    templates: [{name: hello, en: "Dear {customer.name}, order {order_number}."}]
  - name: two
    title: Two writes
    team: support
    lead: managers
    facts: *facts
    customer: customer
    steps:
      - name: both
        agent: clerk
        does: Two writes
        procedure:
          - {option: both, title: Both, suggest_when: "true", writes: [
             {operation: shop.refund, with: {payment_id: "{payment_ids[0]}", amount: 10}},
             {operation: shop.voucher, with: {amount: 20}}]}
          - {propose: [both]}
  - name: outside
    title: Outside
    team: support
    lead: managers
    facts: *facts
    customer: customer
    steps: [{name: deliver, agent: courier, does: Deliver it}]
  - name: chores
    title: Chores
    team: support
    lead: managers
    facts: *facts
    customer: customer
    steps:
      - name: ticket
        agent: clerk
        does: Open a ticket
        procedure: [{write: shop.ticket, with: {text: "About {request.number}"}, as: ticket}]
  - name: notes
    title: Notes
    team: support
    lead: managers
    steps: [{name: note, agent: clerk, does: Write a note, procedure: [{write: shop.note, with: {text: "About {request.number}"}}]}]
  - name: gifts
    title: Gifts
    team: support
    lead: managers
    steps:
      - name: gift
        agent: clerk
        does: Give a gift
        procedure:
          - {option: gift, title: Gift, suggest_when: "true", writes: [{operation: shop.gift, with: {ref: "{request.number}"}}]}
          - {propose: [gift]}
  - name: vouchers
    title: Vouchers
    team: support
    lead: managers
    facts: *facts
    customer: customer
    steps:
      - name: voucher
        agent: clerk
        does: Give a voucher
        procedure:
          - {option: voucher, title: Voucher, suggest_when: "true", writes: [{operation: shop.voucher, with: {amount: 20}}]}
          - {propose: [voucher]}
  - name: side
    title: Side by side
    team: support
    lead: managers
    steps:
      - {name: left, agent: clerk, does: Left, procedure: [{write: shop.ticket, with: {text: left}, as: left}]}
      - {name: right, agent: clerk, does: Right, procedure: [{write: shop.ticket, with: {text: right}, as: right}]}
      - {name: join, agent: clerk, after: [left, right], does: Join, procedure: [{work_out: n, formula: "1 + 1"}]}
      - {name: look, team: finance, after: [join], does: Look at it}
      - {name: last, agent: clerk, after: [look], does: Last, procedure: [{write: shop.ticket, with: {text: last}}]}
rules: []
"""


class Shop:
    """The company's system: records, what was really done, and the faults it was told to make."""

    def __init__(self, scripted: Scripted) -> None:
        self.scripted = scripted
        self.lock = threading.Lock()
        self.done: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.hooks: dict[str, Callable[[], None]] = {}
        self.honours = True
        self.changes: dict[str, Any] = {}  # fields of a done thing that come out other than they were sent
        self.customers = {
            "c1": {"id": "c1", "name": "Chan Tai Man", "tier": "gold", "contact": "chan@example.com"},
            "c2": {"id": "c2", "name": "Lee Siu Ming", "tier": "basic", "contact": "lee@example.com"},
        }
        self.orders = {
            "A100": self._order("A100", "c1", 100, ["p1"]),
            "A101": self._order("A101", "c1", 500, ["p3"]),
            "A200": self._order("A200", "c2", 900, ["p2"]),
            "A300": self._order("A300", None, 70, ["p9"]),
        }
        self.payments = {
            p: {"payment_id": p, "state": "paid", "updated_at": "v1", "customer_id": c}
            for p, c in {"p1": "c1", "p2": "c2", "p3": "c1"}.items()
        }
        scripted.script = self.serve

    @staticmethod
    def _order(number: str, customer: str | None, total: int, payments: list[str]) -> dict[str, Any]:
        lines = [{"sku": "s1", "cost": 7}]
        return {"number": number, "customer_id": customer, "total": total, "payments": payments, "lines": lines,
                "secret_note": "hidden"}  # fmt: skip

    def effects(self, path: str = "") -> list[dict[str, Any]]:
        """What was really done under a path."""
        return [one for one in self.done if one["path"].startswith(path)]

    def sent(self, path: str, method: str = "POST") -> int:
        """How often a request to a path reached the system, faults included."""
        return sum(1 for m, p in self.calls if m == method and p.startswith(path))

    def serve(self, handler: Handler) -> None:
        path = urlsplit(handler.path).path
        with self.lock:
            self.calls.append((handler.command, path))
            key = next((k for k in self.faults if self.faults[k] and path.startswith(k)), None)
            fault = self.faults[key].pop(0) if key else ""
        hook = next((h for k, h in self.hooks.items() if path.startswith(k) and handler.command == "POST"), None)
        if hook:
            hook()
            connections.close_all()  # this is a thread of the system
        self._answer(handler, path, fault)

    def _answer(self, handler: Handler, path: str, fault: str) -> None:
        if fault.isdigit():
            handler.answer(int(fault), {"error": "on demand"})
        elif fault == "cut":
            handler.cut()
        elif fault == "hang":
            time.sleep(1.3)
            self._do(handler, path)
            handler.cut()
        elif fault == "cut_after":
            self._do(handler, path)
            handler.cut()
        else:
            status, value = self._do(handler, path)
            handler.answer(status, value)

    def _do(self, handler: Handler, path: str) -> tuple[int, Any]:
        seen = self.scripted.seen
        if handler.command == "POST":
            mine = next(s for s in reversed(seen) if s.method == "POST" and urlsplit(s.target).path == path)
            key = mine.headers.get("idempotency-key", "") or str(mine.json.get("ref", ""))
            return self._write(path, mine.json, key)
        return self._read(path, parse_qs(urlsplit(handler.path).query))

    def _write(self, path: str, body: dict[str, Any], key: str) -> tuple[int, Any]:
        with self.lock:
            known = next((d for d in self.done if key and self.honours and d["key"] == key), None)
            if known is None:
                known = {**body, **self.changes, "id": f"d{len(self.done) + 1}", "path": path, "key": key}
                self.done.append(known)
        return 200, known

    def _read(self, path: str, query: Mapping[str, list[str]]) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        found: Any
        if parts[0] == "customers" and len(parts) == 1:
            found = [c for c in self.customers.values() if c["contact"] == query.get("contact", [""])[0]]
        elif parts[0] == "orders" and len(parts) == 1:
            found = {"orders": list(self.orders.values()), "count": len(self.orders), "next": "/orders?page=2"}
        elif parts[0] == "faq":
            found = {"text": "We are open."}
        else:
            tables = {"customers": self.customers, "orders": self.orders, "payments": self.payments}
            tables["done"] = {d["id"]: d for d in self.done}
            tables["by-key"] = {d["key"]: d for d in self.done}
            found = tables.get(parts[0], {}).get(parts[1])
        return (200, found) if found is not None else (404, {"error": "not found"})


@dataclass
class Small:
    """The company: its people, its system, and short ways to do what every test needs."""

    shop: Shop

    def as_(self, name: str) -> Actor:
        return person(User.objects.get(username=name))

    def receive(self, type_name: str = "refund", *, customer: str = "c1", order: str = "A100", **more: Any) -> Case:
        """A case from a trusted program; the order stands in the text and belongs to the customer or not."""
        actor = more.pop("actor", Actor("requester", "token shop", token_id=1, token_name="shop", trusted=True))
        values = {"text": f"About order {order}", "sender": Sender("Chan", "chan@example.com", customer)} | more
        case, _new = take_in(actor=actor, source="customer", channel="api", type_name=type_name, **values)
        return case

    def go(self, case: Case) -> Case:
        """Advance the case until nothing is left to do now."""
        return advance_case(case.pk)

    def waiting(self, type_name: str = "refund", **more: Any) -> tuple[Case, Approval]:
        """A case whose proposal waits for people."""
        case = self.go(self.receive(type_name, **more))
        return case, Approval.objects.select_related("proposal").get(case=case, state="waiting")

    def decide(self, approval: Approval, option: str = "full", *, by: str = "may", **more: Any) -> Approval:
        values = {"reason": "because"} | more
        if "fingerprint" not in values:  # as a page that is opened now shows it
            given = Decision.objects.filter(approval=approval.pk, undone_at=None).order_by("pk")
            values["fingerprint"] = first_answer.to_name(approval, first_answer.first_of(approval, given))
        return decide(actor=self.as_(by), approval_id=approval.pk, option=option, **values)

    def confirm(self, rule: str, by: str = "may") -> StandingApproval:
        row = StandingApproval.objects.get(rule__name=rule)
        return confirm_standing(actor=self.as_(by), standing_id=row.pk)

    def write(self, case: Case, option: str = "full") -> Write:
        """The write of that option in the case's first proposal."""
        return Write.objects.filter(case=case, option=option).order_by("proposal__created_at", "position")[0]

    def proposal(self, case: Case) -> Proposal:
        """The case's first proposal."""
        return Proposal.objects.filter(case=case).order_by("created_at")[0]

    def courier(self) -> Actor:
        agent = Agent.objects.get(name="courier")
        return Actor("agent", "courier", agent_id=agent.pk)

    def patient(self) -> None:
        """The system may take its time: what a hook does in the middle of a call is no time-out."""
        System.objects.update(timeout_seconds=20)

    def later(self, case: Case, seconds: float = 3600) -> Case:
        """As if time had passed for this case's waits (leases, pauses, holds), then go on."""
        moment = f"- interval '{seconds} seconds'"
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE agents_write SET lease_until = lease_until {moment}, try_at = try_at {moment}, "
                f"hold_until = hold_until {moment}, "
                f"reserved_at = CASE state WHEN 'written' THEN reserved_at ELSE reserved_at {moment} END "
                "WHERE case_id = %s",
                [case.pk],
            )
            for table in ("agents_proposal", "agents_run"):
                cursor.execute(
                    f"UPDATE {table} SET lease_until = lease_until {moment}, try_at = try_at {moment} WHERE case_id = %s",
                    [case.pk],
                )
            cursor.execute(
                f"UPDATE approvals_approval SET hold_until = hold_until {moment} WHERE case_id = %s", [case.pk]
            )
            cursor.execute(f"UPDATE cases_case SET wake_at = wake_at {moment} WHERE id = %s", [case.pk])
        return self.go(case)

    def codes(self, case: Case) -> list[str]:
        return list(Event.objects.filter(case=case).order_by("seq").values_list("code", flat=True))

    def told(self, case: Case, code: str) -> dict[str, Any]:
        """The details of the newest event with that code."""
        data: dict[str, Any] = Event.objects.filter(case=case, code=code).order_by("-seq")[0].detail.data
        return data

    def rule(self, name: str, then: Mapping[str, Any], operation: str = "shop.refund", **when: Any) -> Rule:
        """Put one more rule in force (straight into the rows: publishing is tested elsewhere)."""
        known = Rule.objects.filter(name=name).first()
        row = known or Rule(name=name, title=name, version=0)
        row.when, row.then, row.version = {"operations": [operation], **when}, dict(then), row.version + 1
        row.retired = False
        row.save()
        return row

    def standing(self, operation: str = "shop.refund", *, confirm: bool = True, **caps: Any) -> StandingApproval:
        """A rule by which `may` approves an operation beforehand, confirmed by her."""
        rule = self.rule("small", {"standing_approval": {"by": "may"} | caps}, operation)
        row, _new = StandingApproval.objects.get_or_create(rule=rule, defaults={"by": "may"})
        return self.confirm("small") if confirm else row

    def change(self, operation: str, **values: Any) -> Operation:
        """Change an operation of the map."""
        row = Operation.objects.get(name=operation)
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
        return row


PEOPLE = {"ka": "support", "wing": "support", "may": "managers", "ken": "managers", "grace": "heads", "fin": "finance"}


def _people(leads: Mapping[str, str]) -> None:
    for name in (*PEOPLE, "sam"):
        user = User.objects.create(username=name, first_name=name.title())
        if name in PEOPLE:
            user.groups.add(Team.objects.get(name=PEOPLE[name]).group)
    for team, lead in leads.items():
        Team.objects.get(name=team).leads.add(User.objects.get(username=lead))


def forget() -> None:
    """Nothing of another test: connections, circuit breakers, the doorbell's key."""
    POOLS.forget()
    reaching._connectors.clear()
    reaching._breakers.clear()
    cache.clear()
    doorbell._resting_until = 0.0


_TABLES = ("cases_", "agents_", "approvals_", "workmap_", "auth_user", "auth_group", "auth_user_groups")
_rows: dict[str, bytes] = {}


def _loaded() -> None:
    """The map and the people, by the product's own loader the first time and as copied rows after that."""
    with transaction.atomic(), connection.cursor() as cursor:  # rows may stand before those they name
        if not _rows:
            workmap.load(actor=BY, text=Text(read(MAP.encode()).value, Mark(1)))
            _people({"managers": "may", "heads": "grace"})
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (name,) in cursor.fetchall():
                if name.startswith(_TABLES) and (data := _copied(cursor, name)):
                    _rows[name] = data
            return
        cursor.execute("DELETE FROM agents_policy")
        for name, data in _rows.items():
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                copy.write(data)
            cursor.execute(
                "SELECT attname, pg_get_serial_sequence(%s, attname) FROM pg_attribute "
                "WHERE attrelid = %s::regclass AND attname IN ('id', 'history_id') AND NOT attisdropped",
                [name, name],
            )
            for column, sequence in cursor.fetchall():
                if sequence:
                    _move_on(cursor, sequence, name, column)
        cursor.execute("UPDATE agents_policy SET stamp = gen_random_uuid()")


def _move_on(cursor: Any, sequence: str, table: str, column: str) -> None:
    """Numbers go on behind the copied rows; the product's role may not set a sequence, only draw from it."""
    cursor.execute(f"SELECT nextval(%s), (SELECT max({column}) FROM {table})", [sequence])
    at, last = cursor.fetchone()
    if last and at < last:
        cursor.execute("SELECT count(nextval(%s)) FROM generate_series(1, %s)", [sequence, last - at])


def _copied(cursor: Any, name: str) -> bytes:
    with cursor.copy(f"COPY {name} TO STDOUT") as copy:
        return b"".join(bytes(part) for part in copy)


@contextmanager
def small() -> Iterator[Small]:
    """The company in an empty database."""
    with running() as scripted:
        forget()
        with transaction.atomic():  # rows refer to each other whatever order their tables come in
            _loaded()
        System.objects.update(url=scripted.url)
        yield Small(Shop(scripted))
        forget()


def pause(scope: str = "all", name: str = "") -> None:
    """A pause switch, set as a row: whoever may set it is tested elsewhere."""
    Switch.objects.update_or_create(scope=scope, name=name, defaults={"paused": True, "by": "may", "reason": "test"})


def at_once(jobs: Sequence[Callable[[], Any]], seconds: float = 60) -> list[Any]:
    """Run the jobs at the same moment, each on a thread and a connection of its own; results or errors, in order."""
    barrier = threading.Barrier(len(jobs))
    results: list[Any] = [None] * len(jobs)

    def run(place: int, job: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=20)
            results[place] = job()
        except Exception as error:
            results[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place, job)) for place, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=seconds)
    return results
