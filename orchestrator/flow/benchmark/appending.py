"""How fast the ledger takes rows: one writer a process, each with a case of its own, and many rows to verify.

`python -m orchestrator.flow.benchmark.appending TOGETHER`; it waits for a line before it begins and prints how many
rows it appended. TOGETHER rows go into one commit, as those of a stretch do.
"""

import sys
import time
from typing import Any

TOGETHER = 4
SECONDS = 4.0
BATCH = 500


def main() -> None:
    """Set up, say ready, wait for the word, append for a while, say how much."""
    import django

    django.setup()
    together = int(sys.argv[1])
    case_id = new_case()
    append(case_id, 1, 1)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    rows, ends = 0, time.monotonic() + SECONDS
    while time.monotonic() < ends:
        append(case_id, together, 1)
        rows += together
    sys.stdout.write(f"{rows}\n")
    sys.stdout.flush()
    sys.stdin.readline()


def new_case() -> int:
    """A closed case that no worker looks at, for its chain."""
    from django.db import transaction

    from cases import transitions
    from cases.actors import CONTROL
    from cases.ledger import Entry
    from cases.models import Case, Message

    with transaction.atomic():
        number, now, _type = transitions.reserve_number()
        case = Case(pk=number, source=Case.Source.SYSTEM, channel=Case.Channel.API, subject="Benchmark of the ledger")
        first = Message(case=case, direction=Message.Direction.IN, author="bench", text="Benchmark", at=now)
        transitions.receive(case, first, [Entry("request.received", CONTROL, {"text": "Benchmark"})], now=now)
        Case.objects.filter(pk=number).update(wake_at=None)
    return number


def append(case_id: int, rows: int, commits: int) -> None:
    """`commits` transactions that each append `rows` events of the usual size to the case's chain."""
    from django.db import transaction

    from cases import transitions
    from cases.clock import database_now

    for _commit in range(commits):
        with transaction.atomic():
            case = transitions.lock(case_id)
            transitions.save(case, [_entry(n) for n in range(rows)], now=database_now())


def fill(rows: int) -> None:
    """Add `rows` events in chains of `BATCH`."""
    for _chain in range(max(1, rows // BATCH)):
        append(new_case(), BATCH - 1, 1)


def _entry(number: int) -> Any:
    from cases.actors import CONTROL
    from cases.ledger import Entry

    data = {
        "system": "orders",
        "operation": "orders.get",
        "arguments": {"number": str(88_000 + number)},
        "fields": ["number", "total", "status", "promised_on"],
        "count": 1,
        "digest": "0" * 64,
        "amount": number + 0.25,
    }
    return Entry("data.read", CONTROL, data)


if __name__ == "__main__":
    main()
