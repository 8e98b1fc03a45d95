"""What things cost as the database grows: one case, a sweeper pass, the pages and API lists that read many rows.

`python -m orchestrator.flow.benchmark.growth 10000,100000 PID …` prints JSON, a column a size. Cases are copies of
what the product made of the workload (`orchestrator.flow.seeding`), pages are asked for in this process as a
browser would, signed in as the manager who sees all of them.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings

WARM, TIMED = 3, 20
ALONE = 30  # cases of each kind
OPEN = 500  # cases that wait for a decision, at every size
SEEDERS = 2  # processes that copy
PATTERNS = 6  # cases of each kind that are copied
PAGES = {
    "my work": "/",
    "inbox": "/approvals/",
    "inbox, decided": "/approvals/?tab=decided",
    "case list": "/cases/?tab=all",
    "case list, unassigned": "/cases/?tab=unassigned",
    "search by number": "/search/?q=C-{case}",
    "search by words": "/search/?q=Chan",
    "search by Chinese words": "/search/?q=退款",
    "search that finds nothing": "/search/?q=xyzzy",
    "case list by words": "/cases/?tab=all&q=Chan",
    "triage": "/triage/",
    "AI status": "/ai/",
    "case page": "/cases/C-{case}/",
    "approval page": "/approvals/{approval}/",
    "your decisions": "/your-decisions/",
    "load of teams": "/reports/load/",
}
LISTS = {
    "API: cases": "/api/v1/cases/",
    "API: cases of a type": "/api/v1/cases/?type=refund&status=done",
    "API: cases by words": "/api/v1/cases/?q=xyzzy",
    "API: one case": "/api/v1/cases/C-{case}/",
    "API: approvals": "/api/v1/approvals/?waiting_for=me",
    "API: summary": "/api/v1/reports/summary/",
    "API: summary of a year": "/api/v1/reports/summary/?from={year_ago}",
}


def main() -> None:
    """Grow the database step by step, measure at each, print."""
    import django

    django.setup()
    from orchestrator.flow.benchmark import workload

    sizes = [int(word) for word in sys.argv[1].split(",")]
    workload.set_up()
    growth = Growth([int(word) for word in sys.argv[2:]])
    columns = [growth.column(size) for size in sizes]
    sys.stdout.write(json.dumps({"sizes": columns}, indent=1) + "\n")


class Growth:
    """Measures at one size after the other."""

    def __init__(self, servers: list[int]) -> None:
        from django.test import Client

        from cases.actors import CONTROL
        from orchestrator.api.services import create_token
        from orchestrator.flow import services as flow
        from orchestrator.flow.benchmark import workload

        self.servers, self.number, self.open = servers, 0, OPEN
        self.manager = workload.manager()
        for n in range(PATTERNS * 2):
            self._alone(asks=bool(n % 2))
        for _n in range(PATTERNS):
            workload.take_in(self._next(), asks=True)  # these stay waiting
            flow.advance()
        self.browser = Client(HTTP_HOST="localhost")
        self.browser.force_login(self.manager.user)
        _token, secret = create_token(actor=CONTROL, name="bench", scopes=["staff", "read"], user=self.manager.user)
        self.program = Client(HTTP_HOST="localhost", headers={"authorization": f"Bearer {secret}"})

    def column(self, size: int) -> dict[str, Any]:
        """Everything at `size` cases. Of each line: median and worst milliseconds, CPU of all processes, statements."""
        from cases.models import Case, Event

        began = time.perf_counter()
        self._grow(size - Case.objects.count())
        seconds = time.perf_counter() - began
        lines = {"one case": self._case(), "sweeper pass": self._sweep()}
        names = self._names()
        for client, pages in ((self.browser, PAGES), (self.program, LISTS)):
            for name, path in pages.items():
                lines[name] = self._page(client, path.format(**names))
        return {
            "cases": Case.objects.count(),
            "events": Event.objects.count(),
            "seeded_in_s": round(seconds, 1),
            "lines": lines,
        }

    def _grow(self, by: int) -> None:
        from cases.clock import database_now
        from orchestrator.reports import rolling

        if by > 0:
            _seeded(by, self.open)
            self.open = 0  # a backlog does not grow with the archive
        _analysed()
        while rolling.roll_up(now=database_now()) > rolling.TOGETHER:
            pass  # as beat asks for it every ten minutes

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _alone(self, *, asks: bool) -> None:
        """One case to its end, its own approval decided among the many that wait."""
        from approvals import services as approvals
        from approvals.models import Approval
        from orchestrator.flow import services as flow
        from orchestrator.flow.benchmark import workload

        case = workload.take_in(self._next(), asks=asks)
        flow.advance()
        if asks:
            mine = Approval.objects.get(case=case)
            approvals.decide(actor=self.manager, approval_id=mine.pk, fingerprint=mine.fingerprint, option="refund")
            flow.advance()

    def _case(self) -> dict[str, float]:
        """A case of each kind alone: milliseconds (median), and CPU of this process and the servers."""
        from orchestrator.flow.benchmark import processes

        roots = [os.getpid(), *self.servers]
        for _n in range(WARM):
            self._alone(asks=True)
        cpu = processes.cpu_seconds(roots)
        times = [_milliseconds(partial(self._alone, asks=bool(n % 2))) for n in range(ALONE * 2)]
        spent = (processes.cpu_seconds(roots) - cpu) / len(times) * 1000
        return {"ms": round(statistics.median(times), 2), "cpu_ms": round(spent, 2)}

    def _sweep(self) -> dict[str, float]:
        from orchestrator.flow import services as flow

        times = [_milliseconds(flow.sweep) for _n in range(TIMED)]
        return {"ms": round(statistics.median(times), 2)}

    def _names(self) -> dict[str, Any]:
        from approvals.models import Approval
        from cases.models import Case

        waiting = Approval.objects.filter(state="waiting").order_by("created_at")[0]
        return {
            "case": Case.objects.filter(status="done").order_by("pk")[5].pk,
            "approval": waiting.pk,
            "year_ago": (date.today() - timedelta(days=365)).isoformat(),
        }

    def _page(self, client: Any, path: str) -> dict[str, float]:
        from orchestrator.flow.benchmark import processes
        from orchestrator.flow.benchmark.statements import counted

        def ask() -> None:
            answer = client.get(path, secure=True)
            if answer.status_code not in (200, 302):  # an exact number leads to its case
                raise SystemExit(f"{path} answered {answer.status_code}: {answer.content[:300]!r}")

        for _n in range(WARM):
            ask()
        with counted() as sent:
            ask()
        roots = [os.getpid(), *self.servers]
        cpu = processes.cpu_seconds(roots)
        times = [_milliseconds(ask) for _n in range(TIMED)]
        return {
            "ms": round(statistics.median(times), 1),
            "worst_ms": round(max(times), 1),
            "cpu_ms": round((processes.cpu_seconds(roots) - cpu) / TIMED * 1000, 1),
            "statements": len(sent),
        }


def _milliseconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return (time.perf_counter() - began) * 1000


def _seeded(cases: int, most_open: int) -> None:
    """Copies by two processes, one a core."""
    base = Path(settings.BASE_DIR)
    shares = [cases - cases // SEEDERS * (SEEDERS - 1), *[cases // SEEDERS] * (SEEDERS - 1)]
    children = [
        subprocess.Popen(
            [sys.executable, str(base / "manage.py"), "seed_cases", "--cases", str(share), "--open", str(open_)],
            cwd=base,
            stdout=subprocess.DEVNULL,
        )
        for share, open_ in zip(shares, [most_open, *[0] * (SEEDERS - 1)], strict=True)
        if share
    ]
    if any(child.wait() for child in children):
        raise SystemExit("The copies could not be made.")


def _analysed() -> None:
    """As autovacuum would have it by and by: the planner knows the tables as they are now."""
    import psycopg

    owner = settings.DATABASE_OWNER or settings.DATABASES["default"]
    address = f"dbname={owner['NAME']} user={owner['USER']} host={owner['HOST']}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
