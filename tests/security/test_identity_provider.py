"""Sign-in through a company's identity provider: a real one in a process of its own, over OpenID Connect."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.conf import settings as project
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from cases.models import Event, Team
from orchestrator import accounts
from orchestrator.demo.environment import first_free_port
from orchestrator.embedded.programs import Program
from tests.guarantees import guarantee
from tests.security.provider import CLIENT_ID, CLIENT_SECRET
from tests.world import World, build

CALLBACK = "http://testserver/accounts/oidc/company/login/callback/"
WORD = "their-own-password"
PEOPLE = [
    {"name": "may", "mail": "may.lee@example.com", "verified": True, "password": WORD},
    {"name": "forger", "mail": "ken.ho@example.com", "verified": False, "password": WORD},
    {"name": "wordy", "mail": "ken.ho@example.com", "verified": False, "password": WORD},
    {"name": "silent", "mail": "silent@example.com", "verified": True, "password": WORD},
    {"name": "nobody", "mail": "new@example.com", "verified": True, "password": WORD},
]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("provider")
    (folder / "people.json").write_text(json.dumps(PEOPLE))
    (folder / "groups.json").write_text("{}")
    port = first_free_port(29_000 + os.getpid() % 20_000)
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "tests.security.provider", str(port), str(folder), CALLBACK]
    program = Program(command, folder / "provider.log", environment, Path(project.BASE_DIR), 5, signal.SIGTERM)
    program.start()
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        assert program.child is not None and program.child.poll() is None, program.log.read_text()[-2000:]
        assert time.monotonic() < deadline, program.log.read_text()[-2000:]
        try:
            if httpx.get(f"{address}/.well-known/openid-configuration", timeout=2).status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.1)
    yield address, folder
    program.stop()


@pytest.fixture
def world(db: None, settings: Any, provider: tuple[str, Path]) -> World:
    cache.clear()
    app = {
        "provider_id": "company",
        "name": "Company account",
        "client_id": CLIENT_ID,
        "secret": CLIENT_SECRET,
        "settings": {"server_url": provider[0]},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {**project.SOCIALACCOUNT_PROVIDERS["openid_connect"], "APPS": [app]}
    }
    settings.OIDC_GROUPS = [("cc-leads", "heads"), ("cc", "support"), ("cc", "support-managers"), ("gone", "no-team")]
    (provider[1] / "groups.json").write_text("{}")
    return build()


def begin(client: Client) -> str:
    """Where our sign-in button leads: the provider's own page."""
    page = client.get("/accounts/login/").content.decode()
    link = re.search(r'href="(/accounts/oidc/company/login/[^"]*)"', page)
    assert link is not None
    assert "Company account" in page
    answer = client.get(link[1].replace("&amp;", "&"))
    assert answer.status_code == 302
    return str(answer["Location"])


def at_the_provider(address: str, name: str, browser: httpx.Client | None = None) -> str:
    """A person at the provider: signs in there, and is sent back with a code. Gives the address of the way back.

    Without a name: somebody at a browser that the provider may remember; "" if it asks who this is.
    """
    browser = browser or httpx.Client(timeout=20)
    answer = browser.get(address)
    for _hop in range(10):
        place = answer.headers.get("location", "")
        if place.startswith(CALLBACK):
            return place
        if answer.is_redirect:
            answer = browser.get(str(answer.url.join(place)))
            continue
        if not name:
            return ""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.text)
        assert token is not None, answer.text[:500]
        form = {"login": name, "password": WORD, "csrfmiddlewaretoken": token[1]}
        answer = browser.post(str(answer.url), data=form, headers={"Referer": str(answer.url)})
    raise AssertionError(answer.text[:500])


def come_in(name: str, client: Client | None = None, browser: httpx.Client | None = None) -> tuple[Client, Any]:
    client = client or Client()
    back = at_the_provider(begin(client), name, browser)
    return client, client.get(back.removeprefix("http://testserver"))


