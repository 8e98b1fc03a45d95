"""Who is told what by mail, through a real SMTP server: once, in their language, and only what they may see."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Proposal, Write
from approvals.models import Approval, Asked, Decision
from cases.models import Case, CaseSight, Event, Person, Team
from cases.wording import words
from orchestrator.notices import planning, selectors, services
from orchestrator.notices.models import MailChoice, Notice
from tests.guarantees import Size, guarantee
from tests.notices.smtp import MailServer
from tests.world import World, add_approval, add_case_row

ZONE = ZoneInfo("Asia/Hong_Kong")


def parts(mail: EmailMessage) -> tuple[str, str]:
    text, html = (part.get_content() for part in mail.iter_parts())
    return text, html


def aged(hours: float) -> None:
    """As if everything told so far had been told that long ago."""
    for one in Notice.objects.all():
        Notice.objects.filter(pk=one.pk).update(
            reserved_at=one.reserved_at - timedelta(hours=hours), try_at=one.try_at - timedelta(hours=hours)
        )


def no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "slot_of", lambda now, zone: None)


def a_digest(monkeypatch: pytest.MonkeyPatch, world: World) -> datetime:
    """It is the hour of a digest, and everything so far waited before it."""
    at = world.now + timedelta(seconds=1)
    monkeypatch.setattr(planning, "slot_of", lambda now, zone: at)
    return at


@pytest.fixture
def told(world: World, mails: MailServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    no_digest(monkeypatch)
    return services.tell


def test_who_can_decide_is_told_once_and_nobody_else(world: World, mails: MailServer, told: Any) -> None:
    assert told() == 2
    assert told() == 0
    assert sorted(to for to, _mail in mails.taken) == ["ken.ho@example.com", "may.lee@example.com"]


def test_the_mail_says_what_why_which_options_until_when_and_who_is_next(
    world: World, mails: MailServer, told: Any
) -> None:
    told()
    (mail,) = mails.to("may.lee@example.com")
    due = world.approval.due_at.astimezone(ZONE)
    same_day = due.date() == world.now.astimezone(ZONE).date()
    at = due.strftime("%H:%M") if same_day else due.strftime("%-d %b %H:%M")
    assert mail["Subject"] == f"Decide by {at}: refund HK$480.00 to Chan T. [{world.case.number}]"
    text, html = parts(mail)
    for said in (
        "HK$480.00",
        "When a refund is over HK$300.00",
        "Partial refund",
        "Heads of department",
        world.case.number,
    ):
        assert said in text and said in html, said
    link = f"https://work.example.com/approvals/{world.approval.pk}/"
    assert re.findall(r"https?://\S+", text) == [link]
    assert re.findall(r'(?:href|src)="([^"]+)"', html) == [link]
    assert "Replying to this e-mail does nothing." in text
    assert words(text.replace(link, "")) <= 90
    assert "<img" not in html and "style" not in html and "Tai Man" not in text + html + mail["Subject"]


def next_in(mail: EmailMessage) -> str:
    found = re.search(r", then (.*) is asked", parts(mail)[0])
    assert found
    return found[1]


def test_the_mail_names_the_way_up_as_far_as_somebody_is(world: World, mails: MailServer, told: Any) -> None:
    """Nobody is in the team above, so that it goes on to the next one."""
    Team.objects.filter(pk=world.heads.pk).update(escalates_to=Team.objects.get(name="warehouse"))
    world.heads.group.user_set.clear()
    told()
    assert next_in(mails.to("may.lee@example.com")[0]) == "Heads of department, then Warehouse"


def test_the_mail_names_the_team_that_the_rule_passes_to(world: World, mails: MailServer, told: Any) -> None:
    asks = [{**one, "if_nobody": {"pass_to": world.support.name}} for one in world.approval.asks]
    Approval.objects.update(asks=asks)
    told()
    assert next_in(mails.to("may.lee@example.com")[0]) == world.support.title["en"]


def test_mails_of_a_case_stay_together(world: World, mails: MailServer, told: Any) -> None:
    told()
    one, other = (mails.to(f"{name}@example.com")[0] for name in ("may.lee", "ken.ho"))
    assert one["References"] == other["References"] == f"<case-{world.case.pk}@work.example.com>"
    assert one["Message-ID"] != other["Message-ID"]
    assert one["Auto-Submitted"] == "auto-generated"


def test_it_speaks_the_language_of_the_person(world: World, mails: MailServer, told: Any) -> None:
    Person.objects.filter(user=world.manager).update(language="zh-hant")
    told()
    (mail,) = mails.to("may.lee@example.com")
    text, html = parts(mail)
    assert "退款 HK$480.00" in mail["Subject"] and "前決定" in mail["Subject"]
    for said in ("退款超過 HK$300.00 時", "部門主管", "回覆此電郵"):
        assert said in text and said in html, said
    assert 'lang="zh-Hant-HK"' in html
    assert words(re.sub(r"https?://\S+", "", text)) <= 90
    assert "Decide" not in text + html


@guarantee("A13", ci=4, release=100)
def test_the_link_of_a_mail_only_opens_the_page(world: World, mails: MailServer, told: Any, size: Size) -> None:
    """Opened by a scanner, by others, twice, when it is over: nothing changes, and who is not signed in signs in."""
    told()
    text, html = parts(mails.to("may.lee@example.com")[0])
    (link,) = {*re.findall(r"https?://work.example.com(\S+)", text), *re.findall(r'example.com([^"]+)"', html)}
    states = ["waiting", "waiting", "decided", "withdrawn"]
    for n in size.each():
        state = states[n % len(states)]
        Approval.objects.update(state=state, due_at=world.now - timedelta(hours=n))
        before = rows()
        for user in (None, world.manager, world.outsider, world.manager):
            client = Client()
            if user:
                client.force_login(user)
            for method in (client.get, client.head, client.options):
                answer = method(link)
                if user is None and "/accounts/login/" not in answer.get("Location", ""):
                    size.failed(f"{state}: opens without signing in")
                if user == world.outsider and answer.status_code not in (404, 405):
                    size.failed(f"{state}: a stranger gets {answer.status_code}")
        if rows() != before:
            size.failed(f"{state}: looking changed something")


def rows() -> list[Any]:
    """All that a look could have changed."""
    return [
        list(model.objects.order_by("pk").values()) for model in (Approval, Decision, Proposal, Write, Event, Notice)
    ]


def test_nobody_is_told_of_a_case_they_may_not_see(world: World, mails: MailServer, told: Any) -> None:
    Case.objects.filter(pk=world.case.pk).update(confidential=True)
    CaseSight.objects.all().delete()
    told()
    assert mails.taken == []


def test_what_is_decided_before_the_mail_goes_out_is_not_mailed(world: World, mails: MailServer, told: Any) -> None:
    services.plan()
    Approval.objects.update(state="decided", decided_at=world.now, decided_option="full")
    assert services.send() == 0
    assert set(Notice.objects.values_list("state", flat=True)) == {"dropped"}
    Approval.objects.update(state="waiting", decided_at=None, decided_option="")  # undone: it waits again
    assert told() == 2


def test_who_lost_sight_between_is_not_mailed(world: World, mails: MailServer, told: Any) -> None:
    services.plan()
    world.manager.groups.clear()
    services.send()
    assert [to for to, _mail in mails.taken] == ["ken.ho@example.com"]


def test_a_name_with_line_breaks_makes_no_header(world: World, mails: MailServer, told: Any) -> None:
    bad = "Chan\r\nBcc: thief@example.com\r\n\r\nhello"
    Case.objects.update(requester_name=bad)
    Approval.objects.update(title={"en": f"Refund HK$480.00 · {bad}", "zh-hant": f"退款 · {bad}"})
    told()
    assert len(mails.taken) == 2
    for _to, mail in mails.taken:
        assert mail["Bcc"] is None
        assert "thief" not in str(mail["Subject"])
        assert len(list(mail.iter_parts())) == 2


def test_an_address_that_is_none_is_refused_and_others_are_told(world: World, mails: MailServer, told: Any) -> None:
    User.objects.filter(pk=world.deputy.pk).update(email="ken@example.com\r\nBcc: x@example.com")
    assert told() == 1
    assert Notice.objects.get(user=world.deputy).state == "failed"


def test_what_is_not_urgent_waits_for_the_digest_and_only_what_is_still_open_is_in_it(
    world: World, mails: MailServer, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Approval.objects.update(due_at=world.now + timedelta(hours=30))
    second = add_case_row(world.delivery, world.now, requester_name="Wong Mei Ling")
    _proposal, _writes, later = add_approval(world, second, due_in=timedelta(hours=40))
    gone = add_case_row(world.refund, world.now)
    _proposal, _writes, ended = add_approval(world, gone, due_in=timedelta(hours=50))
    assert told() == 0
    a_digest(monkeypatch, world)
    services.plan()
    Approval.objects.filter(pk=ended.pk).update(state="withdrawn")
    services.send()
    (mail,) = mails.to("may.lee@example.com")
    text, html = parts(mail)
    assert "2 approvals" in mail["Subject"]
    assert "Refund request: 1" in text and "Late delivery: 1" in text
    assert world.case.number in text and later.case.number in html and gone.number not in text
    assert re.findall(r"https?://\S+", text) == ["https://work.example.com/"]
    assert "Mei" not in text
    assert services.tell() == 0


def test_a_long_digest_counts_what_does_not_fit(
    world: World, mails: MailServer, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Approval.objects.update(due_at=world.now + timedelta(hours=30))
    for _n in range(30):
        add_approval(world, add_case_row(world.refund, world.now), due_in=timedelta(hours=40))
    a_digest(monkeypatch, world)
    services.tell()
    text, _html = parts(mails.to("may.lee@example.com")[0])
    assert "Refund request: 31" in text
    shown = text.count("[C-")
    assert 3 <= shown < 31 and f"and {31 - shown} more" in text
    assert words(re.sub(r"https?://\S+", "", text)) <= 90


def test_at_the_due_time_both_the_approver_and_the_next_one_are_told(
    world: World, mails: MailServer, told: Any
) -> None:
    MailChoice.objects.create(user=world.manager, mode="none")
    MailChoice.objects.create(user=world.head, mode="none")
    told()
    assert mails.to("may.lee@example.com") == []
    first = world.approval.asked.get()
    Approval.objects.update(passed_up=1, due_at=world.now + timedelta(hours=4))
    Asked.objects.create(
        approval=world.approval, team=world.heads, people=1, since=world.now, passed_up_from=first.team.name
    )
    CaseSight.objects.create(case=world.case, team=world.heads, reason="asked", at=world.now)
    told()
    assert told() == 0
    (late,), (up,) = mails.to("may.lee@example.com"), mails.to("grace.ng@example.com")
    assert late["Subject"].startswith("Overdue") and "Heads of department was asked as well" in parts(late)[0]
    assert up["Subject"].startswith("Passed up to you") and "Nobody decided in time" in parts(up)[0]


def test_at_the_end_of_the_ladder_the_last_ones_are_told(world: World, mails: MailServer, told: Any) -> None:
    told()
    Approval.objects.update(passed_up=1, due_at=None)
    told()
    assert [mail["Subject"][:7] for mail in mails.to("may.lee@example.com")] == ["Decide ", "Overdue"]
    assert told() == 0


def test_a_reminder_at_half_time_and_not_before_four_hours(world: World, mails: MailServer, told: Any) -> None:
    Approval.objects.update(due_at=world.now + timedelta(hours=5), risk="high")
    Asked.objects.update(since=world.now - timedelta(hours=8))
    told()
    assert told() == 0
    aged(3.9)
    assert told() == 0
    aged(0.2)
    assert told() == 2
    assert mails.taken[-1][1]["Subject"].startswith("Reminder")


def test_who_asked_hears_the_outcome_with_the_reason_after_the_hold(world: World, mails: MailServer, told: Any) -> None:
    Case.objects.update(opened_by=world.frontline)
    Approval.objects.update(
        state="decided", decided_option="reject", decided_at=world.now, hold_until=world.now + timedelta(minutes=5)
    )
    Decision.objects.create(
        approval=world.approval, user=world.manager, label="May Lee (may.lee)", team="support-managers",
        option="reject", reason="The card 4242 4242 4242 4242 was\nnot theirs", fingerprint="f" * 64, at=world.now,
    )  # fmt: skip
    assert told() == 0
    Approval.objects.update(hold_until=None)
    assert told() == 1
    (mail,) = mails.to("ka.yan@example.com")
    text, _html = parts(mail)
    assert mail["Subject"].startswith("Rejected: refund HK$480.00")
    assert "May Lee" in text and "was not theirs" in text and "4242 4242" not in text
    assert told() == 0


def test_an_asker_without_sight_hears_nothing(world: World, mails: MailServer, told: Any) -> None:
    Case.objects.update(opened_by=world.outsider)
    Approval.objects.update(state="decided", decided_option="full", decided_at=world.now)
    Decision.objects.create(
        approval=world.approval, user=world.manager, label="May Lee (may.lee)", team="support-managers",
        option="full", fingerprint="f" * 64, at=world.now,
    )  # fmt: skip
    told()
    assert mails.taken == []


def test_a_case_that_was_handed_over_is_told_to_its_team(world: World, mails: MailServer, told: Any) -> None:
    Approval.objects.update(state="withdrawn")
    Case.objects.update(
        status="with_person", holder_kind="team", holder_team=world.support, finish_due=world.now + timedelta(hours=1)
    )
    assert told() == 2
    (mail,) = mails.to("ka.yan@example.com")
    assert mail["Subject"] == f"With your team: Refund request [{world.case.number}]"
    assert "Chan" not in parts(mail)[0]
    assert told() == 0


# ---------------------------------------------------------------------- when things break


def test_a_crash_between_reserving_and_sending_loses_nothing_and_repeats_nothing(
    world: World, mails: MailServer, told: Any
) -> None:
    services.plan()
    services.plan()  # another worker, before anything was sent
    assert services.send() == 2
    assert services.send() == 0
    assert len(mails.taken) == 2


def test_a_server_that_was_down_is_tried_again(world: World, mails: MailServer, told: Any, settings: Any) -> None:
    port = mails.port
    settings.EMAIL_PORT = 1
    assert told() == 0
    assert Notice.objects.filter(state="reserved", tries=1).count() == 1  # the others were not even tried
    settings.EMAIL_PORT = port
    assert told() == 1
    aged(0.3)
    assert told() == 1
    assert sorted(to for to, _mail in mails.taken) == ["ken.ho@example.com", "may.lee@example.com"]


def test_a_server_that_says_later_is_tried_again_and_one_that_refuses_is_not(
    world: World, mails: MailServer, told: Any
) -> None:
    mails.faults[:] = ["451"]
    told()
    aged(0.3)
    mails.faults[:] = ["550"]
    told()
    told()
    states = sorted(Notice.objects.values_list("state", flat=True))
    assert states == ["failed", "sent"]
    assert len(mails.taken) == 1


def test_an_unknown_outcome_is_sent_once_more_with_the_same_message_id_and_then_left(
    world: World, mails: MailServer, told: Any
) -> None:
    world.deputy.groups.clear()
    mails.faults[:] = ["cut", "cut", "cut"]
    for _time in range(5):
        told()
        aged(0.2)
    assert len(mails.taken) == 2
    assert len({mail["Message-ID"] for _to, mail in mails.taken}) == 1
    assert Notice.objects.get().state == "unknown"


def test_a_digest_that_a_newer_one_overtook_is_dropped(
    world: World, mails: MailServer, told: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    Approval.objects.update(due_at=world.now + timedelta(hours=90))
    at = a_digest(monkeypatch, world)
    services.plan()
    aged(5)
    monkeypatch.setattr(planning, "slot_of", lambda now, zone: at + timedelta(hours=5))
    services.tell()
    assert len(mails.to("may.lee@example.com")) == 1
    assert sorted(Notice.objects.filter(user=world.manager).values_list("state", flat=True)) == ["dropped", "sent"]


def test_planning_asks_as_much_for_200_as_for_10(world: World) -> None:
    counts = []
    for more in (9, 190):
        for _n in range(more):
            add_approval(world, add_case_row(world.refund, world.now))
        Notice.objects.all().delete()
        with CaptureQueriesContext(connection) as asked:
            selectors.open_for(world.manager)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 5
