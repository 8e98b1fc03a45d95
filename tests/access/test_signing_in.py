"""Signing in: guessed at, thrown out, and told nothing (X05, and the limits of X08 that are sign-in's)."""

import re
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from cases.actors import person
from orchestrator.workmap import services
from tests.guarantees import Size, guarantee
from tests.world import PASSWORD, World

LOGIN = "/accounts/login/"


def sign_in(client: Client, name: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": name, "password": password}, **more)


def signed_in(world: World, user: User) -> Client:
    client = Client()
    assert sign_in(client, user.username).status_code == 302
    assert alive(client)
    return client


def alive(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


@guarantee("X05", ci=20)
def test_wrong_tries_are_throttled_and_others_are_not(world: World, size: Size) -> None:
    """After a few wrong passwords even the right one is not taken for a while; another account signs in."""
    client = Client(REMOTE_ADDR="192.0.2.1")
    said = []
    for n in size.each():
        answer = sign_in(client, "may.lee", f"wrong-{n}")
        said.append("Too many" in answer.content.decode() or answer.status_code == 429)
        assert "_auth_user_id" not in client.session
    assert not said[0]
    assert all(said[10:]), said
    sign_in(client, "may.lee")
    assert "_auth_user_id" not in client.session
    sign_in(Client(REMOTE_ADDR="192.0.2.2"), "may.lee")
    other = Client(REMOTE_ADDR="192.0.2.2")
    assert sign_in(other, "ka.yan").status_code == 302
    cache.clear()
    assert sign_in(Client(), "may.lee").status_code == 302


@guarantee("X05", ci=20)
def test_wrong_tries_count_under_whatever_host_name_they_come(world: World, size: Size) -> None:
    """Whoever tries says the host name, with any port, and may come from many addresses."""
    for n in size.each():
        sign_in(
            Client(REMOTE_ADDR=f"192.0.2.{n % 250}"), "may.lee", f"wrong-{n}", headers={"Host": f"testserver:{n + 1}"}
        )
    other = Client(REMOTE_ADDR="198.51.100.1")
    sign_in(other, "may.lee", headers={"Host": "testserver:65000"})
    assert "_auth_user_id" not in other.session


@guarantee("X05", ci=1)
def test_a_name_in_look_alike_letters_is_not_the_name(world: World) -> None:
    """PostgreSQL makes the same capital of ſ and s, and of ı and i: each spelling would have tries of its own."""
    User.objects.filter(pk=world.manager.pk).update(username="iris.soo")
    for name in ("ırıs.soo", "iris.ſoo", "IRIſ.soo"):
        client = Client()
        sign_in(client, name)
        assert "_auth_user_id" not in client.session, name
    assert sign_in(Client(), "IRIS.Soo").status_code == 302


@guarantee("X08", ci=1)
def test_one_address_that_tries_many_names_is_told_when_to_come_again(world: World) -> None:
    client = Client(REMOTE_ADDR="192.0.2.1")
    answers = [sign_in(client, f"name-{n}", "wrong") for n in range(40)]
    last = answers[-1]
    assert last.status_code == 429
    assert int(last["Retry-After"]) >= 1
    assert sign_in(Client(REMOTE_ADDR="192.0.2.2"), "ka.yan").status_code == 302


@guarantee("X08", ci=1)
def test_behind_a_proxy_everybody_counts_alone(world: World, settings: Any) -> None:
    """With `BEHIND_PROXY` the last address of the proxy's header counts; what a client wrote before it does not."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for n in range(40):
        answer = sign_in(Client(headers={"X-Forwarded-For": f"203.0.113.{n}, 192.0.2.1"}), f"name-{n}", "wrong")
    assert answer.status_code == 429
    assert sign_in(Client(headers={"X-Forwarded-For": "192.0.2.2"}), "ka.yan").status_code == 302


def shape(answer: Any) -> tuple[int, str, str]:
    text = answer.content.decode()
    text = re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]+', r"\1", text)
    return answer.status_code, answer.headers.get("Location", ""), re.sub(r'value="[^"]*(lee|bod)[^"]*"', "", text)


@guarantee("X05", ci=1)
@pytest.mark.parametrize(
    ("path", "known", "unknown"),
    [
        (LOGIN, {"login": "may.lee", "password": "wrong"}, {"login": "no.body", "password": "wrong"}),
        (LOGIN, {"login": "may.lee@example.com", "password": "x"}, {"login": "no.body@example.com", "password": "x"}),
        ("/accounts/password/reset/", {"email": "may.lee@example.com"}, {"email": "no.body@example.com"}),
    ],
    ids=["name", "mail", "reset"],
)
def test_a_known_and_an_unknown_user_are_told_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, path: str, known: Any, unknown: Any
) -> None:
    """The same answer, and as many passwords hashed: that is what takes the time."""
    hashed = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *a, **k: hashed.append(1) or encode(*a, **k))
    answers = []
    for data in (known, unknown):
        cache.clear()
        hashed.clear()
        answers.append((shape(Client().post(path, data)), len(hashed)))
    assert answers[0] == answers[1]


@guarantee("X05", ci=1)
def test_an_account_that_is_off_is_not_told_apart(world: World) -> None:
    User.objects.filter(pk=world.manager.pk).update(is_active=False)
    answers = []
    for name in ("may.lee", "no.body"):
        cache.clear()
        answers.append(shape(sign_in(Client(), name, "wrong")))
    assert answers[0] == answers[1]
    client = Client()
    sign_in(client, "may.lee")
    assert not alive(client)


def leave(world: World, client: Client) -> None:
    client.post("/accounts/logout/")


def new_password(world: World, client: Client) -> None:
    other = Client()
    sign_in(other, "may.lee")
    data = {"oldpassword": PASSWORD, "password1": "another-long-one-7", "password2": "another-long-one-7"}
    assert other.post("/accounts/password/change/", data).status_code == 302


def set_password(world: World, client: Client) -> None:
    world.manager.set_password("another-long-one-7")
    world.manager.save()


def join(world: World, client: Client) -> None:
    members = [world.head, world.manager]
    services.set_members(actor=person(world.admin), team=world.heads, members=members, leads=[world.head], reason="x")


def lose_team(world: World, client: Client) -> None:
    services.set_members(actor=person(world.admin), team=world.managers, members=[world.deputy], leads=[], reason="x")


def from_a_file(world: World, client: Client) -> None:
    path = world.__dict__["folder"] / "people.yaml"
    path.write_text("- {username: may.lee, name: May Lee, teams: [support]}\n")
    call_command("load_people", str(path))


def mail_from_a_file(world: World, client: Client) -> None:
    path = world.__dict__["folder"] / "people.yaml"
    path.write_text("- {username: may.lee, name: May Lee, email: may.chan@example.com}\n")
    call_command("load_people", str(path))


def made_admin(world: World, client: Client) -> None:
    path = world.__dict__["folder"] / "people.yaml"
    path.write_text("- {username: may.lee, name: May Lee, admin: true}\n")
    call_command("load_people", str(path))


def saved_in_the_admin(world: World, **fields: str) -> None:
    admin = Client()
    admin.force_login(world.admin)
    data = {
        "username": "may.lee", "first_name": "May", "is_active": "on",
        "person-TOTAL_FORMS": "0", "person-INITIAL_FORMS": "0", **fields,
    }  # fmt: skip
    assert admin.post(reverse("admin:auth_user_change", args=[world.manager.pk]), data).status_code == 302


def in_the_admin(world: World, client: Client) -> None:
    saved_in_the_admin(world, is_staff="on")


def mail_in_the_admin(world: World, client: Client) -> None:
    saved_in_the_admin(world, email="may.chan@example.com")


def switched_off(world: World, client: Client) -> None:
    User.objects.filter(pk=world.manager.pk).update(is_active=False)


def lost_device(world: World, client: Client) -> None:
    admin = Client()
    admin.force_login(world.admin)
    data = {"action": "remove_factors", "_selected_action": [world.manager.pk]}
    assert admin.post(reverse("admin:auth_user_changelist"), data).status_code == 302


ENDS = [
    leave, new_password, set_password, join, lose_team, from_a_file, mail_from_a_file, made_admin, in_the_admin,
    mail_in_the_admin, switched_off, lost_device,
]  # fmt: skip


@guarantee("X05", ci=1)
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_an_old_session_is_dead_at_once(world: World, tmp_path: Any, end: Any) -> None:
    """On every device: a cookie that was good before the change is worth nothing on the next page."""
    world.__dict__["folder"] = tmp_path
    client, bystander = signed_in(world, world.manager), signed_in(world, world.frontline)
    stolen = Client()
    stolen.cookies["work_command_session"] = client.cookies["work_command_session"].value
    assert alive(stolen)
    end(world, client)
    assert not alive(stolen)
    assert not alive(client)
    assert alive(bystander)


@guarantee("X05", ci=1)
def test_a_session_cannot_be_fixed_beforehand(world: World) -> None:
    """Signing in gives a new session; one that somebody planted is not taken, and stays a stranger's."""
    client = Client()
    client.get(LOGIN)
    client.session.save()
    planted = "a" * 32
    client.cookies["work_command_session"] = planted
    sign_in(client, "may.lee")
    given = client.cookies["work_command_session"].value
    assert given != planted
    attacker = Client()
    attacker.cookies["work_command_session"] = planted
    assert not alive(attacker)
    again = Client()
    session = again.session
    session["before"] = 1
    session.save()
    before = session.session_key
    again.cookies["work_command_session"] = before
    sign_in(again, "ka.yan")
    assert again.cookies["work_command_session"].value != before
    attacker.cookies["work_command_session"] = before
    assert not alive(attacker)


@guarantee("X05", ci=1)
def test_nobody_makes_an_account_or_renames_themselves(world: World) -> None:
    before = User.objects.count()
    data = {"username": "new", "email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
    client = Client()
    for path in ("/accounts/signup/", "/accounts/3rdparty/signup/"):
        client.post(path, data)
    assert User.objects.count() == before
    mine = signed_in(world, world.frontline)
    for page in ("email", "confirm-email", "confirm-email/key"):
        assert mine.get(f"/accounts/{page}/").status_code == 404
    assert mine.post("/accounts/email/", {"action_add": "", "email": "may.lee@example.com"}).status_code == 404
    world.frontline.refresh_from_db()
    assert world.frontline.email == "ka.yan@example.com"


@guarantee("X05", ci=1)
@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example/x", "javascript:alert(1)", "/\\evil.example"]
)
def test_signing_in_leads_to_no_other_site(world: World, target: str) -> None:
    answer = Client().post(f"{LOGIN}?next={target}", {"login": "may.lee", "password": PASSWORD, "next": target})
    assert answer.status_code == 302
    assert answer["Location"] == "/"


@guarantee("X05", ci=1)
def test_a_form_from_another_site_is_refused(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.manager)
    for path in (LOGIN, "/settings/", "/ai/pause/", f"/approvals/{world.approval.pk}/decide/", "/accounts/logout/"):
        assert client.post(path, {"what": "all:", "reason": "x"}).status_code == 403, path
