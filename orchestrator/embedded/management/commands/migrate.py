"""`migrate` as Django has it, but as the owner role; the product's role gets its rights afterwards."""

from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import Error as DatabaseError

from orchestrator.embedded.roles import as_owner, grant_app_role, has_owner
from orchestrator.environment import CACHE_TABLE


class Command(migrate.Command):
    """Make the schema of `DATABASE_URL` fit, as the role of `DATABASE_OWNER_URL`."""

    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner():
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"]):
                call_command("createcachetable", *_cache_tables(), verbosity=0)
            if has_owner():
                grant_app_role()
            run = _migrations_run()
        if _migrations_run() != run:
            raise CommandError(
                "DATABASE_OWNER_URL and DATABASE_URL do not lead to the same database. "
                "The one of DATABASE_OWNER_URL was migrated, the product runs on the other."
            )
        if not has_owner() and options["verbosity"]:
            self.stderr.write(
                "Note: DATABASE_OWNER_URL is not set, so the role that runs the product owns the tables too. "
                "The ledger is then kept by triggers only."
            )


def _cache_tables() -> set[str]:
    """The one beside RabbitMQ always: whoever changes BROKER_URL has no reason to think of `migrate`."""
    cache = settings.CACHES["default"]
    return {CACHE_TABLE, cache["LOCATION"]} if cache["BACKEND"].endswith("DatabaseCache") else {CACHE_TABLE}


def _migrations_run() -> set[tuple[str, str]]:
    """App and name of each that the database of this moment's role knows; none where that role may not look."""
    try:
        return set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        return set()
