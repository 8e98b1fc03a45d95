"""`manage.py seed_cases --cases 100000`: a grown database for trials, out of the cases that are here."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from orchestrator.flow import seeding

EVERY = 10_000


class Command(BaseCommand):
    help = "Copy the cases that are here, with all that hangs on them, until there are many. Demo and trials only."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cases", type=int, required=True, help="how many copies to make")
        parser.add_argument("--days", type=int, default=365, help="how far back closed ones reach (default 365)")
        parser.add_argument("--open", type=int, default=500, help="how many are copies of open cases (default 500)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                _("This database is not a demo's, so nothing was made. Trials set WORK_COMMAND_DEMO=yes.")
            )
        if options["cases"] < 1 or options["days"] < 1 or options["open"] < 0:
            raise CommandError(_("Give a number of cases and of days above zero. Nothing was made."))
        self.began = time.monotonic()
        try:
            made = seeding.seed(options["cases"], days=options["days"], most_open=options["open"], tell=self._tell)
        except ValueError as error:
            raise CommandError(_("There is no case to copy yet: handle a few first. Nothing was made.")) from error
        self._tell(made, end=True)

    def _tell(self, made: int, end: bool = False) -> None:
        if end or made % EVERY == 0:
            seconds = time.monotonic() - self.began
            words = _("%(n)s cases in %(s)s s, %(rate)s a second")
            self.stdout.write(words % {"n": made, "s": round(seconds, 1), "rate": round(made / seconds)})
