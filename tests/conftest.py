"""What every test can ask for: PostgreSQL with its two roles, a broker, the environment of children.

Tests run as the product's own role, as production does. Only making and emptying the database do not.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.servers.basehttp import WSGIRequestHandler
from django.db import connections
from django.test import TransactionTestCase
from django.utils import translation
from psycopg import sql
from pytest_django import DjangoDbBlocker

from orchestrator.embedded.broker import EmbeddedBroker
from orchestrator.embedded.postgres import APP, DATABASE, OWNER, EmbeddedPostgres
from tests import cluster

pytest_plugins = ["tests.guarantees"]
# Django's live server sends the status and the headers apart: without this each answer waits 40 ms for the first's receipt.
WSGIRequestHandler.disable_nagle_algorithm = True

KEPT = {"django_migrations"}  # told apart from the rest: no test writes here


def migrate() -> None:
    """As production does it: as the owner, with the product's role given its rights."""
    call_command("migrate", verbosity=0)
    connections.close_all()


@pytest.fixture(autouse=True)
def own_language() -> None:
    """A page that an earlier test asked for in this thread leaves its language behind, as it does in a web process."""
    translation.deactivate()


@pytest.fixture(scope="session")
def postgres(django_db_blocker: DjangoDbBlocker) -> Iterator[EmbeddedPostgres]:
    """The embedded PostgreSQL of this test run, without syncs, in a folder of its own."""
    server = EmbeddedPostgres(settings.DATA_DIR, fast=True)
    with django_db_blocker.unblock():
        cluster.migrated(server, migrate)
    yield server
    connections.close_all()
    server.stop()


@pytest.fixture(scope="session")
def emptier(postgres: EmbeddedPostgres) -> Iterator["Emptier"]:
    """Remembers the migrated rows, to bring the database back to them."""
    emptier = Emptier(postgres)
    yield emptier
    emptier.connection.close()


@pytest.fixture(scope="session")
def django_db_setup(emptier: "Emptier") -> Iterator[None]:
    """In the place of pytest-django's: empty the database between tests."""
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: emptier.empty())
    yield
    patch.undo()


class Emptier:
    """Brings the database back to what it was after migrating, as the superuser and with triggers off.

    The product's role may not truncate, and the ledger's triggers refuse everybody; both are what is tested.
    """

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self.postgres = postgres
        self.connect()
        found = self.connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        self.tables = sorted({name for (name,) in found} - KEPT)
        self.prints = self._fingerprints()
        self.sequences = self._sequences()
        self.rows = {name: self._read(name) for name, print_ in self.prints.items() if print_}

    def connect(self) -> None:
        """Its own connection; again after a test that restarted the server."""
        self.connection = self.postgres.connect(database=DATABASE)
        self.connection.execute("SET session_replication_role = replica")
        self.connection.execute("SET lock_timeout = '3s'")

    def empty(self) -> None:
        """Put back what the migrations left. Sessions that hold rows or tables are ended."""
        connections.close_all()
        try:
            self._put_back()
        except psycopg.errors.LockNotAvailable:
            self.connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            self._put_back()

    def _put_back(self) -> None:
        """Only what a test touched: rows first, then the numbers that the sequences had."""
        with self.connection.transaction():
            for name, print_ in self._fingerprints().items():
                if print_ == self.prints[name]:
                    continue
                table = sql.Identifier(name)
                self.connection.execute(sql.SQL("DELETE FROM {}").format(table))
                if name in self.rows:
                    with self.connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
                        copy.write(self.rows[name])
            for name, value in self._sequences().items():
                if value != self.sequences[name]:
                    last = self.sequences[name]
                    self.connection.execute("SELECT setval(%s, %s, %s)", [name, last or 1, last is not None])

    def _fingerprints(self) -> dict[str, str | None]:
        """A digest of each table's rows in one query; None for an empty table."""
        parts = [
            sql.SQL("SELECT {}, (SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t)").format(
                sql.Literal(name), sql.Identifier(name)
            )
            for name in self.tables
        ]
        return dict(self.connection.execute(sql.SQL(" UNION ALL ").join(parts)).fetchall())

    def _sequences(self) -> dict[str, int | None]:
        """The last number of each sequence; None where none was given out."""
        return dict(
            self.connection.execute(
                "SELECT quote_ident(sequencename), last_value FROM pg_sequences WHERE schemaname = 'public'"
            ).fetchall()
        )

    def _read(self, name: str) -> bytes:
        with self.connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))) as copy:
            return b"".join(bytes(part) for part in copy)


@pytest.fixture
def owner_connection(postgres: EmbeddedPostgres, transactional_db: None) -> Iterator[psycopg.Connection]:
    """A connection as the role that owns the tables, for tests that show what even it cannot do."""
    with postgres.connect(database=DATABASE, role=OWNER) as connection:
        yield connection


@pytest.fixture
def app_connection(postgres: EmbeddedPostgres, transactional_db: None) -> Iterator[psycopg.Connection]:
    """A second connection as the product's own role, for races and for plain SQL."""
    with postgres.connect(database=DATABASE, role=APP) as connection:
        yield connection


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A real broker in a folder of its own."""
    server = EmbeddedBroker(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def child_environment(postgres: EmbeddedPostgres, broker: EmbeddedBroker, transactional_db: None) -> dict[str, str]:
    """The environment in which web, worker and beat see this test's database and broker."""
    return environment_of_children(postgres, broker)


def environment_of_children(postgres: EmbeddedPostgres, broker: EmbeddedBroker) -> dict[str, str]:
    """The same for fixtures that live longer than one test."""
    address = f"@/{DATABASE}?host={postgres.sockets}"
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
        "WORK_COMMAND_DATA": str(settings.DATA_DIR),
        "WORK_COMMAND_DEMO": "yes",
        "SECRET_KEY": settings.SECRET_KEY,
        "FIELD_KEYS": ",".join(settings.FIELD_KEYS),
        "LEDGER_KEY": settings.LEDGER_KEY,
        "DATABASE_URL": f"postgresql://{APP}{address}",
        "DATABASE_OWNER_URL": f"postgresql://{OWNER}{address}",
        "BROKER_URL": broker.url,
        "DATABASE_POOL": "5",
    }
