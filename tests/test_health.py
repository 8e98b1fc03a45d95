"""Health: `/livez` needs nothing, `/readyz` tells which server is down and nothing else."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.utils import OperationalError
from django.test import Client

from orchestrator import health


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_broker_seen", (float("-inf"), False))
    monkeypatch.setattr(health, "_schema_seen", False)


def test_livez_answers_without_a_database_and_for_any_host(client: Client) -> None:
    answer = client.get("/livez", headers={"host": "10.0.0.7"})
    assert answer.status_code == 200
    assert answer.content == b"alive\n"


@pytest.mark.django_db
def test_readyz_says_that_both_answer(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "up", "schema": "up", "broker": "up"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_readyz_says_that_the_database_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("secret-host refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": "down", "schema": "unknown", "broker": "up"}


@pytest.mark.django_db
def test_readyz_says_that_the_broker_is_down(client: Client, settings: object) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "database": "up", "schema": "up", "broker": "down"}


@pytest.mark.django_db
def test_readyz_says_that_a_migration_was_not_run(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """New code in front of an old schema: every page would break. An old process beside a new schema goes on."""
    of_code = health._migrations_of_code()
    assert of_code == set(MigrationLoader(None).disk_migrations)
    monkeypatch.setattr(health, "_migrations_of_code", lambda: {*of_code, ("cases", "9999_of_this_version")})
    for _again in range(2):
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "database": "up", "schema": "behind", "broker": "up"}
    monkeypatch.setattr(health, "_migrations_of_code", lambda: {one for one in of_code if one[0] != "cases"})
    assert client.get("/readyz").status_code == 200
