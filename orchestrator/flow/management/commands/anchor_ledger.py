"""`manage.py anchor_ledger`: sign the ends of all chains now; after a restore, leave aside what is ahead of it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cases import anchors
from cases.actors import Actor
from cases.anchors import BadAnchor, NotKept
from cases.errors import Refusal
from orchestrator.checks import SETTINGS

COMMAND_LINE = Actor(kind="control", label="command line")


class Command(BaseCommand):
    help = "Take an anchor of the ledger: into the database, the file LEDGER_ANCHOR_FILE and to LEDGER_ANCHOR_MAIL."
    requires_system_checks = [SETTINGS]  # the others would load every page of the product

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--accept-restore",
            metavar="REASON",
            help="leave the anchors aside that this restored database does not agree with; the reason is recorded",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if reason := (options["accept_restore"] or "").strip():
                for name in anchors.accept_restore(actor=COMMAND_LINE, reason=reason):
                    self.stdout.write(_("Left aside: the anchor of %(at)s") % {"at": name})
            elif options["accept_restore"] is not None:
                raise CommandError(_("Say why. Nothing was changed."))
            taken = anchors.take()
        except (BadAnchor, NotKept, Refusal) as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(
            _("Anchor of %(at)s: %(events)s events in %(chains)s chains, digest %(digest)s.")
            % {"at": taken.words, "events": taken.events, "chains": taken.cases, "digest": taken.digest[:16]}
        )
        self.stdout.write(_("Kept in %(path)s") % {"path": anchors.anchor_file()})
