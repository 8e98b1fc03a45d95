"""A second factor for the decision itself: asked for last, kept input, fresh, not replayed, never by a token."""

import re
import time
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from agents import configuration
from agents.models import Proposal, Write
from approvals import services, transitions
from approvals.errors import StepUpNeeded
from approvals.models import Approval, Decision, StandingApproval
from approvals.standing import confirm_standing, pause_standing
from approvals.step_up import Proof
from cases.actors import person
from cases.clock import database_now
from cases.models import Company, Event, Team
from tests.api.program import program
from tests.security.test_second_factors import code
from tests.world import FINGERPRINT, World, add_approval, add_case_row, build


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    world = build()
    Team.objects.filter(pk=world.managers.pk).update(step_up=True)
    return world


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def enrol(user: User) -> str:
    """Give a person an app; returns its secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def shown(secret: str) -> str:
    """The code that the app shows; one that will not change under the test's hands."""
    left = 30 - time.time() % 30
    if left < 6:
        time.sleep(left + 0.1)
    return code(secret, time.time())


def at(approval: Approval, part: str = "decide/") -> str:
    return f"/approvals/{approval.pk}/{part}"


def answer(**more: Any) -> dict[str, Any]:
    return {"option": "full", "fingerprint": FINGERPRINT, "nonce": "n-1", **more}


