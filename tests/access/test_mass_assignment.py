"""Fields that a caller may not set change nothing: on every call of the API and every form, by every role (X02)."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.urls import reverse

from cases.models import Person
from orchestrator.api.views.documents import document
from tests.access.test_matrix import body_of, token_clients
from tests.guarantees import Size, guarantee
from tests.house.matrix import CALLS, PAGES
from tests.house.test_matrix import address, marks, people, undone
from tests.world import World

pytestmark = pytest.mark.beside

# What somebody would like to set: who decided, at which level, in which state, whose, how much.
WANTED: dict[str, Any] = {
    "id": 1, "pk": 1, "case": "C-1", "case_id": 1, "number": "C-1", "status": "done", "state": "written", "stage": "x",
    "turn": 99, "claim": 99, "level": "read", "controlled": False, "risk": "low", "approved_by": "may.lee",
    "decided": "full", "decided_by": ["may.lee"], "decided_at": "2026-01-01T00:00:00Z", "permit_source": "x",
    "permit_fingerprint": "f" * 64, "money": "0", "currency": "USD", "amount": "1", "tenant": 1, "company": 1,
    "team": "heads", "holder": "may.lee", "holder_user": 1, "holder_kind": "ai", "user": 1, "user_id": 1, "actor": 1,
    "customer": "CU-1", "customer_from": "trusted", "trusted": True, "trusted_identity": True, "confidential": False,
    "scopes": ["staff"], "token": "x", "agent": "finance", "proposer": "x", "created_at": "2020-01-01T00:00:00Z",
    "due": "2030-01-01", "due_at": "2030-01-01", "undone_at": None, "version": 99, "is_superuser": True,
    "is_staff": True, "groups": [1], "user_permissions": [1], "leads": [1], "password": "x", "hash": "x", "seq": 1,
    "override": True, "covering": 1, "step_up": "totp", "step_up_at": "2026-01-01T00:00:00Z", "proof": "totp",
    "noted": "x", "seconds": 1, "words": 1, "opened": ["raw"],
}  # fmt: skip
WRITE_PAGES = sorted(name for name, row in PAGES.items() if row.post)
WRITE_CALLS = sorted(name for name, row in CALLS.items() if row.post or name == "api:undo")


def declared(name: str) -> set[str]:
    """The keys that the document of this call names."""
    path = next(
        path
        for path, ways in document()["paths"].items()
        if "post" in ways and ways["post"]["operationId"] and matches(path, name)
    )
    schema = document()["paths"][path]["post"].get("requestBody", {}).get("content", {}).get("application/json", {})
    return set(schema.get("schema", {}).get("properties", {}))


def matches(path: str, name: str) -> bool:
    last = path.rstrip("/").rpartition("/")[2]
    if name == "api:confirm-standing":
        return path.endswith("/confirm/")
    return last == name.split(":")[1]


@guarantee("X02", ci=len(WRITE_CALLS))
def test_a_call_takes_no_field_that_it_does_not_declare(world: World, size: Size) -> None:
    """Every call x every role x every wished field, alone and nested in what is declared: refused, nothing stored."""
    tokens, before = token_clients(world), marks()
    for name in WRITE_CALLS:
        url, body, known = address(name, world), body_of(name, world), declared(name)
        for role, client in tokens.items():
            post = partial(client.post, url, content_type="application/json")
            for field, value in wanted(known, size):
                size.tried += 1
                answer = post(json.dumps(body | {field: value}))
                if answer.status_code not in (401, 403, 404, 405, 409, 422, 429):
                    size.failed(f"{name} as {role} with {field}: {answer.status_code}")
    assert marks() == before


def wanted(known: set[str], size: Size) -> Iterator[tuple[str, Any]]:
    """In CI each call gets some of them, so that all of them come up; in a release run each gets all."""
    fields = [(field, value) for field, value in WANTED.items() if field not in known]
    step = size.pick(9, 1)
    start = len(known) % step
    yield from fields[start::step]


def flat() -> dict[str, list[tuple[Any, ...]]]:
    """Everything stored that says what is, whose and how much; not ids, times and digests, which differ by nature."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, string_agg(format('%I', column_name), ', ' ORDER BY column_name) "
            "FROM information_schema.columns WHERE table_schema = 'public' "
            "AND (table_name ~ '^(cases|agents|approvals)_' OR table_name IN ('auth_user', 'auth_user_groups')) "
            "AND table_name !~ 'historical|eventdetail' "
            "AND data_type IN ('boolean', 'integer', 'bigint', 'smallint', 'numeric', 'character varying', 'text') "
            "AND column_name !~ '(^id|hash|digest|head|nonce|seq|password|fingerprint|case_id|event_id|proposal_id)$' "
            "AND column_name !~ '^(key|subject|approval_id|run_id|id)$' GROUP BY table_name"
        )
        found = {}
        for table, columns in cursor.fetchall():
            cursor.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}")
            found[table] = cursor.fetchall()
    return found


