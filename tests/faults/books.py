"""Holds the ledger and the writes against the company system's own log, line by line, both ways (guarantee U02).

The company knows what was *really* done. `compare` says in words each line that one side has and the other has not:
something done that the product does not know, something told that was never done, something done twice, with other
arguments, without a reservation in the ledger before it, or read without the company knowing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agents.models import Write
from cases import ledger
from cases.canonical import canonical
from cases.models import Event
from cases.plainly import plain

DONE = ("written", "differs")
TOLD = ("write.written", "write.differs")
OPEN = ("unknown", "reserved")  # not known to the product yet: done or not, both are right
Row = Mapping[str, Any]


def compare(log: Sequence[Row], reads: Iterable[Row] = (), *, repaired_by_hand: bool = False) -> list[str]:
    """The differences between the company's log (and what it was asked for) and ours; none if all is right.

    `log` and `reads` are what `/_control/log` and `/_control/reads` of the demo company say. With `repaired_by_hand` a
    person may have said of an unknown write what became of it: such a write need not have been told by the executor.
    """
    found = _Books(log).problems(repaired_by_hand)
    found += _unknown_reads(reads)
    broken = ledger.verify().first_broken
    return found + ([f"the ledger is broken at {broken}"] if broken else [])


class _Books:
    """Writes, what the ledger tells of them, and the company's rows of each."""

    def __init__(self, log: Sequence[Row]) -> None:
        rows = Write.objects.filter(reserved_at__isnull=False).select_related("operation")
        self.writes = {str(write.pk): write for write in rows}
        self.events: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        wanted = Event.objects.filter(code__startswith="write.").select_related("detail").order_by("case_id", "seq")
        for event in wanted:
            if key := event.detail.data.get("effect_key"):
                self.events[key].append((event.code, event.detail.data))
        self.done: dict[str, list[Row]] = defaultdict(list)
        self.found: list[str] = []
        keyless = {_form(w.operation.name, w.carried_out): k for k, w in self.writes.items() if not _has_key(w)}
        for row in log:
            key = row["effect_key"] or keyless.get(_form(row["operation"], row["arguments"]), "")
            if key in self.writes:
                self.done[key].append(row)
            else:
                self.found.append(f"the company did {row['operation']} {row['record']} and we know nothing of it")

    def problems(self, by_hand: bool) -> list[str]:
        for key, write in self.writes.items():
            self._one(key, write, by_hand)
        for key in set(self.events) - set(self.writes):
            self.found.append(f"the ledger tells of a write {key} that is not there")
        return self.found

    def _one(self, key: str, write: Write, by_hand: bool) -> None:
        name, rows = f"{write.operation.name} {key}", self.done[key]
        told = [data for code, data in self.events[key] if code in TOLD]
        reserved = [data for code, data in self.events[key] if code == "write.reserved"]
        if len(rows) > 1:
            self.found.append(f"{name} was done {len(rows)} times")
        if not reserved or self.events[key][0][0] != "write.reserved":
            self.found.append(f"{name} was never reserved in the ledger")
        if rows and _form("", rows[0]["arguments"]) != _form("", write.carried_out):
            self.found.append(f"{name} was done with {rows[0]['arguments']}, not with {write.carried_out}")
        if write.state in OPEN:
            return
        if bool(rows) != (write.state in DONE):
            self.found.append(f"{name} is {write.state} here, and the company did it {len(rows)} times")
        if by_hand and write.repaired:
            return
        if len(told) != (1 if write.state in DONE else 0):
            self.found.append(f"{name} is {write.state} and was told as done {len(told)} times")
        elif told and rows and {told[0].get("reference"), write.reference} != {rows[0]["record"]}:
            self.found.append(f"{name} is {rows[0]['record']} there and {told[0].get('reference')} in the ledger")


def _unknown_reads(reads: Iterable[Row]) -> list[str]:
    """Reads of the ledger that the company knows nothing of. It may know more: a worker died before it told."""
    seen: Counter[tuple[str, str]] = Counter()
    for row in reads:
        seen.update([(row["operation"], "")] + [(row["operation"], one) for one in row["records"]])
    told: Counter[tuple[str, str]] = Counter()
    for event in Event.objects.filter(code="data.read").select_related("detail"):
        data = event.detail.data
        record = next(iter(data["arguments"].values()), "") if data["operation"].endswith(".get") else ""
        told[(data["operation"], str(record))] += 1
    return [
        f"the ledger tells of {n} reads of {' '.join(what)}, the company of {seen[what]}"
        for what, n in told.items()
        if seen and n > seen[what]
    ]


def _has_key(write: Write) -> bool:
    key = write.operation.effect_key
    return isinstance(key, Mapping) and ("header" in key or "argument" in key)


def _form(operation: str, arguments: Any) -> tuple[str, str]:
    return operation, str(canonical(plain(arguments)))
