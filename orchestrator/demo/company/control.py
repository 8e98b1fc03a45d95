"""The control addresses under `/_control/`: faults, effect keys, what was done and read, reset, records.

For tests and the demo only; they answer to this machine alone and are no part of the company's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any
from urllib.parse import parse_qs

from jsonschema import Draft202012Validator

from orchestrator.demo.company.calls import Record, stamp
from orchestrator.demo.company.errors import Refused
from orchestrator.demo.company.faults import Faults
from orchestrator.demo.company.routing import read_json
from orchestrator.demo.company.schemas import SHORT, body
from orchestrator.demo.company.store import KEYS, Store, touched

_SECONDS: Record = {"type": "number", "minimum": 0, "maximum": 600}
_BODIES = {
    name: Draft202012Validator(schema)
    for name, schema in {
        "faults": body(
            {"operation": SHORT, "kind": {"type": ["string", "integer"]}},
            times={"type": "integer", "minimum": 1, "maximum": 100000},
            seconds=_SECONDS,
            status={"type": "integer", "minimum": 400, "maximum": 599},
            retry_after={"type": ["integer", "null"], "minimum": 0, "maximum": 86400},
        ),
        "effect_keys": body({"operation": SHORT, "honour": {"type": "boolean"}}),
        "records": body(
            {"table": {"enum": sorted(KEYS)}, "id": SHORT, "change": {"type": "object", "minProperties": 1}}
        ),
        "reset": body({}, seed={"type": "integer"}, today={"type": "string", "format": "date"}),
    }.items()
}


class Control:
    """One method per address."""

    def __init__(self, store: Store, faults: Faults, reads: deque[Record], operations: set[str]) -> None:
        self._store = store
        self._faults = faults
        self._reads = reads
        self._operations = operations
        self._ways: dict[tuple[str, str], Callable[[Record, str], Any]] = {
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "effect_keys"): self._effect_keys,
            ("GET", "effect_keys"): self._ignored,
            ("GET", "log"): self._log,
            ("GET", "reads"): self._list_reads,
            ("DELETE", "reads"): self._forget_reads,
            ("POST", "reset"): self._reset,
            ("POST", "records"): self._change,
            ("GET", "counts"): self._counts,
        }

    def answer(self, method: str, path: str, query: str, raw: bytes) -> Any:
        """The answer of a control address; raises `Refused`."""
        name = path.removeprefix("/_control/").strip("/")
        way = self._ways.get((method, name))
        if way is None:
            raise Refused(404, "not_found", "There is no such control address.")
        wanted = read_json(raw) if method == "POST" else {}
        if method == "POST":
            for error in _BODIES[name].iter_errors(wanted):
                raise Refused(422, "invalid", error.message[:300])
        with self._store.lock:
            return way(wanted, query)

    def _known(self, operation: str) -> str:
        if operation != "*" and operation not in self._operations:
            raise Refused(422, "invalid", f"There is no operation {operation}.")
        return operation

    def _add_fault(self, wanted: Record, query: str) -> Any:
        self._known(wanted["operation"])
        return asdict(self._faults.add(wanted))

    def _list_faults(self, wanted: Record, query: str) -> Any:
        return {"results": self._faults.listed()}

    def _clear_faults(self, wanted: Record, query: str) -> Any:
        self._faults.clear()
        return {"results": []}

    def _effect_keys(self, wanted: Record, query: str) -> Any:
        operations = self._operations if wanted["operation"] == "*" else {self._known(wanted["operation"])}
        for operation in sorted(operations):
            self._store.honour_keys(operation, wanted["honour"])
        return self._ignored(wanted, query)

    def _ignored(self, wanted: Record, query: str) -> Any:
        return {"ignored": sorted(self._store.ignored_keys)}

    def _log(self, wanted: Record, query: str) -> Any:
        asked = parse_qs(query)
        operation, since = asked.get("operation", [None])[0], int(asked.get("since", ["0"])[0])
        rows = [one for one in self._store.log[since:] if operation in (None, one["operation"])]
        return {"results": rows, "count": len(rows)}

    def _list_reads(self, wanted: Record, query: str) -> Any:
        return {"results": list(self._reads), "count": len(self._reads)}

    def _forget_reads(self, wanted: Record, query: str) -> Any:
        self._reads.clear()
        return {"results": [], "count": 0}

    def _reset(self, wanted: Record, query: str) -> Any:
        today = date.fromisoformat(wanted["today"]) if "today" in wanted else None
        self._store.reset(wanted.get("seed"), today)
        self._faults.clear()
        self._reads.clear()
        return self._counts(wanted, query)

    def _change(self, wanted: Record, query: str) -> Any:
        table, change = wanted["table"], wanted["change"]
        record = self._store.get(table, wanted["id"])
        unknown = sorted(set(change) - set(record))
        if unknown or KEYS[table] in change:
            raise Refused(422, "invalid", f"`{(unknown or [KEYS[table]])[0]}` cannot be changed in {table}.")
        changed = touched(record, stamp(self._store.now()), **change)
        self._store.put_directly(table, changed)
        return changed

    def _counts(self, wanted: Record, query: str) -> Any:
        return {table: len(rows) for table, rows in self._store.tables.items()}
