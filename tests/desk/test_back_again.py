"""A session ends in the middle of a form: after sign-in the entry is back, for that person alone, and nothing was sent."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from agents.models import Operation
from approvals.models import Decision
from cases import kept_entries
from cases.models import Message
from orchestrator.desk import back_again
from orchestrator.desk.filling import filled
from orchestrator.sessions import end_sessions
from tests.world import PASSWORD, World, build

LOGIN = "/accounts/login/"
HOST = "http://testserver"


@pytest.fixture
def world(db: None) -> Iterator[World]:
    cache.clear()
    yield build()
    cache.clear()


def sign_in(client: Client, user: User, target: str) -> str:
    """Sign in through the page that the product leads to; where it leads on to."""
    sent = {"login": user.username, "password": PASSWORD, "next": target}
    answer = client.post(LOGIN, sent)
    assert answer.status_code == 302, answer.content
    return str(answer["Location"])


def opened(user: User, page: str) -> Client:
    """A browser in which `user` signed in and has opened `page`."""
    client = Client()
    sign_in(client, user, page)
    assert client.get(page).status_code == 200
    return client


def lost(client: Client, page: str, action: str, sent: dict[str, Any]) -> str:
    """Send the form after the session ended; the address that sign-in is to lead back to."""
    client.session.flush()
    answer = client.post(action, sent, headers={"Referer": HOST + page})
    assert answer.status_code == 302 and answer["Location"].startswith(LOGIN)
    target = client.get(answer["Location"]).content.decode()
    found = re.search(r'name="next"[^>]*value="([^"]+)"', target)
    assert found is not None
    return found[1].replace("&amp;", "&")


def answer_of(world: World, **more: str) -> dict[str, str]:
    return {
        "option": "partial", "chip": "Wrong amount", "reason": "Only half < was late\r\nsecond line",
        "edit.1.refund.amount": "200", "edit.1.refund.reason": "Late delivery",
        "fingerprint": world.approval.fingerprint, "nonce": "old-nonce", **more,
    }  # fmt: skip


def has_it(world: World) -> None:
    world.case.holder_kind, world.case.holder_user = "person", world.frontline
    world.case.save()


def test_a_decision_is_filled_in_again_and_not_made(world: World) -> None:
    page = f"/approvals/{world.approval.pk}/"
    client = opened(world.manager, page)
    target = lost(client, page, f"{page}decide/", answer_of(world))
    assert target.startswith(f"{page}?kept=")
    again = client.get(sign_in(client, world.manager, target)).content.decode()
    assert re.search(r'<input type="radio"[^>]*value="partial"[^>]* checked>', again)
    assert re.search(r'value="Wrong amount"[^>]* checked>', again)
    assert "Only half &lt; was late" in again
    assert re.search(r'name="edit.1.refund.amount"[^>]* value="200">', again)
    assert re.search(r'<details class="fold effect o1" open>', again)
    assert "You were signed out before this was sent" in again
    assert "old-nonce" not in again
    assert Decision.objects.count() == 0


def test_from_the_check_page_it_leads_back_to_the_approval(world: World) -> None:
    page = f"/approvals/{world.approval.pk}/"
    client = opened(world.manager, page)
    target = lost(client, f"{page}decide/", f"{page}decide/", answer_of(world, seal="x"))
    on = client.get(sign_in(client, world.manager, target))
    assert on.status_code == 302 and on["Location"].startswith(f"{page}?kept=")
    assert re.search(r'value="partial"[^>]* checked>', client.get(on["Location"]).content.decode())


@pytest.mark.parametrize("part", ["", "by-hand/?operation=crm.add_note"])
def test_forms_of_a_case_are_filled_in_too(world: World, part: str) -> None:
    has_it(world)
    page = f"/cases/{world.case.number}/{part}"
    client = opened(world.frontline, page)
    action = f"/cases/{world.case.number}/{'by-hand/call/' if part else 'message/'}"
    sent = {"text": "Called twice", "private": "on"}
    if part:
        sent = {"argument.text": "Called twice", "operation": "crm.add_note"}
    again = client.get(sign_in(client, world.frontline, lost(client, page, action, sent))).content.decode()
    assert re.search(r"<textarea[^>]*>\s*Called twice</textarea>", again)
    assert part or re.search(r'<input type="checkbox" name="private" checked>', again)
    assert Message.objects.filter(text="Called twice").count() == 0


def test_another_person_on_that_browser_gets_nothing(world: World) -> None:
    page = f"/approvals/{world.approval.pk}/"
    client = opened(world.manager, page)
    target = lost(client, page, f"{page}decide/", answer_of(world))
    other = client.get(sign_in(client, world.deputy, target)).content.decode()
    assert "Only half" not in other and "You were signed out" not in other
    own = Client()
    sign_in(own, world.manager, "/")
    assert "Only half" not in own.get(target).content.decode()  # and it is gone


def test_a_browser_of_nobody_keeps_nothing(world: World) -> None:
    page = f"/approvals/{world.approval.pk}/"
    for owner in ("", "1", "1:forged:signature"):
        client = Client()
        client.cookies[kept_entries.cookie()] = owner
        answer = client.post(f"{page}decide/", answer_of(world), headers={"Referer": HOST + page})
        assert "kept" not in answer["Location"]


def test_after_signing_out_nothing_is_kept(world: World) -> None:
    page = f"/approvals/{world.approval.pk}/"
    client = opened(world.manager, page)
    client.post("/accounts/logout/")
    answer = client.post(f"{page}decide/", answer_of(world), headers={"Referer": HOST + page})
    assert "kept" not in answer["Location"]


def test_secrets_are_not_kept_and_the_cache_holds_no_plain_text(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[Any] = []
    real = cache.set

    def keep(key: str, value: Any, *more: Any) -> None:
        stored.append(value)
        real(key, value, *more)

    monkeypatch.setattr(cache, "set", keep)
    Operation.objects.filter(name="crm.add_note").update(secret=["text"])
    has_it(world)
    page = f"/cases/{world.case.number}/by-hand/?operation=crm.add_note"
    client = opened(world.frontline, page)
    assert 'name="not_kept" value="argument.text"' in client.get(page).content.decode()
    sent = {
        "password": "hunter2", "code": "123456", "credential": "{}", "api_token": "t", "argument.pin": "9",
        "argument.text": "very secret", "not_kept": "argument.text", "why": "because it is so",
    }  # fmt: skip
    target = lost(client, page, f"/cases/{world.case.number}/by-hand/call/", sent)
    assert stored and not [value for value in stored if "because it is so" in str(value)]
    sign_in(client, world.frontline, "/")
    request: Any = type("R", (), {"GET": {"kept": target.split("kept=")[1]}, "user": world.frontline})()
    kept = kept_entries.of(request)
    assert kept is not None and kept.fields == {"why": ["because it is so"]}


def test_too_much_is_not_kept(world: World) -> None:
    page = f"/approvals/{world.approval.pk}/"
    client = opened(world.manager, page)
    assert "kept" not in lost(client, page, f"{page}decide/", {"reason": "x" * 100_001})


def test_it_is_kept_for_half_an_hour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    page = f"/approvals/{world.approval.pk}/"
    client = opened(world.manager, page)
    monkeypatch.setattr(kept_entries, "SECONDS", 0)
    target = lost(client, page, f"{page}decide/", answer_of(world))
    assert "Only half" not in client.get(sign_in(client, world.manager, target)).content.decode()


@pytest.mark.parametrize("came_from", ["http://evil.example/x/", f"{HOST}//evil.example/x/", f"{HOST}/\\evil.example/"])
def test_the_way_back_stays_on_this_site(world: World, came_from: str) -> None:
    page = f"/approvals/{world.approval.pk}/"
    client = opened(world.manager, page)
    client.session.flush()
    answer = client.post(f"{page}decide/", answer_of(world), headers={"Referer": came_from})
    assert parse_qs(urlsplit(answer["Location"]).query)["next"][0].startswith("/?kept=")


def test_an_ended_session_is_told_the_form_is_gone_when_it_is(world: World) -> None:
    page = f"/approvals/{world.approval.pk}/"
    client = opened(world.manager, page)
    end_sessions([world.manager.pk])
    target = lost(client, page, f"{page}decide/", answer_of(world))
    type(world.approval).objects.filter(pk=world.approval.pk).update(state="withdrawn")
    again = client.get(sign_in(client, world.manager, target)).content.decode()
    assert "The form is not here any more" in again and "Only half &lt; was late" in again


FORM = (
    '<!doctype html><form method="post" action="/x/#y"><input type="hidden" name="h" value="new">'
    '<input type="password" name="p"><input type="text" name="t" value="a&amp;b"><select name="s"><option value="">'
    "</option><option>one</option><option selected>t&amp;o</option></select>"
    '<input type="checkbox" name="c" checked></form><form method="post" action="/x/"><input name="t" value="2"></form>'
)


def test_only_what_a_person_fills_in_is_filled_in() -> None:
    again = filled(FORM, "/x/", {"h": ["old"], "p": ["pw"], "t": ['"><script>'], "s": ["one"]})
    assert again == (
        '<!doctype html><form method="post" action="/x/#y"><input type="hidden" name="h" value="new">'
        '<input type="password" name="p"><input type="text" name="t" value="&quot;&gt;&lt;script&gt;">'
        '<select name="s"><option value=""></option><option selected>one</option><option>t&amp;o</option></select>'
        '<input type="checkbox" name="c"></form><form method="post" action="/x/"><input name="t" value="2"></form>'
    )
    assert filled(FORM, "/z/", {"t": ["x"]}) is None


def test_a_page_that_is_filled_with_what_it_says_stays_as_it_is(world: World) -> None:
    client = Client()
    client.force_login(world.manager)
    page = client.get(f"/approvals/{world.approval.pk}/").content.decode()
    assert filled(page, f"/approvals/{world.approval.pk}/decide/", {}) == page


def test_a_database_that_does_not_answer_is_for_the_page_to_say() -> None:
    def silent() -> None:
        raise OperationalError

    request = RequestFactory().get("/livez")
    request.user = SimpleLazyObject(silent)
    answer = back_again.with_entries(lambda _request: HttpResponse("alive"))(request)
    assert answer.content == b"alive" and not answer.cookies


def test_a_call_that_does_not_fit_keeps_what_was_typed_and_says_it_at_its_field(world: World) -> None:
    """`Why` was lost, and the problem neither led to its field nor stood there."""
    has_it(world)
    sent = {"operation": "payments.refund", "argument.payment_id": "p1", "argument.amount": "-5", "why": "Angry caller"}
    client = Client()
    client.force_login(world.frontline)
    answer = client.post(f"/cases/{world.case.number}/by-hand/call/", sent)
    page = answer.content.decode()
    words = "amount must be more than HK$0.00."
    assert answer.status_code == 422
    assert f'<a href="#argument.amount">{words}</a>' in page and f'id="argument.amount-error">{words}' in page
    assert re.search(r'name="why" value="Angry caller"', page) and re.search(r'value="-5"', page)
