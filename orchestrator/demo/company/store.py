"""The records of the demo company: generated from a seed, changed by journal lines, held in memory.

Hold `store.lock` around every use. A change is on disk first, then in memory, then answered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from threading import RLock
from typing import Any

from orchestrator.demo.company.calls import Done, Record
from orchestrator.demo.company.errors import not_found
from orchestrator.demo.company.journal import Journal
from orchestrator.demo.company.seed import generate

HONG_KONG = timezone(timedelta(hours=8))
KEYS = {
    "customers": "id",
    "orders": "number",
    "deliveries": "waybill",
    "payments": "id",
    "refunds": "id",
    "vouchers": "id",
    "tickets": "id",
    "notes": "id",
    "messages": "id",
    "catalogue": "id",
    "policies": "name",
    "faq": "id",
}
NAMES = {
    "customers": "customer",
    "orders": "order",
    "deliveries": "waybill",
    "payments": "payment",
    "refunds": "refund",
    "vouchers": "voucher",
    "tickets": "ticket",
    "notes": "note",
    "messages": "message",
    "catalogue": "product",
    "policies": "policy",
    "faq": "question",
}
OWNED = ("orders", "payments", "refunds", "vouchers", "tickets", "notes", "deliveries")


class Store:
    """All tables, what was really done (`log`), the answers per effect key, which operations ignore keys."""

    def __init__(self, data: Path, seed: int, today: date) -> None:
        self.lock = RLock()
        self.journal = Journal(data / "journal.jsonl")
        lines = self.journal.read()
        if lines:
            # The dates of the first start stay, so that a restart continues the same story.
            self._begin(lines[0]["seed"], date.fromisoformat(lines[0]["today"]), lines[0]["shift"])
            for line in lines[1:]:
                self._apply(line)
        else:
            self.reset(seed, today)

    def _begin(self, seed: int, today: date, shift: int) -> None:
        self.seed, self.today, self._shift = seed, today, timedelta(days=shift)
        self.log: list[Record] = []
        self.answers: dict[tuple[str, str], Record] = {}
        self.ignored_keys: set[str] = set()
        self.tables: dict[str, dict[str, Record]] = {name: {} for name in KEYS}
        self._owned: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in OWNED}
        self._contacts: dict[str, list[str]] = defaultdict(list)
        for table, records in generate(seed, today).items():
            for record in records:
                self._put(table, record)

    def reset(self, seed: int | None = None, today: date | None = None) -> None:
        """Back to the seed, with dates from `today` (else the company's day): the journal is begun anew."""
        today = today or self.now().astimezone(HONG_KONG).date()
        shift = (today - hong_kong_today()).days
        self._begin(self.seed if seed is None else seed, today, shift)
        self.journal.empty()
        self.journal.append({"kind": "start", "seed": self.seed, "today": today.isoformat(), "shift": shift})

    def now(self) -> datetime:
        """The company's clock: the real one, moved by whole days if it was begun on another day."""
        return datetime.now(UTC) + self._shift

    # reading

    def get(self, table: str, key: str) -> Record:
        """One record; raises `Refused` 404."""
        record = self.tables[table].get(key)
        if record is None:
            raise not_found(NAMES[table], key)
        return record

    def of_customer(self, table: str, customer_id: str) -> list[Record]:
        """The records of one customer, newest first."""
        rows = self.tables[table]
        return [rows[key] for key in reversed(self._owned[table].get(customer_id, []))]

    def customers_at(self, contact: str) -> list[Record]:
        """Customers whose mail address or phone this is (any usual way of writing it)."""
        wanted = plain(contact)
        found = [self.tables["customers"][key] for key in dict.fromkeys(self._contacts.get(wanted, []))]
        return [one for one in found if wanted in (plain(one["mail"]), plain(one["phone"]))]

    def next_id(self, table: str, letter: str) -> str:
        """The id of the next record of a table; nothing is ever deleted, so counting is enough."""
        return f"{letter}-{500001 + len(self.tables[table])}"

    # changing

    def commit(self, *, operation: str, key: str | None, asked: str, arguments: Record, at: str, done: Done) -> None:
        """Store one write. `asked` is the fingerprint of the request, to notice a reused key."""
        line = {
            "kind": "done",
            "seq": len(self.log) + 1,
            "at": at,
            "operation": operation,
            "effect_key": key,
            "asked": asked,
            "arguments": arguments,
            "record": done.record_id,
            "puts": done.puts,
            "status": done.status,
            "answer": done.body,
        }
        self._keep(line)

    def honour_keys(self, operation: str, honour: bool) -> None:
        """Switch effect keys on or off for one operation."""
        self._keep({"kind": "effect_keys", "operation": operation, "honour": honour})

    def put_directly(self, table: str, record: Record) -> None:
        """Change a record as somebody in the company might have done elsewhere; not part of the log."""
        self._keep({"kind": "record", "puts": [[table, record]]})

    def _keep(self, line: Record) -> None:
        self.journal.append(line)
        self._apply(line)

    def _apply(self, line: Record) -> None:
        if line["kind"] == "effect_keys":
            (self.ignored_keys.discard if line["honour"] else self.ignored_keys.add)(line["operation"])
            return
        for table, record in line["puts"]:
            self._put(table, record)
        if line["kind"] != "done":
            return
        self.log.append({name: line[name] for name in ("seq", "at", "operation", "effect_key", "arguments", "record")})
        if line["effect_key"]:
            answer = {name: line[name] for name in ("asked", "status", "answer")}
            self.answers.setdefault((line["operation"], line["effect_key"]), answer)

    def _put(self, table: str, record: Record) -> None:
        key = str(record[KEYS[table]])
        if table in OWNED and key not in self.tables[table]:
            self._owned[table][str(record["customer_id"])].append(key)
        if table == "customers":
            for contact in (record["mail"], record["phone"]):
                self._contacts[plain(contact)].append(key)
        self.tables[table][key] = record


def hong_kong_today() -> date:
    """The day in Hong Kong, where the company and its customers are."""
    return datetime.now(HONG_KONG).date()


def plain(contact: str) -> str:
    """A mail address in small letters, a Hong Kong phone number as eight digits, other numbers as digits."""
    text = contact.strip().lower()
    if "@" in text:
        return text
    digits = "".join(ch for ch in text if ch.isdecimal())
    return digits[3:] if len(digits) == 11 and digits.startswith("852") else digits


def touched(record: Record, at: str, **changes: Any) -> Record:
    """A copy of the record with the changes and the next version."""
    return {**record, **changes, "version": int(record["version"]) + 1, "updated_at": at}


def listed(records: Iterable[Record], limit: int = 100) -> Record:
    """The answer of a list or a search: `results` (at most `limit`) and `count` (all that matched)."""
    rows = list(records)
    return {"results": rows[:limit], "count": len(rows)}
