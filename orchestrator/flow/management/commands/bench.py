"""`manage.py bench`: cases, statements and CPU of one workload beside a floor in the same run, as JSON."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from orchestrator.embedded.broker import EmbeddedBroker
from orchestrator.embedded.folders import private_folder
from orchestrator.embedded.postgres import EmbeddedPostgres

LEFT_OUT = ("DATABASE_URL", "DATABASE_OWNER_URL", "BROKER_URL", "CACHE_URL", "FIXED_NOW", "WORK_COMMAND_DEMO", "DEBUG")


class Command(BaseCommand):
    help = "Measure refund cases of six steps on embedded servers of their own; prints JSON."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cases", type=int, default=1_000, help="cases a round (default 1,000)")
        parser.add_argument("--rounds", type=int, default=3, help="rounds; the figures are medians (default 3)")
        parser.add_argument("--alone", type=int, default=40, help="cases of each kind timed alone (default 40)")
        parser.add_argument(
            "--rows", type=int, default=100_000, help="events that are verified (default 100,000; 0: not the ledger)"
        )
        parser.add_argument(
            "--statements", action="store_true", help="also list the statements of a case and where each comes from"
        )

        parser.add_argument(
            "--growth",
            metavar="10000,100000",
            help="instead: what a case, pages and lists cost at these sizes",
        )

        parser.add_argument(
            "--memory",
            type=int,
            metavar="10000",
            help="instead: what a web process and a worker hold while so many cases go through them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["memory"]:
            self._measure_memory(options["memory"])
            return
        if options["growth"]:
            self._grow(options["growth"])
            return
        if options["cases"] < 4 or options["rounds"] < 1 or options["alone"] < 2:
            raise CommandError("At least 4 cases, 1 round and 2 cases alone are needed.")
        with _servers() as (environment, servers):
            _run(environment, [str(Path(settings.BASE_DIR) / "manage.py"), "migrate", "--verbosity", "0"])
            words = [str(options[name]) for name in ("cases", "rounds", "alone", "rows")]
            words += [str(pid) for pid in servers]
            figures = json.loads(_run(environment, ["-m", "orchestrator.flow.benchmark.script", *words]))
        if not options["statements"]:
            figures.pop("statements")
        self.stdout.write(json.dumps(figures, indent=1, ensure_ascii=False))

    def _measure_memory(self, cases: int) -> None:
        if cases < 100:
            raise CommandError("At least 100 cases are needed.")
        with _servers() as (environment, _pids):
            environment["WORK_COMMAND_DEMO"] = "yes"
            manage = str(Path(settings.BASE_DIR) / "manage.py")
            _run(environment, [manage, "migrate", "--verbosity", "0"])
            _run(environment, [manage, "collectstatic", "--noinput", "--verbosity", "0"])
            figures = json.loads(_run(environment, ["-m", "orchestrator.flow.benchmark.memory", str(cases)]))
        self.stdout.write(json.dumps(figures, indent=1))

    def _grow(self, sizes: str) -> None:
        """Print JSON, and the same as a table."""
        if not re.fullmatch(r"[1-9][0-9]{2,7}(,[1-9][0-9]{2,7})*", sizes):
            raise CommandError("Write the numbers of cases with commas, each 100 or more: 10000,100000.")
        with _servers() as (environment, servers):
            environment |= {"WORK_COMMAND_DEMO": "yes", "API_EXPORTS_PER_MINUTE": "1000000"}
            manage = str(Path(settings.BASE_DIR) / "manage.py")
            _run(environment, [manage, "migrate", "--verbosity", "0"])
            _run(environment, [manage, "collectstatic", "--noinput", "--verbosity", "0"])
            words = [sizes, *(str(pid) for pid in servers)]
            figures = json.loads(_run(environment, ["-m", "orchestrator.flow.benchmark.growth", *words]))
        self.stdout.write(json.dumps(figures, indent=1))
        self.stdout.write(_table(figures["sizes"]))


def _table(columns: list[dict[str, Any]]) -> str:
    """A line for each thing that was measured: CPU milliseconds of all processes at each size, growth from first to
    last (of the CPU: what a busy machine adds to the time says nothing), and time and statements at the last size.
    """
    sizes = " | ".join(f"{column['cases']:,} cases" for column in columns)
    lines = [f"| CPU of | {sizes} | growth | time | statements |", "|---|" + "---:|" * (len(columns) + 3)]
    for name, first in columns[0]["lines"].items():
        what = "cpu_ms" if "cpu_ms" in first else "ms"
        values = [column["lines"][name][what] for column in columns]
        cells = " | ".join(f"{value:g} ms" for value in values)
        growth = f"{values[-1] / max(values[0], 0.01):.2f}"
        last = columns[-1]["lines"][name]
        lines.append(f"| {name} | {cells} | {growth} | {last['ms']:g} ms | {last.get('statements', '')} |")
    return "\n".join(lines)


@contextmanager
def _servers() -> Iterator[tuple[dict[str, str], list[int]]]:
    """PostgreSQL and broker in a folder of their own on the disk of the product's; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=private_folder(Path(settings.DATA_DIR))))
    postgres, broker = EmbeddedPostgres(folder), EmbeddedBroker(folder)
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    environment |= {
        "WORK_COMMAND_DATA": str(folder),
        "LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
    }
    try:
        postgres.start()
        broker.start()
        yield environment, [one.child.pid for one in (postgres, broker) if one.child is not None]
    finally:
        broker.stop()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _run(environment: dict[str, str], words: list[str]) -> str:
    """Run one Python program of ours; returns what it printed. Raises CommandError with the end of its errors."""
    done = subprocess.run(
        [sys.executable, *words], env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CommandError(f"The benchmark could not be run:\n{(done.stderr or done.stdout)[-3000:].strip()}")
    return done.stdout
