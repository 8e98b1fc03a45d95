"""`manage.py verify_ledger [--case C-1001]`: exit code 1, and the first broken event by name, when it does not hold."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cases import anchors, ledger
from cases.anchors import Checked
from cases.models import Case
from orchestrator.checks import SETTINGS
from orchestrator.memory import peak_kb


class Command(BaseCommand):
    help = "Check every hash chain of the ledger, and the anchors of database and file against them."
    requires_system_checks = [SETTINGS]  # the others would load every page of the product

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--case", metavar="C-1001", help="only the chain of this case; anchors are not looked at")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        if options["case"]:
            verdict = ledger.verify(case_id=_case(options["case"]))
            checked = Checked(verdict, problem=verdict.first_broken)
        else:
            checked = anchors.verify()
        seconds = max(time.monotonic() - began, 0.001)
        speed = {"n": checked.verdict.events, "s": f"{seconds:.1f}", "rate": round(checked.verdict.events / seconds)}
        if checked.problem:
            raise CommandError(_("The ledger does not hold. %(why)s") % {"why": checked.problem})
        self.stdout.write(
            _("%(events)s events in %(chains)s chains hold.")
            % {"events": checked.verdict.events, "chains": checked.verdict.chains}
        )
        if checked.verdict.erased:
            self.stdout.write(_("Details erased by order: %(n)s") % {"n": checked.verdict.erased})
        if not options["case"]:
            self.stdout.write(_anchors(checked))
        self.stdout.write(_("%(n)s events in %(s)s s, %(rate)s a second") % speed + ", " + _memory())


def _case(number: str) -> int:
    """The id of a case number. Raises CommandError if there is no such case."""
    text = number.upper().removeprefix("C-")
    if text.isdecimal() and len(text) < 19 and Case.objects.filter(pk=int(text)).exists():
        return int(text)
    raise CommandError(_("There is no case %(number)s.") % {"number": number})


def _anchors(checked: Checked) -> str:
    if not checked.anchors:
        return _("There is no anchor yet; `manage.py anchor_ledger` takes one.")
    return _("%(n)s anchors agree, the newest of %(at)s.") % {"n": checked.anchors, "at": checked.newest}


def _memory() -> str:
    return _("%(mb)s MB at most") % {"mb": round(peak_kb() / 1024)}
