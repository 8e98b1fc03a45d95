"""Second factors: enrolled, asked for at every door, used once, and stored sealed."""

import base64
import hashlib
import hmac
import struct
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.test import Client

from tests.guarantees import guarantee
from tests.world import PASSWORD, World, build

STEP = 30  # seconds


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


def code(secret: str, at: float) -> str:
    """What an app shows (RFC 6238): six digits of HMAC-SHA-1 over the number of half minutes."""
    key = base64.b32decode(secret)
    digest = hmac.new(key, struct.pack(">Q", int(at // STEP)), hashlib.sha1).digest()
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06d}"


def sign_in(client: Client) -> Any:
    cache.clear()
    return client.post("/accounts/login/", {"login": "may.lee", "password": PASSWORD})


def alive(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


@pytest.fixture
def enrolled(world: World) -> str:
    """May Lee has an app with this secret."""
    client = Client()
    sign_in(client)
    asked = client.get("/accounts/2fa/totp/activate/")
    assert asked["Location"].startswith("/accounts/reauthenticate/")  # a screen that was left open enrols nobody
    assert client.post(asked["Location"], {"password": PASSWORD}).status_code == 302
    page = client.get("/accounts/2fa/totp/activate/")
    secret = str(page.context["form"].secret)
    assert secret in page.content.decode()
    assert client.post("/accounts/2fa/totp/activate/", {"code": "000000"}).status_code == 200
    assert not Authenticator.objects.exists()
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code(secret, time.time())})
    assert answer.status_code == 302
    cache.clear()
    return secret


@guarantee("X05", ci=1)
def test_a_password_alone_no_longer_signs_in(world: World, enrolled: str) -> None:
    client = Client()
    answer = sign_in(client)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert not alive(client)
    for path in ("/admin/", f"/cases/{world.case.number}/", "/accounts/2fa/", "/accounts/password/change/"):
        assert client.get(path).status_code == 302, path
        assert "_auth_user_id" not in client.session


@guarantee("X05", ci=1)
def test_the_code_of_the_app_signs_in_once(world: World, enrolled: str) -> None:
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client)
    assert first.post("/accounts/2fa/authenticate/", {"code": "123456"}).status_code == 200
    assert not alive(first)
    time.sleep(max(0.0, 5 - STEP + time.time() % STEP))  # not at the very end of a half minute
    shown = code(enrolled, time.time())
    first.post("/accounts/2fa/authenticate/", {"code": shown})
    assert alive(first)
    second.post("/accounts/2fa/authenticate/", {"code": shown})
    assert not alive(second)


@guarantee("X05", ci=1)
def test_a_password_that_was_changed_meanwhile_signs_nobody_in(world: World, enrolled: str) -> None:
    """Somebody stands between the password and the code, with a phone that was stolen too."""
    client = Client()
    sign_in(client)
    world.manager.set_password("another-long-one-7")
    world.manager.save()
    time.sleep(max(0.0, 5 - STEP + time.time() % STEP))
    answer = client.post("/accounts/2fa/authenticate/", {"code": code(enrolled, time.time())})
    assert answer["Location"] == "/accounts/login/"
    assert not alive(client)


@guarantee("X05", ci=1)
def test_guessing_codes_is_throttled(world: World, enrolled: str) -> None:
    client = Client()
    sign_in(client)
    said = [client.post("/accounts/2fa/authenticate/", {"code": f"{n:06d}"}) for n in range(20)]
    assert any(answer.status_code == 429 or "Too many" in answer.content.decode() for answer in said)
    client.post("/accounts/2fa/authenticate/", {"code": code(enrolled, time.time() + STEP)})
    assert not alive(client)


@guarantee("X05", ci=1)
def test_a_recovery_code_signs_in_once(world: World, enrolled: str) -> None:
    row = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
    word = row.wrap().get_unused_codes()[0]
    for expected in (True, False):
        client = Client()
        sign_in(client)
        client.post("/accounts/2fa/authenticate/", {"code": word})
        assert alive(client) is expected


@guarantee("X05", ci=1)
@pytest.mark.parametrize("path", ["totp/deactivate/", "webauthn/add/", "recovery-codes/generate/"])
def test_a_second_factor_is_changed_by_a_second_factor(world: World, enrolled: str, path: str) -> None:
    """An open session and a password that somebody saw give no second factor: a decision asks for one beyond both."""
    client = Client()
    client.force_login(world.manager)
    page = f"/accounts/2fa/{path}"
    assert client.get(page)["Location"].startswith("/accounts/2fa/reauthenticate/")
    by_password = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": page})
    assert by_password["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert client.get(page)["Location"].startswith("/accounts/2fa/reauthenticate/")
    word = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES).wrap().get_unused_codes()[0]
    assert client.post("/accounts/2fa/reauthenticate/", {"code": word, "next": page})["Location"] == page
    assert client.get(page).status_code == 200


@guarantee("G13", ci=1)
def test_what_is_stored_makes_no_codes(world: World, enrolled: str) -> None:
    """Neither the app's secret nor the seed of recovery codes stands in the database as it is."""
    stored = str(list(Authenticator.objects.values()))
    assert enrolled not in stored
    for row in Authenticator.objects.all():
        sealed = row.data.get("secret") or row.data.get("seed")
        assert str(sealed).startswith("gAAAA")  # Fernet


@guarantee("X05", ci=1)
def test_an_admin_has_no_page_of_them_and_can_remove_them(world: World, enrolled: str) -> None:
    admin = Client()
    admin.force_login(world.admin)
    for path in (
        "mfa/authenticator/",
        "usersessions/usersession/",
        "account/emailaddress/",
        "socialaccount/socialapp/",
    ):
        assert admin.get(f"/admin/{path}").status_code == 404, path
    admin.post("/admin/auth/user/", {"action": "remove_factors", "_selected_action": [world.manager.pk]})
    client = Client()
    sign_in(client)
    assert alive(client)
