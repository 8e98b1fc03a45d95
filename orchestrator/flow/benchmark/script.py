"""The script of the benchmark: it counts statements, times one case alone, then races workers against the floor.

`python -m orchestrator.flow.benchmark.script CASES ROUNDS ALONE ROWS PID …` prints one JSON object; PIDs are
those of the servers, whose CPU counts too.
"""

import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

WORKERS = 2
WRITERS = 8
COUNTED = 20  # cases whose statements are counted; the last look that finds nothing is shared by them
REPLAYED = 400  # cases whose statements are sent again alone, at most as many as a round has
WARM = 4
LONGEST = 600.0  # seconds for one round
LOOK = 0.05  # seconds between two looks of the script for what waits; its looking is measured too


@dataclass
class Spent:
    """Wall and CPU seconds of one round."""

    seconds: float = 0.0
    cpu: float = 0.0
    peak_mb: float = 0.0


@dataclass
class Races:
    """What each round of each kind took, in the order of the rounds."""

    floors: list[Spent] = field(default_factory=list)
    bare: list[Spent] = field(default_factory=list)
    leans: list[Spent] = field(default_factory=list)
    replays: list[Spent] = field(default_factory=list)
    products: list[Spent] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    import django

    django.setup()
    from orchestrator.flow.benchmark import workload

    cases, rounds, alone, rows = (int(word) for word in sys.argv[1:5])
    servers = [int(word) for word in sys.argv[5:]]
    workload.set_up()
    bench = Bench(servers)
    figures = bench.measure(cases, rounds, alone)
    figures["ledger"] = bench.ledger(rows) if rows else {}
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


