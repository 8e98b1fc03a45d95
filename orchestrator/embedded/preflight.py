"""Before a command runs: are the servers there? A wrong address ends in a sentence within seconds.

The embedded servers are started for the time of the command when nobody runs them yet.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from orchestrator.demo.environment import apply_kept
from orchestrator.embedded import children, lock
from orchestrator.embedded.broker import BrokerFailed, EmbeddedBroker
from orchestrator.embedded.folders import FolderRefused
from orchestrator.embedded.postgres import EmbeddedPostgres, PostgresFailed
from orchestrator.environment import BadEnvironment, environment

WITHOUT_SERVERS = {
    "",
    "bench",  # it starts servers of its own
    "check",
    "collectstatic",
    "demo",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "messages",
    "sort_check",
    "spectacular",
    "startapp",
    "version",
}
NEED_BROKER = {"runserver"}
REFUSALS = (
    BadEnvironment,
    BrokerFailed,
    FolderRefused,
    ImproperlyConfigured,
    PostgresFailed,
    children.NamespaceRefused,
)


class ServerMissing(Exception):
    """A server that was named does not answer; the message says which and why, without its password."""


def run_command(arguments: Sequence[str]) -> int:
    """Run a management command with its servers; return an exit code. Refusals are one sentence on stderr."""
    name = next((word for word in arguments[1:] if not word.startswith("-")), "")
    try:
        _see_the_demo(name)
        with servers_for(name, arguments):
            execute_from_command_line(list(arguments))
    except (*REFUSALS, ServerMissing) as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _see_the_demo(name: str) -> None:
    """Before settings are read: this is the demo, or a command beside it."""
    data = environment.folder("WORK_COMMAND_DATA", Path(__file__).resolve().parents[2] / ".data")
    apply_kept(os.environ, data)
    if name == "demo":
        os.environ["WORK_COMMAND_DEMO"] = "yes"


@contextmanager
def servers_for(name: str, arguments: Sequence[str] = ()) -> Iterator[None]:
    """Within this block the servers that command `name` needs answer."""
    if name == "demo":  # it starts the embedded ones itself, with a line for each
        if not settings.DATABASE_IS_EMBEDDED:
            look_at_database()
        if not settings.BROKER_IS_EMBEDDED:
            look_at_broker()
    if name in WITHOUT_SERVERS or "--help" in arguments or "-h" in arguments:
        yield
        return
    with ExitStack() as stack:
        if settings.DATABASE_IS_EMBEDDED:
            stack.enter_context(_embedded_for_a_while())
        else:
            look_at_database()
            if name == "migrate" and settings.DATABASE_OWNER:
                look_at_database("DATABASE_OWNER_URL", settings.DATABASE_OWNER)
        if not settings.BROKER_IS_EMBEDDED and name in NEED_BROKER:
            look_at_broker()
        yield


@contextmanager
def _embedded_for_a_while() -> Iterator[None]:
    """Start the embedded servers unless somebody runs them; what was started here is stopped at the end."""
    postgres, broker = EmbeddedPostgres(settings.DATA_DIR), EmbeddedBroker(settings.DATA_DIR)
    if postgres.answers():
        yield
        return
    with lock.held(settings.DATA_DIR):
        try:
            postgres.start()
            if settings.BROKER_IS_EMBEDDED:
                broker.start()
            yield
        finally:
            broker.stop()
            postgres.stop()


def look_at_database(variable: str = "DATABASE_URL", database: Mapping[str, Any] | None = None) -> None:
    """Open one connection to the PostgreSQL that `variable` names. Raises `ServerMissing` within about 3 seconds."""
    database = database or settings.DATABASES["default"]
    options = {name: value for name, value in database["OPTIONS"].items() if name != "pool"}
    where = f"{database['HOST'] or 'the local socket'}:{database['PORT'] or 5432}"
    try:
        with psycopg.connect(
            host=database["HOST"] or None,
            port=database["PORT"] or None,
            user=database["USER"] or None,
            password=database["PASSWORD"] or None,
            dbname=database["NAME"],
            **{"connect_timeout": 3, **options},
        ) as connection:
            version = connection.info.server_version
    except psycopg.Error as error:
        lines = [line.strip() for line in str(error).splitlines() if not line.startswith("\t")]  # those are guesses
        raise ServerMissing(
            f"PostgreSQL at {where} ({variable}) cannot be used: {lines[-1] if lines else 'no answer'}\n"
            "Check host, port, database name, user and password; "
            "or take DATABASE_URL out of the environment to use the embedded one."
        ) from None
    if version < 150_000:
        raise ServerMissing(f"PostgreSQL at {where} is too old: version 15 or later is needed.")


def look_at_broker() -> None:
    """Open one connection to the named broker. Raises `ServerMissing` within about 2 seconds."""
    from orchestrator.health import broker_answers

    if not broker_answers(settings.BROKER_URL):
        parts = urlsplit(settings.BROKER_URL)
        where = f"{parts.scheme}://{parts.hostname or parts.path}" + (f":{parts.port}" if parts.port else "")
        raise ServerMissing(
            f"The broker at {where} (BROKER_URL) does not answer.\n"
            "Check host, port, user and password; or take BROKER_URL out to use the embedded one."
        )