def text_of(page: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def hidden(page: Any) -> dict[str, list[str]]:
    """What the form of the step sends on, by name."""
    found: dict[str, list[str]] = {}
    inside = page.content.decode().partition("<main")[2].partition("</main>")[0]
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', inside):
        if name != "csrfmiddlewaretoken":
            found.setdefault(unescape(name), []).append(unescape(value))
    return found


def test_a_code_is_asked_for_at_the_decision_and_stands_in_its_record(world: World) -> None:
    secret, client = enrol(world.manager), client_of(world.manager)
    page = client.post(at(world.approval), answer())
    assert "Code from your app" in text_of(page)
    assert not Decision.objects.exists()
    assert "Full refund, HK$480.00" in text_of(page)  # the button says what it does
    done = client.post(at(world.approval), hidden(page) | {"code": shown(secret)})
    assert done.status_code == 302, text_of(done)
    decision = Decision.objects.get()
    assert (decision.option, decision.step_up) == ("full", "totp")
    assert decision.step_up_at is not None and abs(decision.at - decision.step_up_at) < timedelta(seconds=20)
    told = Event.objects.get(code="approval.decided").detail.data
    assert told["step_up"]["method"] == "totp" and told["step_up"]["at"]
    story = text_of(client.get(f"/cases/{world.case.number}/"))
    assert "Confirmed with a one-time code." in story


def test_what_was_filled_in_comes_through_the_step(world: World) -> None:
    """An edited amount, its reason and its check page; then the code, which is wrong once."""
    secret, client = enrol(world.manager), client_of(world.manager)
    edits = {"edit.2.refund.amount": "300", "edit.2.refund.reason": "Late <b>delivery</b>", "reason": "遲了 & fair"}
    check = client.post(at(world.approval), answer(**edits))
    assert "Check before it counts" in text_of(check)
    step = client.post(at(world.approval), hidden(check))
    assert "Code from your app" in text_of(step)
    wrong = client.post(at(world.approval), hidden(step) | {"code": "000000"})
    assert wrong.status_code == 422 and "wrong or was used already" in text_of(wrong)
    kept = {name: values for name, values in hidden(wrong).items() if name != "noted"}
    assert kept == {name: values for name, values in hidden(step).items() if name != "noted"}
    back = client.post(at(world.approval), hidden(wrong) | {"back": "1"})
    assert 'value="300"' in back.content.decode() and "遲了 &amp; fair" in back.content.decode()
    done = client.post(at(world.approval), hidden(wrong) | {"code": shown(secret)})
    assert done.status_code == 302, text_of(done)
    decision = Decision.objects.get()
    assert decision.edits == {"refund": {"amount": 300, "reason": "Late <b>delivery</b>"}}
    assert decision.reason == "遲了 & fair"


def test_the_button_of_the_step_says_the_amount_in_its_own_currency(world: World) -> None:
    """The company's, as on the page before it; where a write moves another one, that."""
    Company.objects.update(currency="EUR")
    Write.objects.update(currency="")
    enrol(world.manager)
    edits = {"edit.2.refund.amount": "300", "edit.2.refund.reason": "Late", "reason": "Fair"}
    for currency, amount in (("", "€300.00"), ("USD", "US$300.00")):
        Write.objects.update(currency=currency)
        client = client_of(world.manager)
        check = client.post(at(world.approval), answer(**edits))
        step = client.post(at(world.approval), hidden(check))
        for page in (check, step):
            assert f"Refund a payment {amount}" in text_of(page) and "HK$300" not in text_of(page), currency


def test_it_counts_for_as_long_as_the_company_says(world: World) -> None:
    Company.objects.update(step_up_seconds=60)
    secret, client = enrol(world.manager), client_of(world.manager)
    others = [add_approval(world, add_case_row(world.refund, world.now))[2] for _n in range(2)]
    client.post(at(world.approval), answer(code=shown(secret)))
    assert client.post(at(others[0]), answer(nonce="n-2")).status_code == 302
    assert Decision.objects.count() == 2
    session = client.session
    session["approvals_step_up"] = [world.manager.pk, "totp", (timezone.now() - timedelta(seconds=61)).isoformat()]
    session.save()
    assert "Code from your app" in text_of(client.post(at(others[1]), answer(nonce="n-3")))
    assert Decision.objects.count() == 2


@pytest.mark.parametrize("seconds", [-301, 30])
def test_a_proof_that_is_old_or_from_the_future_does_not_count(world: World, seconds: int) -> None:
    proof = Proof("totp", database_now() + timedelta(seconds=seconds))
    with pytest.raises(StepUpNeeded):
        services.decide(
            actor=person(world.manager),
            approval_id=world.approval.pk,
            fingerprint=FINGERPRINT,
            option="full",
            proof=proof,
        )


def test_a_code_that_was_used_is_refused(world: World) -> None:
    """Also one that signed in: what somebody looked over a shoulder for is worth nothing."""
    secret = enrol(world.manager)
    used = shown(secret)
    first, second = client_of(world.manager), client_of(world.manager)
    other = add_approval(world, add_case_row(world.refund, world.now))[2]
    assert first.post(at(world.approval), answer(code=used)).status_code == 302
    page = second.post(at(other), answer(nonce="n-2", code=used))
    assert page.status_code == 422 and "used already" in text_of(page)
    assert Decision.objects.count() == 1


def test_a_used_code_is_refused_also_if_the_cache_was_lost(world: World) -> None:
    secret = enrol(world.manager)
    used = shown(secret)
    other = add_approval(world, add_case_row(world.refund, world.now))[2]
    assert client_of(world.manager).post(at(world.approval), answer(code=used)).status_code == 302
    cache.clear()
    assert client_of(world.manager).post(at(other), answer(nonce="n-2", code=used)).status_code == 422
    assert Decision.objects.count() == 1


def test_guessing_codes_ends_soon(world: World) -> None:
    secret, client = enrol(world.manager), client_of(world.manager)
    for _time in range(8):
        page = client.post(at(world.approval), answer(code="000001"))
        assert page.status_code == 422
    page = client.post(at(world.approval), answer(code=shown(secret)))
    assert page.status_code == 422 and "Too many" in text_of(page)
    assert not Decision.objects.exists()


def test_a_recovery_code_and_anothers_code_do_not_count(world: World) -> None:
    enrol(world.manager)
    codes = RecoveryCodes.activate(world.manager)
    before = codes.get_unused_codes()
    client = client_of(world.manager)
    assert client.post(at(world.approval), answer(code=before[0])).status_code == 422
    assert client.post(at(world.approval), answer(code=shown(enrol(world.deputy)))).status_code == 422
    wrapped = Authenticator.objects.get(user=world.manager, type="recovery_codes").wrap()
    assert wrapped.get_unused_codes() == before
    assert not Decision.objects.exists()


def test_anothers_proof_in_the_session_does_not_count(world: World) -> None:
    client = client_of(world.manager)
    session = client.session
    session["approvals_step_up"] = [world.deputy.pk, "totp", timezone.now().isoformat()]
    session.save()
    client.post(at(world.approval), answer())
    assert not Decision.objects.exists()


def test_who_has_none_is_told_how_to_set_one_up_and_loses_nothing(world: World) -> None:
    client = client_of(world.manager)
    page = client.post(at(world.approval), answer(option="partial", reason="Half is fair"))
    assert page.status_code == 200
    assert "You have not set one up yet." in text_of(page)
    assert re.search(r'<a href="/accounts/2fa/"[^>]*target="_blank"', page.content.decode())
    assert hidden(page)["reason"] == ["Half is fair"] and hidden(page)["option"] == ["partial"]
    secret = enrol(world.manager)
    again = client.post(at(world.approval), hidden(page))
    assert "Code from your app" in text_of(again)
    assert client.post(at(world.approval), hidden(again) | {"code": shown(secret)}).status_code == 302
    assert Decision.objects.get().reason == "Half is fair"


@pytest.mark.parametrize(
    ("from_risk", "risk", "asked"),
    [
        ("", "high", False),
        ("high", "medium", False),
        ("high", "high", True),
        ("medium", "high", True),
        ("low", "low", True),
    ],
)
def test_the_company_says_from_which_risk_on(world: World, from_risk: str, risk: str, asked: bool) -> None:
    Team.objects.update(step_up=False)
    Company.objects.update(step_up=from_risk)
    Approval.objects.update(risk=risk)

    def decided() -> Approval:
        return services.decide(
            actor=person(world.manager), approval_id=world.approval.pk, fingerprint=FINGERPRINT, option="full"
        )

    if asked:
        with pytest.raises(StepUpNeeded):
            decided()
    else:
        assert decided().state == "decided"
        assert Decision.objects.get().step_up == ""


def test_a_team_above_that_answers_gives_one_too(world: World) -> None:
    """It was passed up: the team that was asked first needs one, so whoever answers for it does."""
    transitions.pass_up(world.approval, configuration.current(), now=world.now)
    assert world.approval.asked.filter(team=world.heads).exists()
    with pytest.raises(StepUpNeeded):
        services.decide(actor=person(world.head), approval_id=world.approval.pk, fingerprint=FINGERPRINT, option="full")


def test_a_token_is_refused_and_told_why(world: World) -> None:
    own = program("staff", "decide", user=world.manager)
    got = own.post(f"approvals/{world.approval.pk}/decision/", {"fingerprint": FINGERPRINT, "option": "full"})
    assert got.status_code == 403
    body = got.json()
    assert (body["code"], body["detail"]["reason"]) == ("no_right", "step_up")
    assert "in the browser, not with a token" in body["message"]
    assert not Decision.objects.exists()
    assert Event.objects.filter(code="approval.refused").count() == 1


def test_several_are_decided_after_one_code(world: World) -> None:
    Approval.objects.update(risk="low")
    rows = [
        world.approval,
        *(add_approval(world, add_case_row(world.refund, world.now), risk="low")[2] for _n in range(2)),
    ]
    secret, client = enrol(world.manager), client_of(world.manager)
    sent = {"nonce": "b-1", "option": "full", "row": [f"{row.pk}.{FINGERPRINT}" for row in rows]}
    page = client.post("/approvals/bulk/", sent)
    assert "Code from your app" in text_of(page) and not Decision.objects.exists()
    done = client.post("/approvals/bulk/", hidden(page) | {"code": shown(secret)}, follow=True)
    assert "3 approved" in text_of(done)
    assert set(Decision.objects.values_list("step_up", flat=True)) == {"totp"}


def test_a_standing_approval_is_confirmed_with_one(world: World) -> None:
    secret, client = enrol(world.manager), client_of(world.manager)
    url = f"/standing-approvals/{world.standing.pk}/confirm/"
    page = client.post(url, {"version": world.standing.rule.version})
    assert "Code from your app" in text_of(page)
    assert not StandingApproval.objects.get().in_force
    assert client.post(url, hidden(page) | {"code": shown(secret)}).status_code == 302
    assert StandingApproval.objects.get().in_force
    assert Event.objects.get(code="standing.confirmed").detail.data["step_up"]["method"] == "totp"


def test_a_paused_standing_approval_goes_on_with_one(world: World) -> None:
    """It begins to cover again what it covered: the same proof as to confirm it."""
    secret, client = enrol(world.manager), client_of(world.manager)
    confirm_standing(actor=person(world.manager), standing_id=world.standing.pk, proof=Proof("totp", database_now()))
    pause_standing(actor=person(world.head), standing_id=world.standing.pk)
    url = f"/standing-approvals/{world.standing.pk}/resume/"
    page = client.post(url)
    assert "Code from your app" in text_of(page)
    assert not StandingApproval.objects.get().in_force
    assert client.post(url, {"code": shown(secret)}).status_code == 302
    assert StandingApproval.objects.get().in_force
    assert Event.objects.get(code="standing.resumed").detail.data["step_up"]["method"] == "totp"


def test_who_may_not_decide_is_not_asked_for_a_code(world: World) -> None:
    page = client_of(world.frontline).post(at(world.approval), answer())
    assert page.status_code == 403 and "Code from your app" not in text_of(page)


def test_undoing_asks_for_no_second_factor_deciding_again_does(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking back makes it safer, and there are seconds for it: one press, by page and by token, however long ago."""
    monkeypatch.setattr(services.permits, "permit_option", lambda *_given, **_more: [])  # the story has no real writes
    Write.objects.filter(proposal=world.proposal).update(state="held")
    held_until = database_now() + timedelta(minutes=1)
    client = client_of(world.manager)
    for by_token in (False, True):
        proof = Proof("totp", database_now())
        services.decide(
            actor=person(world.manager),
            approval_id=world.approval.pk,
            fingerprint=FINGERPRINT,
            option="full",
            proof=proof,
        )
        Approval.objects.filter(pk=world.approval.pk).update(hold_until=held_until)
        if by_token:
            done = program("staff", "decide", user=world.manager).post(f"approvals/{world.approval.pk}/undo/")
            assert done.status_code == 200, done.content
        else:
            done = client.post(at(world.approval, "undo/"))
            assert (done.status_code, done["Location"]) == (302, f"/approvals/{world.approval.pk}/")
        world.approval.refresh_from_db()
        assert world.approval.state == "waiting"
        Approval.objects.filter(pk=world.approval.pk).update(fingerprint=FINGERPRINT)
        Proposal.objects.filter(pk=world.proposal.pk).update(fingerprint=FINGERPRINT)
    again = client.post(at(world.approval), answer(nonce="n-2"))
    assert "set one up" in text_of(again) or "Code from your app" in text_of(again)
    assert not Decision.objects.filter(undone_at=None).exists()
