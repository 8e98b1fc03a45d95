"""`manage.py load_map FILE [--check] [--by USER] [--reason TEXT] [--retire]`."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cases.actors import Actor, person
from orchestrator.workmap import services
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.loading import Loaded
from orchestrator.workmap.reading import read_file

COMMAND_LINE = Actor(kind="control", label="command line")


class Command(BaseCommand):
    help = "Load a work command map: all of it or nothing. What loosens on a running system waits for a second person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--check", action="store_true", help="only say what would change")
        parser.add_argument("--by", metavar="USER", help="user name of who loads it")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the history")
        parser.add_argument("--retire", action="store_true", help="retire records that the map does not name")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = actor_of(options["by"])
        try:
            loaded = services.load(
                actor=actor,
                text=read_file(options["file"]),
                reason=options["reason"] or _("loaded from a map file"),
                retire=options["retire"],
                check_only=options["check"],
            )
        except Refused as refused:
            lines = [*refused.lines, _("Nothing was changed.")]
            raise CommandError("\n".join(lines)) from refused
        self.stdout.write("\n".join(told(loaded, check_only=options["check"])))


def actor_of(username: str | None) -> Actor:
    """The person of this user name, or the command line. Raises CommandError if there is no such active user."""
    if username is None:
        return COMMAND_LINE
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(_("There is no active user %(name)s. Nothing was changed.") % {"name": username})
    return person(user)


def told(loaded: Loaded, *, check_only: bool) -> list[str]:
    """What was done (or would be), one change a line."""
    lines = list(loaded.words)
    for name in loaded.left:
        lines.append(_("Left as it is, though the map does not name it: %(name)s") % {"name": name})
    if not loaded.words:
        lines.append(_("The map is loaded already; nothing changes."))
    elif check_only:
        lines.append(_("Only checked; nothing was changed."))
    if loaded.waiting:
        lines.append(_("%(count)d changes wait for a second person.") % {"count": len(loaded.waiting)})
    if loaded.since_before:
        words = _("%(count)d changes wait for a second person since an earlier load; nothing was added to them.")
        lines.append(words % {"count": loaded.since_before})
    return lines
