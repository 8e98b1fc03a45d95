"""The ledger, decisions and what was carried out cannot be rewritten: not in the admin, not by plain SQL (X04).

`tests/cases/test_ledger.py` tries the ledger's tables as both roles (U04); here are the others, and the admin.
"""

import logging
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from approvals.models import Decision
from cases.actors import CONTROL
from cases.ledger import Entry, append_company
from tests.guarantees import Size, guarantee
from tests.world import World, build

pytestmark = pytest.mark.beside

STORED = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"
REFUSED: dict[str, str] = {
    "a decision's option": "UPDATE approvals_decision SET option = 'full'",
    "a decision's person": "UPDATE approvals_decision SET label = 'Somebody else'",
    "a decision's fingerprint": "UPDATE approvals_decision SET fingerprint = 'x'",
    "what was ticked": 'UPDATE approvals_decision SET confirmed = \'{"it.source": "x"}\'',
    "a decision's reason": "UPDATE approvals_decision SET reason_code = 'Other'",
    "a decision's time": "UPDATE approvals_decision SET at = now()",
    "a decision's account": "UPDATE approvals_decision SET user_id = (SELECT max(id) FROM auth_user)",
    "that it was not undone": "UPDATE approvals_decision SET undone_at = NULL WHERE undone_at IS NOT NULL",
    "no decision": "DELETE FROM approvals_decision",
    "no decisions": "TRUNCATE approvals_decision",
    "what was written": "UPDATE agents_write SET carried_out = '{\"amount\": 1}' WHERE state = 'written'",
    "what was decided": "UPDATE agents_write SET decided = '{\"amount\": 1}' WHERE state = 'written'",
    "what was proposed": "UPDATE agents_write SET proposed = '{\"amount\": 1}' WHERE state = 'written'",
    "that it was written": "UPDATE agents_write SET state = 'failed' WHERE state = 'written'",
    "by whose permit": "UPDATE agents_write SET permit_source = 'nobody' WHERE state = 'written'",
    "in which case": "UPDATE agents_write SET case_id = case_id + 1 WHERE state = 'written'",
    "no write": "DELETE FROM agents_write WHERE state = 'written'",
    "no writes": "TRUNCATE agents_write CASCADE",
    "a write without permit": "UPDATE agents_write SET state = 'written' WHERE controlled AND permit_fingerprint = ''",
    "the trigger": "ALTER TABLE agents_write DISABLE TRIGGER written_is_final",
    "all triggers": "SET session_replication_role = replica",
    "the owner": "SET ROLE work_owner",
    "an earlier version": "UPDATE approvals_historicalrule SET name = 'x'",
    "no earlier version": "DELETE FROM approvals_historicalrule",
    "a migration": "DELETE FROM django_migrations",
    **{f"no {table}": f"DELETE FROM {table}" for table in settings.RECORD_TABLES},
    **{f"emptied {table}": f"TRUNCATE {table} CASCADE" for table in settings.RECORD_TABLES},
}


def told(world: World) -> World:
    """The world after a decision that was carried out."""
    Decision.objects.create(
        approval=world.approval, user=world.manager, label="May Lee", team="support-managers", option="reject",
        fingerprint="f" * 64, at=world.now,
    )  # fmt: skip
    Decision.objects.create(
        approval=world.approval, user=world.deputy, label="Ken Ho", team="support-managers", option="full",
        fingerprint="f" * 64, at=world.now, undone_at=world.now,
    )  # fmt: skip
    write = world.writes[1]
    write.state, write.permit_fingerprint, write.carried_out = "written", "f" * 64, write.proposed
    write.save()
    world.rule.save()
    with transaction.atomic():
        append_company([Entry("people.loaded", CONTROL, {"changes": ["x"]})], now=world.now)
    return world


@guarantee("X04", ci=len(REFUSED))
def test_the_products_role_cannot_rewrite_what_happened(
    transactional_db: None, app_connection: psycopg.Connection, size: Size
) -> None:
    told(build())
    tables = ("approvals_decision", "agents_write", "approvals_historicalrule", *settings.RECORD_TABLES)
    before = [app_connection.execute(STORED.format(table)).fetchone() for table in tables]
    app_connection.commit()
    for what, query in REFUSED.items():
        size.tried += 1
        try:
            app_connection.execute(query)
            size.failed(what)
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation):
            pass
        app_connection.rollback()
    assert [app_connection.execute(STORED.format(table)).fetchone() for table in tables] == before


@guarantee("X04", ci=1)
def test_an_undoing_is_still_written(transactional_db: None, app_connection: psycopg.Connection) -> None:
    """The rights that are left are enough for what the product does."""
    told(build())
    app_connection.execute("UPDATE approvals_decision SET undone_at = now() WHERE undone_at IS NULL")
    app_connection.execute("UPDATE agents_write SET try_at = NULL, attempts = 2")
    app_connection.commit()


@guarantee("X04", ci=1)
@pytest.mark.parametrize("kept", ["written_is_final", "written_is_kept"])
def test_the_owner_meets_the_triggers_too(
    transactional_db: None, owner_connection: psycopg.Connection, kept: str
) -> None:
    told(build())
    query = {"written_is_final": "UPDATE agents_write SET state = 'failed' WHERE state = 'written'",
             "written_is_kept": "DELETE FROM agents_write WHERE state = 'written'"}[kept]  # fmt: skip
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner_connection.execute(query)
    owner_connection.rollback()


RUNNING = [
    "cases_case", "cases_message", "cases_event", "cases_eventdetail", "cases_anchor", "agents_run", "agents_proposal",
    "agents_write", "agents_switch", "approvals_approval", "approvals_decision", "api_apitoken",
]  # fmt: skip


@guarantee("X04", ci=len(RUNNING))
def test_no_admin_changes_or_deletes_what_runs(db: None, size: Size, caplog: pytest.LogCaptureFixture) -> None:
    """A superuser in the team of the case, so that every row is there; each try is refused and stands in the log."""
    cache.clear()
    world = told(build())
    world.admin.groups.add(world.managers.group)
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.get(pk=world.admin.pk))
    before = marks()
    for name in RUNNING:
        size.tried += 1
        row = apps.get_model(*name.split("_", 1)).objects.first()
        number = 1 if row is None else row.pk
        tries: list[tuple[str, list[Any], dict[str, Any]]] = [
            ("add", [], {"state": "written"}),
            ("change", [number], {"state": "written", "option": "full", "carried_out": "{}", "_save": "1"}),
            ("delete", [number], {"post": "yes"}),
            ("changelist", [], {"action": "delete_selected", "_selected_action": [number], "post": "yes"}),
        ]
        for page, arguments, data in tries:
            caplog.clear()
            with caplog.at_level(logging.WARNING, "django.request"):
                answer = client.post(reverse(f"admin:{name}_{page}", args=arguments), data)
            there = row is not None or page in ("add", "changelist")
            if page != "changelist" and there:
                if answer.status_code != 403:
                    size.failed(f"{page} {name}: {answer.status_code}")
                if not any(answer.request["PATH_INFO"] in record.getMessage() for record in caplog.records):
                    size.failed(f"{page} {name}: not logged")
    assert marks() == before


def marks() -> dict[str, Any]:
    found = {}
    with connection.cursor() as cursor:
        for name in RUNNING:
            cursor.execute(STORED.format(name))
            found[name] = cursor.fetchone()
    return found
