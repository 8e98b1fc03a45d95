"""Every kind of mail in both languages, at its worst: subject, at most 90 words, one link, the same in text and HTML."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals.models import Approval, Asked, Decision
from cases.models import Case, CaseSight, Person
from cases.wording import words
from orchestrator.notices import planning, selectors, services
from orchestrator.notices.models import Notice
from tests.notices.smtp import MailServer
from tests.notices.test_telling import aged, parts
from tests.world import World, add_approval, add_case_row

LONG = {"en": "Refund HK$480.00 and send a voucher, a letter and a note about the whole long story " * 3,
        "zh-hant": "退款及寄出禮券、信件和有關整件事的備註，" * 12}  # fmt: skip


@pytest.fixture(autouse=True)
def nobody_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reader; no digest unless a test wants one."""
    User.objects.exclude(pk=world.manager.pk).update(email="")
    monkeypatch.setattr(planning, "slot_of", lambda now, zone: None)
    Approval.objects.update(title=LONG)
    proposal = world.proposal
    proposal.options = [{**one, "title": LONG, "name": f"{one['name']}"} for one in proposal.options]
    proposal.rules = [{**rule, "sentence": LONG} for rule in proposal.rules]
    proposal.save()


def asked(world: World, _patch: pytest.MonkeyPatch) -> str:
    return "decide by|前決定|^decide"


def reminded(world: World, _patch: pytest.MonkeyPatch) -> str:
    Approval.objects.update(due_at=world.now + timedelta(hours=5), risk="high")
    Asked.objects.update(since=world.now - timedelta(hours=8))
    services.tell()
    aged(4.1)
    return "reminder|提示"


def passed_up(world: World, _patch: pytest.MonkeyPatch) -> str:
    Asked.objects.update(passed_up_from="support")
    return "passed up to you|上報"


def late(world: World, _patch: pytest.MonkeyPatch) -> str:
    Approval.objects.update(due_at=world.now - timedelta(minutes=1))
    return "overdue|已過期"


def outcome(world: World, _patch: pytest.MonkeyPatch) -> str:
    Case.objects.update(opened_by=world.manager)
    Approval.objects.update(state="decided", decided_option="reject", decided_at=world.now)
    Decision.objects.create(
        approval=world.approval, user=world.deputy, label="Ken Ho (ken.ho)", team="support-managers", option="reject",
        reason=" ".join(["not enough proof of it"] * 40), fingerprint="f" * 64, at=world.now,
    )  # fmt: skip
    return "rejected|拒絕"


def handed(world: World, _patch: pytest.MonkeyPatch) -> str:
    Approval.objects.update(state="withdrawn")
    Case.objects.update(
        status="with_person", holder_kind="team", holder_team=world.managers, finish_due=world.now + timedelta(hours=1)
    )
    return "with your team|你的團隊|團隊"


def digest(world: World, patch: pytest.MonkeyPatch) -> str:
    for type_ in (world.refund, world.delivery):
        for _n in range(8):
            _proposal, _writes, row = add_approval(world, add_case_row(type_, world.now))
            Approval.objects.filter(pk=row.pk).update(title=LONG)
    Approval.objects.update(due_at=world.now + timedelta(hours=30))
    patch.setattr(planning, "slot_of", lambda now, zone: world.now + timedelta(seconds=1))
    return "approvals|批核"


@pytest.mark.parametrize("language", ["en", "zh-hant"])
@pytest.mark.parametrize("kind", [asked, reminded, passed_up, late, outcome, handed, digest])
def test_a_mail_keeps_to_its_form(
    world: World,
    mails: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    kind: Callable[[World, pytest.MonkeyPatch], str],
    language: str,
) -> None:
    Person.objects.filter(user=world.manager).update(language=language)
    begins = kind(world, monkeypatch)
    mails.taken.clear()
    assert services.tell() == 1
    [(_to, mail)] = mails.taken
    text, html = parts(mail)
    subject = str(mail["Subject"])
    assert re.search(begins, subject.lower()), subject
    assert "\n" not in subject and words(subject) <= 30
    assert kind is digest or subject.endswith(f"[{world.case.number}]")
    body = re.sub(r"https?://\S+", "", text)
    assert words(body) <= 90, f"{words(body)} words:\n{text}"
    links = re.findall(r"https?://[^\s\"<]+", text)
    assert len(links) == 1 and re.findall(r'(?:href|src|action)="([^"]*)"', html) == links
    for forbidden in ("<img", "<form", "<script", "<style", "style="):
        assert forbidden not in html
    plain = re.sub(r"\s+", "", unescape(re.sub(r"<[^>]+>|<head>.*</head>", "", html.partition("<body>")[2])))
    for line in (line.strip(" -") for line in text.splitlines()):
        said = re.sub(r"\s+", "", re.sub(r": ?https?://\S+$", "", line))
        label, _colon, rest = said.partition(":")
        assert said in plain or (label in plain and rest in plain), line
    assert "Tai Man" not in text + html + subject
    assert ("Replying to this e-mail does nothing." in text) is (language == "en")
    assert mail["Content-Language"].startswith("en" if language == "en" else "zh")


def test_after_the_decision_the_link_says_who_decided_and_when(world: World, mails: MailServer) -> None:
    """The page that a mail leads to, opened too late: by the asked person, on a phone that is still signed in."""
    services.tell()
    link = re.findall(r"https://work.example.com(\S+)", parts(mails.taken[0][1])[0])[0]
    deputy = Client()
    deputy.force_login(world.deputy)
    sent: dict[str, Any] = {"option": "full", "fingerprint": world.approval.fingerprint, "nonce": "n"}
    assert deputy.post(f"{link}decide/", sent).status_code == 302
    at = Decision.objects.get().at
    reader = Client()
    reader.force_login(world.manager)
    page = " ".join(unescape(re.sub(r"<[^>]+>", " ", reader.get(link).content.decode())).split())
    clock = at.astimezone(selectors.zone()).strftime("%H:%M")
    assert re.search(rf"Ken Ho decided today {clock} ?:", page), page[:2000]
    assert 'name="option"' not in reader.get(link).content.decode()


def test_who_was_added_or_covers_is_told_like_those_who_were_asked(world: World, mails: MailServer) -> None:
    """Nobody who can decide it has to find it by chance."""
    User.objects.filter(pk=world.colleague.pk).update(email="wing@example.com")
    world.cover.starts_at = world.now - timedelta(days=1)
    world.cover.save()
    CaseSight.objects.get_or_create(case=world.case, user=world.colleague, reason="cover", defaults={"at": world.now})
    services.tell()
    assert sorted(to for to, _mail in mails.taken) == ["may.lee@example.com", "wing@example.com"]
    assert Notice.objects.count() == 2