def stored_after(client: Client, url: str, data: dict[str, Any]) -> Any:
    client.post(url, data)
    return flat()


@guarantee("X02", ci=len(WRITE_PAGES))
def test_a_form_takes_no_field_that_it_does_not_show(world: World, size: Size) -> None:
    """Every form x every role: with all wished fields beside its own, exactly the same is stored as without."""
    for name in WRITE_PAGES:
        size.tried += 1
        url, body = address(name, world), body_of(name, world)
        wishes = {field: value for field, value in WANTED.items() if field not in body and value is not None}
        wishes.pop("case", None)
        allowed = sorted(PAGES[name].post)
        for role, client in people(world):
            if role not in (allowed if size.release else allowed[-1:]) and role != "outsider":
                continue
            stored = []
            for data in (body, body | wishes):
                client.force_login(getattr(world, role))
                stored.append(undone(partial(stored_after, client, url, data)))
            differs = [table for table in stored[0] if stored[0][table] != stored[1][table]]
            if differs:
                size.failed(f"{name} as {role}: {differs}")


@guarantee("X02", ci=1)
def test_ones_own_settings_reach_only_ones_own_row(world: World) -> None:
    client = Client()
    client.force_login(world.frontline)
    before = list(Person.objects.exclude(user=world.frontline).order_by("pk").values())
    body = {"language": "en", "theme": "dark", "hold_seconds": "5", "user": world.manager.pk, "user_id": world.manager.pk,
            "phone": "1", "id": Person.objects.get(user=world.manager).pk}  # fmt: skip
    assert client.post("/settings/", body).status_code == 302
    assert list(Person.objects.exclude(user=world.frontline).order_by("pk").values()) == before
    assert Person.objects.get(user=world.frontline).phone == "2345 0204"


@guarantee("X02", ci=1)
def test_staff_who_may_change_people_make_no_admins(world: World) -> None:
    """Somebody at a help desk may rename people: not raise anybody, themselves included, nor touch an admin."""
    helper = User.objects.create_user("helper", "", "a-long-test-password", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user", "add_user"]))
    client = Client(raise_request_exception=False)
    client.force_login(helper)
    data = {
        "username": "x", "first_name": "New", "is_active": "on", "is_staff": "on", "is_superuser": "on",
        "user_permissions": [str(Permission.objects.first().pk)], "groups": [str(world.heads.group_id)],
        "person-TOTAL_FORMS": "0", "person-INITIAL_FORMS": "0",
    }  # fmt: skip
    for user in (helper, world.frontline):
        url = reverse("admin:auth_user_change", args=[user.pk])
        assert client.post(url, data | {"username": user.username}).status_code == 302
        user.refresh_from_db()
        assert user.first_name == "New"
        assert not user.is_superuser
        assert user.is_staff == (user == helper)
        assert not user.groups.filter(pk=world.heads.group_id).exists()
    assert helper.user_permissions.count() == 3
    client.force_login(helper)
    boss = reverse("admin:auth_user_change", args=[world.admin.pk])
    assert client.post(boss, data | {"username": "admin"}).status_code == 403
    word = {"password1": "another-long-one-7", "password2": "another-long-one-7", "usable_password": "true"}
    answer = client.post(reverse("admin:auth_user_password_change", args=[world.admin.pk]), word)
    assert answer.status_code == 403
    world.admin.refresh_from_db()
    assert world.admin.check_password("a-long-test-password")
    made = {"username": "boss2", "password1": "another-long-one-7", "password2": "another-long-one-7",
            "usable_password": "true", "is_superuser": "on", "is_staff": "on",
            "person-TOTAL_FORMS": "0", "person-INITIAL_FORMS": "0"}  # fmt: skip
    client.post(reverse("admin:auth_user_add"), made)
    assert not User.objects.filter(username="boss2", is_superuser=True).exists()
    remove = {"action": "remove_factors", "_selected_action": [world.admin.pk]}
    client.post(reverse("admin:auth_user_changelist"), remove)
    admin = Client()
    admin.force_login(world.admin)
    assert admin.get("/settings/").status_code == 200
