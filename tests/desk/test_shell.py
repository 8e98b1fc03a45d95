"""The frame of every page: counts and the AI chip in two queries, kept ten seconds, fresh after one's own deed."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.attention import snooze
from cases.actors import person
from orchestrator.desk.selectors import shell
from tests.company import pause
from tests.world import World, add_approval, add_case_row, build


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


def count_of(user: User) -> int:
    client = Client()
    client.force_login(user)
    found = re.search(r'href="/approvals/">Approvals <span class="count">(\d+)', client.get("/ai/").content.decode())
    return int(found[1]) if found else 0


@pytest.mark.parametrize("paused", [False, True])
def test_it_takes_two_queries_at_10_and_at_200_and_none_for_ten_seconds(world: World, paused: bool) -> None:
    if paused:
        for scope, name in (("agent", "finance"), ("type", "refund"), ("system", "payments"), ("all", "")):
            pause(scope, name)
    counts = []
    for more in (9, 190):
        for _n in range(more):
            add_approval(world, add_case_row(world.refund, world.now))
        cache.clear()
        with CaptureQueriesContext(connection) as asked:
            found = shell.shell_of(world.manager)
        counts.append(len(asked))
    assert counts == [2, 2]
    assert found.approvals == 200 and len(found.paused) == (4 if paused else 0)
    if paused:
        assert {one.scope: one.title for one in found.paused}["agent"]["en"] == "Finance agent"
    with CaptureQueriesContext(connection) as asked:
        assert shell.shell_of(world.manager) == found
    assert len(asked) == 0
    assert shell.KEPT_SECONDS == 10


def test_the_count_is_what_waits_for_this_person_and_was_not_put_aside(world: World) -> None:
    assert count_of(world.manager) == 1
    for user in (world.frontline, world.outsider, world.head, world.auditor):
        assert count_of(user) == 0
    snooze(actor=person(world.manager), approval_id=world.approval.pk, until=None)
    cache.clear()
    assert (count_of(world.manager), count_of(world.deputy)) == (0, 1)


def test_ones_own_decision_shows_at_once(world: World) -> None:
    client = Client()
    client.force_login(world.manager)
    assert 'class="count">1' in client.get("/ai/").content.decode()
    sent: dict[str, Any] = {"option": "full", "fingerprint": world.approval.fingerprint, "nonce": "n"}
    assert client.post(f"/approvals/{world.approval.pk}/decide/", sent).status_code == 302
    assert 'class="count">1' not in client.get("/ai/").content.decode()
