"""Credentials are named, resolved late, and shown nowhere."""

import base64
import logging
from collections.abc import Callable

import pytest

from agents.connectors.credentials import CredentialProblem, credential_of, problems_of_auth
from agents.connectors.http import HttpConnector

from .conftest import READ, WRITE
from .scripted import Scripted

Connect = Callable[..., HttpConnector]
CANARY = "canary-7f3a91c2"
FORMS = [
    ({"bearer": "env:SHOP_TOKEN"}, "authorization", f"Bearer {CANARY}"),
    (
        {"basic": {"user": "robot", "password": "env:SHOP_TOKEN"}},
        "authorization",
        "Basic " + base64.b64encode(f"robot:{CANARY}".encode()).decode(),
    ),
    ({"header": {"name": "X-Api-Key", "value": "env:SHOP_TOKEN"}}, "x-api-key", CANARY),
]


@pytest.fixture(autouse=True)
def canary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", CANARY + "\n")


@pytest.mark.parametrize(("auth", "header", "value"), FORMS)
def test_each_kind_of_sign_in_reaches_the_system(
    system: Scripted, connect: Connect, auth: dict[str, object], header: str, value: str
) -> None:
    assert connect(auth=auth).call(READ, {"id": "1"}).ok
    assert system.seen[0].headers[header] == value


@pytest.mark.parametrize(("auth", "header", "value"), FORMS)
def test_a_system_that_gives_its_secret_back_does_not_spread_it(
    system: Scripted, connect: Connect, auth: dict[str, object], header: str, value: str
) -> None:
    system.script = lambda h: h.answer(200, {"sent": dict(h.headers), "again": value})
    assert CANARY not in repr(connect(auth=auth).call(READ, {"id": "1"}))
    assert value not in repr(connect(auth=auth).call(READ, {"id": "1"}))
    system.script = lambda h: h.answer(403, {"message": f"bad key {value}"})
    assert value not in connect(auth=auth).call(WRITE, {"id": "1"}).error


@pytest.mark.parametrize(("auth", "header", "value"), FORMS)
def test_no_repr_log_or_error_shows_a_secret(
    system: Scripted,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    auth: dict[str, object],
    header: str,
    value: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    there = connect(auth=auth)
    system.script = lambda h: h.cut()
    answers = [
        there.call(WRITE, {"id": "1"}),
        there.call(WRITE, {"id": ""}),
        there.look_up(READ, {"id": "1"}),
    ]
    shown = repr((there, there.system, credential_of(auth), answers, there.health())) + caplog.text
    assert CANARY not in shown
    assert value not in shown


@pytest.mark.parametrize("value", ["line\r\nX-Evil: canary-7f3a91c2", "tab\tcanary-7f3a91c2", "退canary-7f3a91c2"])
def test_a_secret_that_cannot_be_sent_is_refused_by_name_only(
    system: Scripted, connect: Connect, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", value)
    answer = connect(auth={"bearer": "env:SHOP_TOKEN"}).call(WRITE, {"id": "1"})
    assert answer.outcome == "not_sent"
    assert "env:SHOP_TOKEN" in answer.error
    assert CANARY not in answer.error
    assert system.seen == []


def test_a_missing_credential_is_named(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_TOKEN")
    answer = connect(auth={"bearer": "env:SHOP_TOKEN"}).call(WRITE, {"id": "1"})
    assert (answer.outcome, answer.retryable) == ("not_sent", False)
    assert "env:SHOP_TOKEN" in answer.error


def test_the_store_is_asked_for_store_names_and_only_for_them() -> None:
    kept = {"shop": "from-the-store"}
    assert credential_of({"bearer": "store:shop"}, kept.get).headers == (("Authorization", "Bearer from-the-store"),)
    for store in (None, {}.get):
        with pytest.raises(CredentialProblem, match="store:shop"):
            credential_of({"bearer": "store:shop"}, store)


@pytest.mark.parametrize(
    "auth",
    [
        {"bearer": "canary-7f3a91c2"},
        {"bearer": "env:"},
        {"bearer": "file:/etc/passwd"},
        {"bearer": 5},
        {"basic": {"user": "x"}},
        {"basic": {"user": "x", "password": "canary-7f3a91c2"}},
        {"header": {"name": "Host", "value": "env:A"}},
        {"header": {"name": "X\r\nY", "value": "env:A"}},
        {"digest": {}},
        {"bearer": "env:A", "basic": {}},
        {"bearer": "env:SECRET_KEY"},
        {"bearer": "env:DATABASE_URL"},
        {"bearer": "env:LEDGER_KEY"},
    ],
)
def test_a_sign_in_that_is_not_a_name_is_refused_without_showing_it(auth: dict[str, object]) -> None:
    found = problems_of_auth(auth)
    assert found
    assert CANARY not in " ".join(found)
    with pytest.raises(CredentialProblem):
        credential_of(auth)
