"""`manage.py messages`: bring the catalogue in line with the code, compile it, or check it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orchestrator import catalogues


class Command(BaseCommand):
    """Collect the texts of code and templates into the catalogue of Traditional Chinese."""

    help = "Update the catalogue; --compile makes the .mo only, --check fails when a text is missing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--compile", action="store_true", help="only make the .mo file")
        parser.add_argument("--check", action="store_true", help="change nothing; list what is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            if found := catalogues.faults():
                raise CommandError("\n".join([*found, f"{len(found)} faults. `make messages` adds missing texts."]))
            return
        if not options["compile"]:
            path = catalogues.update()
            self.stdout.write(f"{path.name}: {len(catalogues.faults())} texts to translate")
        catalogues.compile_all()
