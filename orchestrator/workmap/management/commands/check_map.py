"""`manage.py check_map`: gaps of the configuration in force, in words."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from cases.clock import database_now
from orchestrator.workmap.gaps import gaps


class Command(BaseCommand):
    help = "Say what the configuration in force lacks."

    def handle(self, *args: Any, **options: Any) -> None:
        found = gaps(database_now())
        for gap in found:
            self.stdout.write(gap.text)
        if not found:
            self.stdout.write(_("The map has no gaps."))
