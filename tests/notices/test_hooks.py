"""Channels of teams: how many wait and until when, and nothing else; only through the guarded connector."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from agents.connectors.wire import POOLS
from approvals.models import Approval
from cases.models import Case
from orchestrator.notices import planning, services
from orchestrator.notices.models import Notice, TeamHook, seal, unsealed
from tests.agents.connectors.scripted import Scripted, running
from tests.world import World, add_approval, add_case_row


@pytest.fixture
def channel() -> Iterator[Scripted]:
    POOLS.forget()
    with running() as scripted:
        yield scripted
    POOLS.forget()


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(planning, "slot_of", lambda now, zone: None)
    settings.PUBLIC_URL = "https://work.example.com"


def hook(world: World, channel: Scripted, **more: Any) -> TeamHook:
    values = {
        "kind": "slack",
        "address": seal(f"{channel.url}/services/T1/B2/s3cret?sig=x%2Fy"),
        "private_network": True,
    }
    return TeamHook.objects.create(team=world.managers, **(values | more))


def test_slack_hears_how_many_wait_and_no_name_nor_amount(world: World, channel: Scripted) -> None:
    channel.script = lambda handler: handler.answer(200, b"ok", {"Content-Type": "text/plain"})
    add_approval(world, add_case_row(world.refund, world.now))
    hook(world, channel)
    services.tell()
    services.tell()
    (post,) = channel.seen
    assert post.target == "/services/T1/B2/s3cret?sig=x%2Fy"
    assert post.json["text"].startswith("2 approvals wait for Support managers, the next due ")
    assert "<https://work.example.com/approvals/|Open and decide>" in post.json["text"]
    for secret in ("Chan", "480", "Refund", world.case.number):
        assert secret not in post.body.decode()
    assert Notice.objects.get(hook__isnull=False).state == "sent"


def test_teams_gets_a_card_in_its_language(world: World, channel: Scripted) -> None:
    hook(world, channel, kind="teams", language="zh-hant")
    services.tell()
    (card,) = [one["content"] for one in channel.seen[0].json["attachments"]]
    assert card["body"][0]["text"].startswith("客服經理有 1 宗批核")
    assert [one["url"] for one in card["actions"]] == ["https://work.example.com/approvals/"]
    assert "陳" not in json.dumps(card, ensure_ascii=False)


def test_a_new_one_is_told_once_and_one_that_is_not_urgent_waits(world: World, channel: Scripted) -> None:
    hook(world, channel)
    Approval.objects.update(due_at=world.now + timedelta(hours=30))
    services.tell()
    assert channel.seen == []
    add_approval(world, add_case_row(world.refund, world.now))
    services.tell()
    services.tell()
    assert len(channel.seen) == 1


def test_the_guard_keeps_a_channel_out_of_the_own_network(world: World, channel: Scripted) -> None:
    for address in (channel.url, "https://127.0.0.1:1/x", "https://169.254.169.254/latest", "http://example.com/x"):
        Notice.objects.all().delete()
        TeamHook.objects.all().delete()
        hook(world, channel, address=seal(address), private_network=False)
        services.tell()
        assert Notice.objects.get(hook__isnull=False).state == "failed", address
    assert channel.seen == []


def test_a_channel_that_is_down_is_tried_again_and_a_refusal_is_final(world: World, channel: Scripted) -> None:
    answers = [503, 404]
    channel.script = lambda handler: handler.answer(answers.pop(0))
    hook(world, channel)
    services.tell()
    row = Notice.objects.get(hook__isnull=False)
    assert row.state == "reserved"
    Notice.objects.update(try_at=world.now)
    services.tell()
    assert Notice.objects.get(hook__isnull=False).state == "failed"
    assert "s3cret" not in Notice.objects.get(hook__isnull=False).error


def test_what_is_decided_before_the_post_is_not_posted(world: World, channel: Scripted) -> None:
    hook(world, channel)
    services.plan()
    Approval.objects.update(state="withdrawn")
    services.send()
    assert channel.seen == []
    assert Notice.objects.get(hook__isnull=False).state == "dropped"


def test_an_address_from_the_environment_is_read_when_it_is_used(
    world: World, channel: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(world, channel, address="env:SUPPORT_CHANNEL")
    monkeypatch.setenv("SUPPORT_CHANNEL", f"{channel.url}/from-env")
    services.tell()
    assert channel.seen[0].target == "/from-env"
    own = hook(world, channel, kind="teams", address="env:SECRET_KEY")
    services.tell()
    assert Notice.objects.get(hook=own).state == "failed"


def test_the_admin_stores_an_address_encrypted_and_never_shows_it(world: World, channel: Scripted) -> None:
    client = Client()
    client.force_login(world.admin)
    sent = {"team": world.managers.pk, "kind": "slack", "language": "en", "active": "on"}
    made = client.post("/admin/notices/teamhook/add/", sent | {"address": "https://hooks.example.com/T1/s3cret"})
    assert made.status_code == 302
    row = TeamHook.objects.get()
    assert "s3cret" not in row.address and unsealed(row.address) == "https://hooks.example.com/T1/s3cret"
    page = client.get(f"/admin/notices/teamhook/{row.pk}/change/").content.decode()
    assert "s3cret" not in page and row.address not in page
    assert "s3cret" not in client.get("/admin/notices/teamhook/").content.decode()
    kept = client.post(f"/admin/notices/teamhook/{row.pk}/change/", sent | {"address": "", "kind": "teams"})
    assert kept.status_code == 302
    again = TeamHook.objects.get()
    assert (again.kind, unsealed(again.address)) == ("teams", "https://hooks.example.com/T1/s3cret")
    for wrong in ("env:SECRET_KEY", "env:DATABASE_URL", "ftp://x", "just words", ""):
        answer = client.post("/admin/notices/teamhook/add/", sent | {"address": wrong, "kind": "slack"})
        assert answer.status_code == 200, wrong
    assert TeamHook.objects.count() == 1


def test_a_case_of_nobody_else_is_named(world: World, channel: Scripted) -> None:
    """A confidential case is counted, no more."""
    Case.objects.update(confidential=True)
    hook(world, channel)
    services.tell()
    assert channel.seen[0].json["text"].startswith("1 approval waits for Support managers, due ")
