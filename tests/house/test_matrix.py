"""Every address x every role x method equals the declared matrix (X01), and looking changes nothing."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from agents.models import Run
from tests.api.program import program
from tests.guarantees import guarantee
from tests.house.matrix import (
    ADMIN_PAGES,
    API_BODIES,
    BODIES,
    CALLS,
    DOOR,
    EDIT,
    LOOK,
    PAGES,
    PEOPLE,
    PROGRAMS,
    admin_pages,
)  # fmt: skip
from tests.world import World, build

OWN = ("desk", "approvals", "cases", "api", "reports", "readyz", "metrics")


def names() -> Iterator[tuple[str, list[str]]]:
    """(name, its arguments) of every address of the resolver."""

    def walk(patterns: Any, space: str = "", above: tuple[str, ...] = ()) -> Iterator[tuple[str, list[str]]]:
        for one in patterns:
            arguments = (*above, *getattr(one.pattern, "converters", {}), *one.pattern.regex.groupindex)
            if hasattr(one, "url_patterns"):
                inner = f"{space}{one.namespace}:" if one.namespace else space
                yield from walk(one.url_patterns, inner, arguments)
            elif one.name:
                yield space + one.name, list(dict.fromkeys(arguments))

    yield from walk(get_resolver().url_patterns)


ADDRESSES = {name: arguments for name, arguments in names() if name.split(":")[0] in OWN}


@guarantee("X01", ci=1)
def test_every_address_has_a_row_in_the_matrix() -> None:
    assert set(ADDRESSES) == set(PAGES) | set(CALLS)
    rest = {name for name, _arguments in names()} - set(ADDRESSES)
    assert {name for name in rest if not name.startswith("admin:")} == set(DOOR)
    models = {name: about for model in (LOOK | EDIT) for name, about in admin_pages(model).items()}
    assert {name.removeprefix("admin:") for name in rest if name.startswith("admin:")} == set(models | ADMIN_PAGES)


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    world = build()
    Run.objects.create(
        case=world.case, step="work_out", agent=world.finance, turn=world.case.turn, started_at=timezone.now()
    )
    return world


def address(name: str, world: World) -> str:
    values: dict[str, Any] = {
        "case_id": world.case.pk,
        "number": world.case.number,
        "write_id": world.writes[0].pk,
        "approval_id": world.approval.pk,
        "standing_id": world.standing.pk,
        "cover_id": world.cover.pk,
        "question_id": 1,
        "filter_id": 1,
        "name": "work_out",
        "id": world.proposal.pk if name == "api:proposal" else world.approval.pk,
    }
    return reverse(name, kwargs={argument: values[argument] for argument in ADDRESSES[name]})


def people(world: World) -> Iterator[tuple[str, Client]]:
    for role in PEOPLE:
        client = Client(raise_request_exception=False)
        if role != "nobody":
            client.force_login(getattr(world, role))
        yield role, client


def programs(world: World) -> Iterator[tuple[str, str]]:
    made = {
        "none": "",
        "intake": program("intake", name="intake").secret,
        "agent": program("agent", name="agent", agent=world.finance).secret,
        "idle": program("agent", name="idle", agent=world.idle).secret,
        "staff": program("staff", name="staff", user=world.frontline).secret,
        "decide": program("staff", "decide", name="decide", user=world.manager).secret,
        "read": program("read", name="read", team=world.support).secret,
        "stranger": program("staff", "decide", "read", "intake", name="stranger", user=world.outsider).secret,
    }
    yield from ((role, made[role]) for role in PROGRAMS)


def passes(answer: Any) -> bool:
    """Whether the right was there. What the state or the entry forbids comes after it (409, 422)."""
    if answer.status_code in (302, 303) and "/accounts/login/" in answer["Location"]:
        return False
    return answer.status_code in (200, 201, 202, 302, 303, 409, 422)


def undone(ask: Any) -> Any:
    """The answer; whatever it did is undone."""
    cache.clear()
    point = transaction.savepoint()
    try:
        return ask()
    finally:
        transaction.savepoint_rollback(point)


@guarantee("X01", ci=1)
@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_open_for_who_they_are_for(world: World, name: str) -> None:
    url, row, last = address(name, world), PAGES[name], name.split(":")[-1]
    body = dict(BODIES.get(last, {}))
    if last == "decide":
        body = {"fingerprint": world.approval.fingerprint, "option": "reject", "reason": "x"}
    for role, client in people(world):
        got = undone(lambda c=client: c.get(url))
        posted = undone(lambda c=client: c.post(url, body))
        assert (passes(got), passes(posted)) == (role in row.get, role in row.post), (role, got, posted)
        assert got.status_code < 500 and posted.status_code < 500


@guarantee("X01", ci=1)
@pytest.mark.parametrize("name", sorted(CALLS))
def test_calls_are_for_the_programs_they_are_for(world: World, name: str) -> None:
    url, row, last = address(name, world), CALLS[name], name.split(":")[-1]
    body = API_BODIES.get(last, {})
    if last == "decision":
        body = {"fingerprint": world.approval.fingerprint, "option": "reject", "reason": "x"}
    for role, secret in programs(world):
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        client = Client(raise_request_exception=False)
        got = undone(partial(client.get, url, headers=headers))
        posted = undone(partial(client.post, url, json.dumps(body), content_type="application/json", headers=headers))
        assert (passes(got), passes(posted)) == (role in row.get, role in row.post), (role, got, posted.content)
        assert got.status_code < 500 and posted.status_code < 500


def marks() -> dict[str, Any]:
    """Row counts and the newest change of every table of ours."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [t for (t,) in cursor.fetchall() if t.startswith(("cases_", "agents_", "approvals_", "workmap_"))]
        found = {}
        for table in sorted(tables):
            cursor.execute(
                f"SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t"
            )
            found[table] = cursor.fetchone()
    return found


@guarantee("X01", ci=1)
def test_looking_changes_nothing(world: World) -> None:
    """GET on every address as everybody who may see most: not one row is different afterwards (A13 as well)."""
    secrets = dict(programs(world))
    before = marks()
    for name in [*PAGES, *CALLS]:
        url = address(name, world)
        for role in ("frontline", "manager", "admin"):
            client = Client(raise_request_exception=False)
            client.force_login(getattr(world, role))
            client.get(url)
        for role in ("staff", "decide", "read", "agent"):
            Client(raise_request_exception=False).get(url, headers={"Authorization": f"Bearer {secrets[role]}"})
    after = marks()
    assert [table for table in before if before[table] != after[table]] == []
