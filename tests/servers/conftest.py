"""The machine's own servers: a database of its own for each test run, and the brokers that answer."""

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
PORTS = {"PostgreSQL": 5432, "Redis": 6379, "RabbitMQ": 5672}
BROKERS = {"Redis": f"redis://{HOST}:6379/9", "RabbitMQ": f"amqp://guest:guest@{HOST}:5672//"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/servers" in item.path.as_posix():
            item.add_marker(pytest.mark.servers)


def needs(name: str) -> None:
    """Skip, saying so, when the server is not there."""
    with socket.socket() as line:
        line.settimeout(1)
        if line.connect_ex((HOST, PORTS[name])) != 0:
            pytest.skip(f"{name} does not answer on {HOST}:{PORTS[name]}; this leg was not run")


@pytest.fixture(params=BROKERS)
def real_broker(request: pytest.FixtureRequest) -> str:
    """The address of each broker that answers."""
    needs(request.param)
    return BROKERS[request.param]


@dataclass(frozen=True)
class Migrated:
    """A migrated database and its two roles, copied for each test: migrating takes longer than most of them."""

    name: str
    owner: str
    app: str


@pytest.fixture(scope="package")
def migrated() -> Iterator[Migrated]:
    """Made by `migrate` as the owner, with the table that is the shared cache beside RabbitMQ."""
    needs("PostgreSQL")
    name = f"work_command_{uuid.uuid4().hex[:12]}"
    made = Migrated(name, f"{name}_owner", f"{name}_app")
    with _superuser() as connection:
        for role in (made.owner, made.app):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        try:
            with _database(connection, name, made.owner, "template0"):
                done = manage(_environment(name, made.owner, made.app, BROKERS["RabbitMQ"]), "migrate", "-v0")
                assert done.returncode == 0, done.stderr
                yield made
        finally:
            for role in (made.app, made.owner):
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.fixture
def real_environment(real_broker: str, migrated: Migrated) -> Iterator[dict[str, str]]:
    """A migrated database of its own on the machine's PostgreSQL, and the environment that names it."""
    name = f"{migrated.name}_{uuid.uuid4().hex[:6]}"
    with _superuser() as connection, _database(connection, name, migrated.owner, migrated.name):
        yield _environment(name, migrated.owner, migrated.app, real_broker)


def _superuser() -> psycopg.Connection:
    return psycopg.connect(host=HOST, user="postgres", dbname="postgres", autocommit=True)


@contextmanager
def _database(connection: psycopg.Connection, name: str, owner: str, template: str) -> Iterator[None]:
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ENCODING 'UTF8'")
    names = (sql.Identifier(part) for part in (name, owner, template))
    connection.execute(statement.format(*names))
    try:
        yield
    finally:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """`manage.py WORDS` in that environment."""
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def _environment(name: str, owner: str, app: str, broker: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG", "PYTHONPATH"}}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
        "DATABASE_URL": f"postgresql://{app}@{HOST}:5432/{name}",
        "DATABASE_OWNER_URL": f"postgresql://{owner}@{HOST}:5432/{name}",
        "BROKER_URL": broker,
        "SECRET_KEY": uuid.uuid4().hex * 2,
        "LEDGER_KEY": uuid.uuid4().hex * 2,
        "FIELD_KEYS": Fernet.generate_key().decode(),
    }