class Bench:
    """All measurements, on a fresh database that is set up."""

    def __init__(self, servers: Sequence[int]) -> None:
        from orchestrator.flow.benchmark import workload

        self.servers = servers
        self.manager = workload.manager()
        self.numbers = count(1)

    def measure(self, cases: int, rounds: int, alone: int) -> dict[str, Any]:
        """Everything, as the command prints it."""
        for asks in (False, True) * WARM:
            self._alone(asks=asks)
        automatic, approved = self._statements(asks=False), self._statements(asks=True)
        times = [self._timed(asks=bool(n % 2)) for n in range(alone * 2)]
        recording = self._recording(min(cases, REPLAYED))
        races = Races()
        for _round in range(rounds):
            races.floors.append(self._floor(cases))
            races.products.append(self._race(cases))
            races.leans.append(self._lean(cases))
            races.replays.append(self._replay(recording))
            races.bare.append(self._floor(cases, "autocommit"))
        return self._figures(cases, recording[1], times, automatic, approved, races)

    # ------------------------------------------------------------------ one process

    def _alone(self, *, asks: bool) -> None:
        from orchestrator.flow.benchmark import workload

        workload.alone(next(self.numbers), self.manager, asks=asks)

    def _timed(self, *, asks: bool) -> float:
        began = time.perf_counter()
        self._alone(asks=asks)
        return (time.perf_counter() - began) * 1000

    def _statements(self, *, asks: bool) -> list[tuple[str, str]]:
        """The statements of `COUNTED` cases that go the same way, one batch a stage as workers take them."""
        from approvals import services as approvals
        from approvals.models import Approval
        from orchestrator.flow import services as flow
        from orchestrator.flow.benchmark import workload
        from orchestrator.flow.benchmark.statements import counted

        with counted() as sent:
            for _case in range(COUNTED):
                workload.take_in(next(self.numbers), asks=asks)
            flow.advance()
        if asks:
            waiting = list(Approval.objects.filter(state="waiting").values_list("pk", "fingerprint"))
            with counted() as later:
                for pk, fingerprint in waiting:
                    approvals.decide(actor=self.manager, approval_id=pk, fingerprint=fingerprint, option="refund")
                flow.advance()
            sent.lines += later.lines
        return sent.lines

    def _recording(self, cases: int) -> tuple[str, int]:
        """The file with the statements of about so many cases, sent as by workers that take together what is ready; and
        how many cases they are.
        """
        from django.conf import settings

        from orchestrator.flow import services as flow
        from orchestrator.flow.benchmark import replay, workload

        lots = -(-cases // COUNTED)
        replay.keep()
        with replay.recorded() as statements:
            for _lot in range(lots):
                for n in range(COUNTED):
                    workload.take_in(next(self.numbers), asks=bool(n % 2))
                flow.advance()
                workload.decide_waiting(self.manager)
                flow.advance()
        path = Path(settings.DATA_DIR) / "statements.json"
        path.write_text(json.dumps(statements))
        return str(path), lots * COUNTED

    # ------------------------------------------------------------------ many processes

    def _race(self, cases: int) -> Spent:
        """`cases` cases by two workers, while this process hands them in and decides every second one."""
        from orchestrator.flow.benchmark import workload

        command = [sys.executable, "-m", "orchestrator.flow.benchmark.worker"]
        with self._children([command] * WORKERS) as workers, self._spent(workers) as spent:
            first = 0
            for n in range(cases):
                case = workload.take_in(next(self.numbers), asks=bool(n % 2))
                first = first or case.pk
                if n % 10 == 9:
                    workload.decide_waiting(self.manager)
            self._until_done(first, cases, workers)
        ended = workload.outcomes(first)
        wanted = Counter(automatic=cases - cases // 2, approved=cases // 2)
        if ended != wanted:
            raise SystemExit(f"The cases ended otherwise than they must: {dict(ended)}")
        return spent

    def _until_done(self, first: int, cases: int, workers: Sequence["subprocess.Popen[str]"]) -> None:
        from cases.models import Case
        from orchestrator.flow.benchmark import workload

        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            if workload.decide_waiting(self.manager):
                continue
            if any(worker.poll() is not None for worker in workers):
                raise SystemExit("A worker ended before its time.")
            if Case.objects.filter(pk__gte=first, status=Case.Status.DONE).count() >= cases:
                return
            time.sleep(LOOK)
        raise SystemExit(f"The cases did not end within {LONGEST:.0f} seconds: {dict(workload.outcomes(first))}")

    def _floor(self, cases: int, *how: str) -> Spent:
        """The same number of cases as rows in plain psycopg, by two processes."""
        from orchestrator.flow.benchmark import floor

        address = _owners_address()
        floor.make_table(address)
        return self._rows(
            [sys.executable, "-m", "orchestrator.flow.benchmark.floor", address, str(cases // WORKERS), *how]
        )

    def _lean(self, cases: int) -> Spent:
        """The same number of cases in the bare shape of this design, by two processes."""
        from django.conf import settings

        from orchestrator.flow.benchmark import lean

        lean.make_tables(_owners_address(), settings.DATABASES["default"]["USER"])
        spent = self._rows([sys.executable, "-m", "orchestrator.flow.benchmark.lean_race", str(cases // WORKERS)])
        if wrong := lean.Case.objects.exclude(status="done").count():
            raise SystemExit(f"{wrong} cases of the lean trial did not end.")
        return spent

    def _replay(self, recording: tuple[str, int]) -> Spent:
        """The recorded statements alone, by one process; they belong in one order."""
        from orchestrator.flow.benchmark import replay

        path, cases = recording
        replay.copy()
        before = replay.ended()
        spent = self._rows([sys.executable, "-m", "orchestrator.flow.benchmark.replay", path], processes=1)
        if replay.ended() != before + cases:
            raise SystemExit(f"{replay.ended() - before} of {cases} cases ended when their statements were sent again.")
        return spent

    def _rows(self, command: Sequence[str], *, processes: int = WORKERS) -> Spent:
        """So many processes of this program, until each has said that it is through."""
        with self._children([command] * processes) as writers, self._spent(writers) as spent:
            for writer in writers:
                _line(writer)
        return spent

    @contextmanager
    def _children(self, commands: Sequence[Sequence[str]]) -> Iterator[list["subprocess.Popen[str]"]]:
        """Programs that are set up and wait for the word; they are told to end afterwards."""
        started = [
            subprocess.Popen(list(one), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for one in commands
        ]
        try:
            for child in started:
                _line(child)
            yield started
        finally:
            for child in started:
                if child.stdin is not None:
                    child.stdin.close()
            for child in started:
                child.wait(30)

    @contextmanager
    def _spent(self, started: Sequence["subprocess.Popen[str]"]) -> Iterator[Spent]:
        """Give the word, and measure until the block is through: all processes, the servers among them."""
        import os

        from orchestrator.flow.benchmark import processes

        spent = Spent()
        roots = [os.getpid(), *self.servers]
        cpu, began = processes.cpu_seconds(roots), time.perf_counter()
        for child in started:
            assert child.stdin is not None  # noqa: S101  # a pipe was asked for
            child.stdin.write("go\n")
            child.stdin.flush()
        yield spent
        spent.seconds = time.perf_counter() - began
        spent.cpu = processes.cpu_seconds(roots) - cpu
        spent.peak_mb = processes.peak_mb([child.pid for child in started])

    # ------------------------------------------------------------------ figures

    def _figures(
        self,
        cases: int,
        replayed: int,
        times: list[float],
        automatic: list[tuple[str, str]],
        approved: list[tuple[str, str]],
        races: "Races",
    ) -> dict[str, Any]:
        floors, leans, products = races.floors, races.leans, races.products
        cuts = statistics.quantiles(times, n=20)
        cpu = statistics.median(p.cpu for p in products) / cases * 1000
        floor_cpu = statistics.median(f.cpu for f in floors) / cases * 1000
        return {
            "cases": cases,
            "rounds": len(products),
            "workers": WORKERS,
            "cases_per_s": round(statistics.median(cases / p.seconds for p in products), 1),
            "p50_ms": round(statistics.median(times), 1),
            "p95_ms": round(cuts[18], 1),
            "statements_automatic": round(len(automatic) / COUNTED, 1),
            "statements_approved": round(len(approved) / COUNTED, 1),
            "cpu_ms_per_case": round(cpu, 2),
            "cpu_over_floor": _ratio([p.cpu / f.cpu for p, f in zip(products, floors, strict=True) if f.cpu]),
            "rate_over_floor": _ratio([f.seconds / p.seconds for p, f in zip(products, floors, strict=True)]),
            "cpu_over_lean": _ratio([p.cpu / n.cpu for p, n in zip(products, leans, strict=True) if n.cpu]),
            "peak_rss": round(max(p.peak_mb for p in products), 1),
            "floor": {
                "what": "plain psycopg, six committed rows a case, two processes",
                "cases_per_s": round(statistics.median(cases / f.seconds for f in floors), 1),
                "cpu_ms_per_case": round(floor_cpu, 2),
                "autocommit_cpu_ms_per_case": round(statistics.median(f.cpu for f in races.bare) / cases * 1000, 2),
            },
            "lean": {
                "what": "the bare shape of this design in Django's ORM, two processes",
                "cases_per_s": round(statistics.median(cases / n.seconds for n in leans), 1),
                "cpu_ms_per_case": round(statistics.median(n.cpu for n in leans) / cases * 1000, 2),
                "cpu_over_floor": _ratio([n.cpu / f.cpu for n, f in zip(leans, floors, strict=True) if f.cpu]),
            },
            "replay": {
                "what": "the statements of a case alone, sent again by plain psycopg, one process",
                "cpu_ms_per_case": round(statistics.median(r.cpu for r in races.replays) / replayed * 1000, 2),
                "cpu_over_floor": _ratio(
                    [r.cpu / replayed / (f.cpu / cases) for r, f in zip(races.replays, floors, strict=True) if f.cpu]
                ),
            },
            "statements": {"automatic": _list(automatic), "approved": _list(approved)},
        }

    def ledger(self, rows: int) -> dict[str, Any]:
        """Rows a second that eight processes append, and what verifying all of it takes. The chains must hold."""
        from orchestrator.flow.benchmark import appending

        figures: dict[str, Any] = {}
        for name, together in (("append_rows_per_s", appending.TOGETHER), ("append_commits_per_s", 1)):
            command = [sys.executable, "-m", "orchestrator.flow.benchmark.appending", str(together)]
            with self._children([command] * WRITERS) as writers, self._spent(writers) as spent:
                done = sum(int(_line(writer)) for writer in writers)
            figures[name] = round(done / spent.seconds)
        appending.fill(rows)
        began = time.perf_counter()
        words = subprocess.run(
            [sys.executable, "manage.py", "verify_ledger"], capture_output=True, text=True, check=False
        )
        if words.returncode:
            raise SystemExit(words.stderr)
        lines = words.stdout.splitlines()
        return figures | {"verify_s": round(time.perf_counter() - began, 1), "verify": [lines[0], lines[-1]]}


def _owners_address() -> str:
    from django.conf import settings

    owner = settings.DATABASE_OWNER or settings.DATABASES["default"]
    return f"dbname={owner['NAME']} user={owner['USER']} host={owner['HOST']}"


def _ratio(values: list[float]) -> float | None:
    """None where the floor was over before the clock of the processes had moved: too few cases."""
    return round(statistics.median(values), 3) if values else None


def _list(lines: list[tuple[str, str]]) -> list[str]:
    """Statements of one case on average: how often, what, and from where."""
    tally: dict[tuple[str, str], int] = {}
    for line in lines:
        tally[line] = tally.get(line, 0) + 1
    return [f"{n / COUNTED:g} x {what}   <- {where}" for (what, where), n in tally.items()]


def _line(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None  # noqa: S101  # a pipe was asked for
    line: str = child.stdout.readline()
    if not line:
        raise SystemExit("A program of the benchmark ended before its time.")
    return line


if __name__ == "__main__":
    main()
