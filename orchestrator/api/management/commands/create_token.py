"""`manage.py create_token NAME --scope SCOPE …`: makes an API token and prints it, and nothing else."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from agents.models import Agent
from cases.actors import CONTROL
from cases.errors import Refusal
from cases.models import Team
from orchestrator.api.models import ApiToken
from orchestrator.api.services import create_token


class Command(BaseCommand):
    help = "Make an API token. Its text is printed once and stored nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the token is for, as it will stand in the records")
        parser.add_argument(
            "--scope", action="append", required=True, choices=ApiToken.Scope.values, help="may be repeated"
        )
        parser.add_argument("--agent", help="name of the agent the token acts as (scope agent)")
        parser.add_argument("--user", help="user name of the person it acts as (scopes staff, decide, read)")
        parser.add_argument("--team", help="name of the team whose cases it reads (scope read)")
        parser.add_argument(
            "--trusted-identity", action="store_true", help="customer numbers it hands in are taken as true"
        )
        parser.add_argument("--days", type=int, default=90, help="how long it lives (default 90)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _token, secret = create_token(
                actor=CONTROL,
                name=options["name"],
                scopes=options["scope"],
                agent=_find(Agent, "agent", options["agent"]),
                user=_find(get_user_model(), "person", options["user"], field="username"),
                team=_find(Team, "team", options["team"]),
                trusted_identity=options["trusted_identity"],
                days=options["days"],
            )
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(secret)


def _find(model: Any, what: str, name: str | None, field: str = "name") -> Any:
    if name is None:
        return None
    found = model.objects.filter(**{field: name}).first()
    if found is None:
        raise CommandError(f"There is no {what} {name}.")
    return found
