"""`manage.py demo`: everything on this machine, with a line for each stage. Ctrl-C stops it all."""

import os
import signal
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from orchestrator.checks import SETTINGS
from orchestrator.demo import environment, people, running
from orchestrator.embedded import lock, programs
from orchestrator.embedded.broker import EmbeddedBroker
from orchestrator.embedded.postgres import EmbeddedPostgres


class Command(BaseCommand):
    """Start the servers, the demo company, workers, beat and web, and keep them running."""

    help = "Start everything on this machine, ready to click."
    requires_system_checks = [SETTINGS]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reset", action="store_true", help="forget what earlier starts made, and start anew")

    def handle(self, *args: Any, **options: Any) -> None:
        data = settings.DATA_DIR
        services: dict[str, programs.Supervised] = {}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, programs.raise_stopped)
        try:
            with lock.held(data):
                try:
                    self._start(data, services, reset=options["reset"])
                    programs.keep_running(services, self.stdout.write)
                finally:
                    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                        signal.signal(number, signal.SIG_IGN)
                    programs.stop_all(services, lambda line: self.stdout.write(f"  {line}"))
        except programs.Stopped:
            self.stdout.write("Stopped. `make demo` continues where this was.")
        except (programs.GaveUp, running.DemoFailed, environment.PortTaken) as refusal:
            raise CommandError(str(refusal)) from None

    def _start(self, data: Any, services: dict[str, programs.Supervised], *, reset: bool) -> None:
        began = time.monotonic()
        with self._stage("Data folder"):
            running.end_left_behind(data)
            if reset:
                self._reset(data)
            environment.decide(os.environ, data)
            settings.PUBLIC_URL = os.environ["PUBLIC_URL"]
        self._start_servers(data, services)
        self._run(services, "company", running.company(data))  # makes its records meanwhile
        with self._stage("Migrations"):
            call_command("migrate", verbosity=0)
        with self._stage("Demo company"):
            port = os.environ["DEMO_COMPANY_PORT"]
            running.wait_for(f"http://127.0.0.1:{port}/health", "The demo company", services["company"])
        with self._stage("Map and people"):
            running.load_company()
            passwords = people.give_passwords(data)
        with self._stage("Texts and static files"):
            running.collect_static(data)
            lines, confirm = people.one_line_a_role(passwords), running.to_confirm_first()
            running.release_connections()
        with self._stage("Worker, beat and web"):
            self._run(services, "worker", running.worker(data))
            self._run(services, "beat", running.beat(data))
            self._run(services, "web", running.web(data))
            running.wait_for(f"http://127.0.0.1:{os.environ['PORT']}/readyz", "The web server", services["web"])
        self._welcome(lines, confirm, time.monotonic() - began)

    def _reset(self, data: Any) -> None:
        """A server left behind is stopped before its files go."""
        left = EmbeddedPostgres(data)
        if left.answers():
            left.start()
            left.stop()
        running.forget(data)

    def _start_servers(self, data: Any, services: dict[str, programs.Supervised]) -> None:
        """Those that were named in the environment were looked at before (embedded/preflight.py)."""
        if settings.DATABASE_IS_EMBEDDED:
            with self._stage("PostgreSQL"):
                self._run(services, "postgres", EmbeddedPostgres(data))
        if settings.BROKER_IS_EMBEDDED:
            with self._stage("Broker"):
                self._run(services, "broker", EmbeddedBroker(data))

    def _run(self, services: dict[str, programs.Supervised], name: str, service: programs.Supervised) -> None:
        services[name] = service  # first, so that a start that is interrupted is stopped as well
        service.log.parent.mkdir(mode=0o700, exist_ok=True)
        service.start()

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self.stdout.write(f"  {name:<28}", ending="")
        self.stdout.flush()
        yield
        self.stdout.write(f"{time.monotonic() - began:6.1f} s")

    def _welcome(self, lines: list[str], confirm: list[str], seconds: float) -> None:
        self.stdout.write(f"\nReady after {seconds:.0f} s: {os.environ['PUBLIC_URL']}/\n\nWho can sign in:")
        for line in lines:
            self.stdout.write(f"  {line}")
        self.stdout.write(f"  (all of them: {settings.DATA_DIR / people.NAME})")
        if confirm:
            self.stdout.write("\nTo confirm first, each by its person (until then a person decides every time):")
            for line in confirm:
                self.stdout.write(f"  {line}")
        self.stdout.write(
            "\nCtrl-C stops everything. The next start continues here; `make demo RESET=1` starts anew.\n"
        )
        self.stdout.flush()
