"""The machine's own servers: a database of its own for each test run, and the brokers that answer."""

import os
import socket
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql

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


@pytest.fixture
def real_environment(real_broker: str) -> Iterator[dict[str, str]]:
    """A new database with its two roles on the machine's PostgreSQL, and the environment that names it."""
    needs("PostgreSQL")
    name = f"work_command_{uuid.uuid4().hex[:12]}"
    owner, app = f"{name}_owner", f"{name}_app"
    with psycopg.connect(host=HOST, user="postgres", dbname="postgres", autocommit=True) as connection:
        for role in (owner, app):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(owner)))
        try:
            yield _environment(name, owner, app, real_broker)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            for role in (app, owner):
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


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