def alive(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


def teams_of(user: User) -> set[str]:
    return set(Team.objects.filter(group__user=user).values_list("name", flat=True))


@guarantee("X05", ci=1)
def test_the_providers_word_signs_in_who_has_an_account(world: World, provider: tuple[str, Path]) -> None:
    asked = parse_qs(urlsplit(begin(Client())).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["state"] and asked["client_id"] == [CLIENT_ID]
    client, _answer = come_in("may")
    assert alive(client)
    assert int(client.session["_auth_user_id"]) == world.manager.pk
    again, _answer = come_in("may")
    assert alive(again)


@guarantee("X05", ci=1)
def test_groups_of_the_provider_become_teams(world: World, provider: tuple[str, Path]) -> None:
    """Those that the setting names, at each sign-in; other teams are left alone, and old sessions end."""
    warehouse = Team.objects.get(name="warehouse")
    world.manager.groups.add(warehouse.group)
    groups = provider[1] / "groups.json"
    groups.write_text(json.dumps({"may": ["cc-leads", "cc", "gone", "canteen"]}))
    first, _answer = come_in("may")
    assert teams_of(world.manager) == {"heads", "support", "support-managers", "warehouse"}
    assert alive(first)
    groups.write_text(json.dumps({"may": ["cc"]}))
    second, _answer = come_in("may")
    assert teams_of(world.manager) == {"support", "support-managers", "warehouse"}
    assert alive(second) and not alive(first)
    groups.write_text("{}")  # the provider says nothing of groups: no group, no team
    third, _answer = come_in("may")
    assert teams_of(world.manager) == {"warehouse"}
    assert alive(third) and not alive(second)
    told = Event.objects.filter(code="people.changed", actor="identity provider")
    assert told.count() == 3


@guarantee("X05", ci=1)
@pytest.mark.parametrize("name", ["forger", "wordy", "nobody"])
def test_nobody_comes_in_without_an_account_and_a_verified_address(
    world: World, provider: tuple[str, Path], name: str
) -> None:
    before = User.objects.count()
    client, answer = come_in(name)
    assert answer.status_code in (200, 302, 401)
    assert not alive(client)
    assert User.objects.count() == before


@guarantee("X05", ci=1)
def test_an_account_that_is_off_or_not_the_only_one_stays_out(world: World, provider: tuple[str, Path]) -> None:
    User.objects.filter(pk=world.colleague.pk).update(email="MAY.LEE@example.com")
    client, _answer = come_in("may")
    assert not alive(client)
    User.objects.filter(pk=world.colleague.pk).update(email="")
    client, _answer = come_in("may")
    assert alive(client)
    User.objects.filter(pk=world.manager.pk).update(is_active=False)
    client, _answer = come_in("may")
    assert not alive(client)


@guarantee("X05", ci=1)
def test_an_account_follows_its_mail_address(world: World, provider: tuple[str, Path]) -> None:
    """An address was wrong for a while, or went to somebody else: whoever came in by it has that account no longer."""
    User.objects.filter(pk=world.manager.pk).update(email="")
    User.objects.filter(pk=world.head.pk).update(email="may.lee@example.com")
    before, _answer = come_in("may")
    assert int(before.session["_auth_user_id"]) == world.head.pk
    User.objects.filter(pk=world.head.pk).update(email="ken.ho@example.com")
    client, answer = come_in("may")
    assert not alive(client) and "There is no account for you here" in answer.content.decode()
    User.objects.filter(pk=world.manager.pk).update(email="may.lee@example.com")
    client, _answer = come_in("may")
    assert int(client.session["_auth_user_id"]) == world.manager.pk


@guarantee("X05", ci=1)
def test_who_has_only_the_providers_word_gets_a_second_factor_soon_after_it(
    world: World, provider: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a password. Later they are sent to the provider first; who has a password here proves themselves by that."""
    page = "/accounts/2fa/totp/activate/"
    client, _answer = come_in("may")
    assert "/accounts/reauthenticate/?" in client.get(page)["Location"]
    User.objects.filter(pk=world.manager.pk).update(password="!")
    client, _answer = come_in("may")
    assert client.get(page).status_code == 200
    assert client.get("/accounts/password/set/").status_code == 200
    later = time.time() + 301
    monkeypatch.setattr(accounts.time, "time", lambda: later)
    anew(client, "/accounts/password/set/")
    there = anew(client, page)
    monkeypatch.undo()
    back = at_the_provider(there, "may")
    assert client.get(back.removeprefix("http://testserver"))["Location"] == page
    assert client.get(page).status_code == 200


def anew(client: Client, page: str) -> str:
    """Where a page leads that wants a new proof from whoever has only the provider's word."""
    here = client.get(page)
    assert urlsplit(here["Location"]).path == "/accounts/reauthenticate/company/"
    there = client.get(client.get(here["Location"])["Location"])
    return str(there["Location"])


@guarantee("X05", ci=1)
def test_a_browser_that_the_provider_remembers_proves_nothing(world: World, provider: tuple[str, Path]) -> None:
    """A screen that was left open is open at the provider too: whoever sits there gets no second factor by it."""
    page = "/accounts/2fa/totp/activate/"
    User.objects.filter(pk=world.manager.pk).update(password="!")
    client, browser = Client(), httpx.Client(timeout=20)
    come_in("may", client, browser)
    with sqlite3.connect(provider[1] / "provider.sqlite3") as kept:  # an hour ago
        kept.execute("UPDATE auth_user SET last_login = datetime(last_login, '-1 hour') WHERE username = 'may'")
    there = str(client.get("/accounts/oidc/company/login/", {"process": "login"})["Location"])
    back = at_the_provider(there, "", browser)
    client.get(back.removeprefix("http://testserver"))
    assert alive(client) and client.get(page).status_code == 302
    address = anew(client, page)
    assert at_the_provider(address, "", browser) == ""
    unasked = re.sub(r"prompt=login|max_age=\d+", "", address)  # whoever sits there may change what we ask for
    back = at_the_provider(unasked, "", browser)
    client.get(back.removeprefix("http://testserver"))
    assert alive(client) and client.get(page).status_code == 302
    back = at_the_provider(anew(client, page), "may", browser)
    assert client.get(back.removeprefix("http://testserver"))["Location"] == page
    assert client.get(page).status_code == 200


@guarantee("X05", ci=1)
def test_a_provider_that_does_not_say_when_it_asked_proves_nothing(world: World, provider: tuple[str, Path]) -> None:
    User.objects.filter(pk=world.manager.pk).update(password="!", email="silent@example.com")
    client, _answer = come_in("silent")
    assert alive(client)
    for page in ("/accounts/2fa/totp/activate/", "/accounts/password/set/"):
        assert client.get(page).status_code == 403


@guarantee("X05", ci=1)
def test_nobody_ties_their_company_account_to_somebody_elses_account_here(
    world: World, provider: tuple[str, Path]
) -> None:
    """A screen that was left open for a minute would be a key for ever."""
    client = Client()
    client.force_login(world.manager)
    there = client.get("/accounts/oidc/company/login/", {"process": "connect"})
    back = at_the_provider(str(there["Location"]), "forger")
    answer = client.get(back.removeprefix("http://testserver"))
    assert answer.status_code == 403 and "Nothing was changed." in answer.content.decode()
    assert not SocialAccount.objects.exists()
    other, _answer = come_in("forger")
    assert not alive(other)


@guarantee("X05", ci=1)
def test_a_way_back_that_we_did_not_ask_for_is_refused(world: World, provider: tuple[str, Path]) -> None:
    """Another browser's answer (state), a code used twice, and a code that nobody gave."""
    client, stranger = Client(), Client()
    back = at_the_provider(begin(client), "may").removeprefix("http://testserver")
    begin(stranger)
    stranger.get(back)
    assert not alive(stranger)
    client.get(back)
    assert alive(client)
    client.post("/accounts/logout/")
    client.get(back)
    assert not alive(client)
    other = Client()
    state = parse_qs(urlsplit(begin(other)).query)["state"][0]
    other.get(f"/accounts/oidc/company/login/callback/?code=made-up&state={state}")
    assert not alive(other)


@guarantee("X05", ci=1)
def test_the_environment_sets_it_up(tmp_path: Path) -> None:
    values = {
        "PATH": "/usr/bin:/bin", "WORK_COMMAND_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
        "OIDC_URL": "https://login.example.com/", "OIDC_CLIENT_ID": "wc", "OIDC_CLIENT_SECRET": "x",
        "OIDC_NAME": "Example", "OIDC_GROUPS": "leads=heads, cc=support", "OIDC_GROUPS_CLAIM": "roles",
        "OIDC_SCOPES": "openid email roles",
    }  # fmt: skip
    show = (
        "import json; from orchestrator import settings as s; "
        "print(json.dumps([s.SOCIALACCOUNT_PROVIDERS, s.OIDC_GROUPS, s.OIDC_GROUPS_CLAIM]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", show], cwd=project.BASE_DIR, env=values, capture_output=True, text=True, check=True
    )
    providers, groups, claim = json.loads(done.stdout)
    (app,) = providers["openid_connect"]["APPS"]
    assert (app["client_id"], app["secret"], app["name"]) == ("wc", "x", "Example")
    assert app["settings"] == {"server_url": "https://login.example.com"}
    assert providers["openid_connect"]["SCOPE"] == ["openid", "email", "roles"]
    assert (groups, claim) == ([["leads", "heads"], ["cc", "support"]], "roles")
    bad = subprocess.run(
        [sys.executable, "-c", show],
        cwd=project.BASE_DIR, env=values | {"OIDC_GROUPS": "leads"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "OIDC_GROUPS must look like left=right" in bad.stderr
