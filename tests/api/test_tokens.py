"""Tokens: how they are made, what they may, and that a dead one is refused on the very next call."""

import hashlib
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cases.actors import CONTROL
from cases.models import Event
from orchestrator.api.models import ApiToken
from orchestrator.api.services import revoke_token
from tests.api.program import Program, program
from tests.guarantees import Size, guarantee
from tests.world import PASSWORD, World


def made(*words: str) -> str:
    out = StringIO()
    call_command("create_token", *words, stdout=out)
    return out.getvalue()


def test_the_command_prints_the_token_and_nothing_else(world: World) -> None:
    printed = made("shop", "--scope", "intake", "--scope", "read", "--team", "support", "--days", "7")
    assert printed == printed.strip() + "\n"
    assert Program(printed.strip()).get("cases/").status_code == 200
    token = ApiToken.objects.get()
    assert token.scopes == ["intake", "read"]
    assert timedelta(days=6) < token.expires_at - timezone.now() < timedelta(days=8)


@guarantee("X06", ci=1)
def test_a_token_is_stored_hashed_only(world: World) -> None:
    secret = made("shop", "--scope", "intake").strip()
    row = ApiToken.objects.values().get()
    assert row["hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert not any(secret[12:] in str(value) for value in row.values())
    told = Event.objects.get(case=None, code="token.created").detail.data
    assert secret[12:] not in str(told)
    assert told["token"] == "shop"


@pytest.mark.parametrize(
    "words",
    [
        ["--scope", "agent"],
        ["--scope", "staff"],
        ["--scope", "read"],
        ["--scope", "decide"],
        ["--scope", "decide", "--scope", "read", "--user", "may.lee"],
        ["--scope", "agent", "--scope", "staff", "--agent", "finance", "--user", "may.lee"],
        ["--scope", "agent", "--scope", "intake", "--agent", "finance"],
        ["--scope", "intake", "--agent", "finance"],
        ["--scope", "intake", "--team", "support"],
        ["--scope", "intake", "--user", "may.lee"],
        ["--scope", "read", "--team", "support", "--user", "may.lee"],
        ["--scope", "staff", "--user", "may.lee", "--trusted-identity"],
        ["--scope", "staff", "--user", "nobody"],
        ["--scope", "agent", "--agent", "nobody"],
        ["--scope", "read", "--team", "nobody"],
        ["--scope", "everything"],
        ["--scope", "intake", "--days", "0"],
        ["--scope", "intake", "--days", "100000"],
        [],
    ],
    ids=" ".join,
)
def test_it_refuses_scopes_that_do_not_fit_their_owner(world: World, words: list[str]) -> None:
    with pytest.raises(CommandError):
        made("shop", *words)
    assert not ApiToken.objects.exists()


def _revoked(p: Program, world: World) -> None:
    revoke_token(actor=CONTROL, token_id=p.token.pk)


def _expired(p: Program, world: World) -> None:
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def _leaver(p: Program, world: World) -> None:
    world.frontline.is_active = False
    world.frontline.save()


@guarantee("X06", ci=1)
@pytest.mark.parametrize("end", [_revoked, _expired, _leaver])
def test_it_refuses_a_dead_token_on_the_next_call(world: World, frontline: Program, end: Any) -> None:
    assert frontline.get("cases/").status_code == 200
    end(frontline, world)
    answer = frontline.get("cases/")
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthenticated"
    assert answer["WWW-Authenticate"].startswith("Bearer")


@guarantee("X06", ci=5, release=50)
def test_a_token_that_is_revoked_while_in_use_is_refused_on_the_next_call(world: World, size: Size) -> None:
    """Each kind in turn, each right after a call that was answered; the others go on."""
    going = program("staff", user=world.manager)
    owners: list[tuple[str, dict[str, Any], str]] = [
        ("staff", {"user": world.frontline}, "cases/"),
        ("read", {"team": world.support}, "cases/"),
        ("agent", {"agent": world.finance}, "runs/"),
    ]
    for n in size.each():
        scope, owner, path = owners[n % len(owners)]
        one = program(scope, **owner)
        if one.get(path).status_code != 200:
            size.failed(f"{scope} was not let in")
        revoke_token(actor=CONTROL, token_id=one.token.pk)
        if one.get(path).status_code != 401 or going.get("cases/").status_code != 200:
            size.failed(scope)


def test_it_refuses_the_token_of_a_retired_agent(world: World, agent: Program) -> None:
    assert agent.get("runs/").status_code == 200
    world.finance.retired = True
    world.finance.save()
    assert agent.get("runs/").status_code == 401


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wc_aaaaaaaa_" + "a" * 40,
        "Bearer wc_é",
        "Basic d2M6d2M=",
        "Token {secret}",
        "Bearer {secret}x",
        "Bearer {other}",
        "bearer\t{secret}",
    ],
)
def test_every_wrong_token_gets_the_same_answer(world: World, frontline: Program, shown: str) -> None:
    other = frontline.secret[:12] + "x" * 40
    answer = Program().send("GET", "cases/", Authorization=shown.format(secret=frontline.secret, other=other))
    assert answer.status_code == 401
    assert answer.json() == Program().get("cases/").json()


def test_a_browser_session_is_no_token(world: World) -> None:
    client = Client()
    assert client.login(username="ka.yan", password=PASSWORD)
    assert client.get("/api/v1/cases/").status_code == 401
    assert client.post("/api/v1/requests/", {}, content_type="application/json").status_code == 401


SCOPES: dict[str, tuple[str, str, list[str]]] = {
    "hand in": ("POST", "requests/", ["intake", "staff"]),
    "cases": ("GET", "cases/", ["staff", "read"]),
    "runs": ("GET", "runs/", ["agent"]),
    "approvals": ("GET", "approvals/", ["staff", "read"]),
    "standing": ("GET", "standing-approvals/", ["staff", "read"]),
    "summary": ("GET", "reports/summary/", ["staff", "read"]),
    "verify": ("GET", "audit/verify/", ["staff", "read"]),
    "map": ("GET", "map/", ["staff", "read"]),
}


@guarantee("X06", ci=1)
@pytest.mark.parametrize("scope", ["intake", "staff", "read", "agent"])
@pytest.mark.parametrize("call", SCOPES)
def test_a_call_needs_its_scope(world: World, scope: str, call: str) -> None:
    owner = {"staff": {"user": world.manager}, "read": {"team": world.support}, "agent": {"agent": world.finance}}
    answer = program(scope, **owner.get(scope, {})).send(*SCOPES[call][:2], b"{}" if call == "hand in" else b"")
    if scope in SCOPES[call][2]:
        assert answer.status_code in {200, 422}
    else:
        assert answer.status_code == 403
        assert answer.json()["code"] == "no_right"


def test_the_admin_shows_tokens_and_revokes_but_never_edits(world: World, frontline: Program) -> None:
    client = Client()
    client.login(username="admin", password=PASSWORD)
    row = frontline.token
    page = reverse("admin:api_apitoken_changelist")
    assert client.get(page).status_code == 200
    assert client.get(reverse("admin:api_apitoken_add")).status_code == 403
    change = reverse("admin:api_apitoken_change", args=[row.pk])
    assert client.post(change, {"name": "mine"}).status_code == 403
    assert row.hash not in client.get(change).content.decode()
    client.post(page, {"action": "revoke", "_selected_action": [row.pk]})
    assert frontline.get("cases/").status_code == 401
    row.refresh_from_db()
    assert "admin" in row.revoked_by
    assert Event.objects.filter(case=None, code="token.revoked").count() == 1
