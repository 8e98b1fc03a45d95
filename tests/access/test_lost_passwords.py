"""A new password by mail: to whoever has the account's address now, once, under our own address, and no more than that."""

import re
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.core import mail
from django.core.cache import cache
from django.test import Client

from tests.guarantees import guarantee
from tests.world import PASSWORD, World

ASK = "/accounts/password/reset/"
NEW = "another-long-one-7"


def links(address: str, **more: Any) -> list[str]:
    """The links that come by mail when this address is entered."""
    cache.clear()
    mail.outbox.clear()
    assert Client().post(ASK, {"email": address}, **more).status_code == 302
    assert all(letter.to == [address] for letter in mail.outbox)
    return [found for letter in mail.outbox for found in re.findall(r"http\S+/reset/key/\S+", str(letter.body))]


def use(link: str, word: str = NEW) -> Client:
    client = Client()
    path = "/" + link.partition("//")[2].partition("/")[2]
    form = client.get(path)
    if form.status_code == 302:
        client.post(form["Location"], {"password1": word, "password2": word})
    return client


def opens(world: World, word: str) -> bool:
    return User.objects.get(pk=world.manager.pk).check_password(word)


@guarantee("X05", ci=1)
def test_a_link_sets_one_password_once(world: World) -> None:
    (link,) = links("may.lee@example.com")
    use(link)
    assert opens(world, NEW)
    use(link, "a-third-long-one-8")
    assert opens(world, NEW)


@guarantee("X05", ci=1)
def test_an_address_that_is_no_longer_the_accounts_gets_no_link(world: World) -> None:
    """Also if it got one while it was: allauth keeps each address that ever asked."""
    (before,) = links("may.lee@example.com")
    User.objects.filter(pk=world.manager.pk).update(email="may.chan@example.com")
    assert links("may.lee@example.com") == []
    use(before)
    assert opens(world, PASSWORD)
    (link,) = links("may.chan@example.com")
    use(link)
    assert opens(world, NEW)


@guarantee("X05", ci=1)
def test_an_address_is_the_accounts_in_capitals_too(world: World) -> None:
    User.objects.filter(pk=world.manager.pk).update(email="May.Lee@Example.com")
    assert len(links("may.lee@example.com")) == 1


@guarantee("X05", ci=1)
def test_the_link_is_under_our_own_address_whatever_the_request_said(world: World, settings: Any) -> None:
    settings.PUBLIC_URL = "https://work.example.com"
    for host in ("testserver", "testserver:8443", "localhost"):
        (link,) = links("may.lee@example.com", headers={"Host": host})
        assert link.startswith("https://work.example.com/accounts/password/reset/key/"), link


@guarantee("X05", ci=1)
def test_an_account_that_is_off_gets_no_link(world: World) -> None:
    (before,) = links("may.lee@example.com")
    User.objects.filter(pk=world.manager.pk).update(is_active=False)
    assert links("may.lee@example.com") == []
    use(before)
    assert Client().post("/accounts/login/", {"login": "may.lee", "password": NEW}).status_code == 200


@guarantee("X05", ci=1)
def test_a_new_password_signs_nobody_in_and_asks_for_the_second_factor(world: World) -> None:
    TOTP.activate(world.manager, generate_totp_secret())
    (link,) = links("may.lee@example.com")
    client = use(link)
    assert client.get("/settings/").status_code == 302
    answer = client.post("/accounts/login/", {"login": "may.lee", "password": NEW})
    assert answer["Location"] == "/accounts/2fa/authenticate/"


def test_a_mail_server_that_is_away_is_told_alike_for_every_address(world: World, settings: Any) -> None:
    """Not "this page broke": the person knows what to do, and whoever asks learns nothing about an address."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    said = []
    for address in ("may.lee@example.com", "nobody@example.com"):
        cache.clear()
        answer = Client().post(ASK, {"email": address})
        assert answer.status_code == 503
        assert "The mail could not be sent, so there is no link." in answer.content.decode()
        said.append(answer.content)
    assert len(said[0]) == len(said[1])
