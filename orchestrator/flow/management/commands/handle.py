"""`manage.py handle "TEXT" [--from CONTACT]`: one request through everything in this process; prints its story."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from django.utils.translation import gettext as _

from agents.selectors import agent_titles
from approvals.models import Approval
from cases import services, story
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Refusal
from cases.models import Case, Event, RequestType
from cases.texts import say
from orchestrator.flow.services import advance_case

COMMAND_LINE = Actor(kind="requester", label="command line")
AT_WORK = (Case.Status.RECEIVED, Case.Status.WORKING, Case.Status.WAITING_WRITE)
SECONDS = 120.0  # a hold is at most 300 s; whoever waits for people does not wait here


class Command(BaseCommand):
    help = "Take one request in, let the AI do all that can be done, and tell the story line by line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("text", metavar="TEXT", help="what the customer wrote")
        parser.add_argument(
            "--from", dest="contact", default="", metavar="CONTACT", help="mail address or phone of the customer"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            loaded = RequestType.objects.filter(retired=False).exists()
        except ProgrammingError:
            raise CommandError(_("The database has no tables yet. Make them first: manage.py migrate")) from None
        if not loaded:
            raise CommandError(_("There are no request types yet. Load a map first: manage.py load_map FILE"))
        case = self._take_in(options["text"], options["contact"])
        told = self._tell(case, 0)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            case = advance_case(case.pk)
            told = self._tell(case, told)
            if case.status not in AT_WORK or case.wake_at is None:
                break
            time.sleep(min(0.5, max(0.05, (case.wake_at - database_now()).total_seconds())))
        self.stdout.write(f"\n{self._end(Case.objects.get(pk=case.pk))}")

    def _take_in(self, text: str, contact: str) -> Case:
        sender = services.Sender(contact=contact)
        try:
            case, _created = services.take_in(
                actor=COMMAND_LINE, source="customer", channel="api", sender=sender, text=text
            )
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        return case

    def _tell(self, case: Case, told: int) -> int:
        """Print what happened since event `told`; returns the last one printed."""
        names = agent_titles()
        for event in Event.objects.filter(case=case, seq__gt=told).select_related("detail").order_by("seq"):
            line = story.sentence(event.code, names.get(event.actor, event.actor), event.detail.data)
            self.stdout.write(f"{story.SIGNS[story.kind_of(event.code)]} {line}")
            told = event.seq
        return told

    def _end(self, case: Case) -> str:
        """Where the case is now, and what it waits for."""
        parts = [f"{case.number}: {story.where(case)}."]
        if case.why_here:
            parts.append(story.why_here(case.why_here))
        if case.outcome:
            parts.append(_("Outcome: %(outcome)s.") % {"outcome": story.outcome(case.outcome)})
        for approval in Approval.objects.filter(case=case, state="waiting").prefetch_related("asked__team"):
            teams = ", ".join(asked.team.shown for asked in approval.asked.all() if not asked.closed)
            words = {"what": say(approval.title), "who": teams}
            parts.append(_("To be decided by %(who)s: %(what)s.") % words)
        return " ".join(parts)
