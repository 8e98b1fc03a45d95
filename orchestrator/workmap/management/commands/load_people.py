"""`manage.py load_people FILE [--by USER] [--password-env NAME]`."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from orchestrator.workmap import services
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.management.commands.load_map import actor_of
from orchestrator.workmap.reading import read_file


class Command(BaseCommand):
    help = "Make or update the people of a company and their teams. Nobody is deleted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--by", metavar="USER", help="user name of who loads it")
        parser.add_argument(
            "--password-env",
            metavar="NAME",
            help="environment variable with the first password of new people",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["password_env"]
        password = os.environ.get(name, "") if name else None
        if password == "":
            raise CommandError(_("The environment has no %(name)s. Nothing was changed.") % {"name": name})
        try:
            words = services.load_people(
                actor=actor_of(options["by"]), text=read_file(options["file"]), password=password
            )
        except Refused as refused:
            raise CommandError("\n".join([*refused.lines, _("Nothing was changed.")])) from refused
        self.stdout.write("\n".join(words or [_("These people are loaded already; nothing changes.")]))
