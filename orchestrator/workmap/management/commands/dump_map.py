"""`manage.py dump_map`: the map in force, as `load_map` reads it."""

from typing import Any

from django.core.management.base import BaseCommand

from orchestrator.workmap.dumping import dump


class Command(BaseCommand):
    help = "Print the work command map in force as YAML."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(dump(), ending="")
